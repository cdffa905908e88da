import type { Plan } from "./plan.ts";

/** What is known of each writer: a few numbers, however much is written. Plain data, so that it goes to other processes. */
export interface WriterState {
  /** Batches that were acknowledged, or found after a restart. */
  written: number;
  /** Of them, those that were read again since. */
  checked: number;
  /** The greatest timestamp among those; what a writer that leaves them to the store has written since lies above. */
  newest: number;
  /** Whether the next one was begun, and may be there. */
  inFlight: boolean;
}

export interface Ledger extends Plan {
  readonly states: readonly WriterState[];
}

export function emptyLedger(plan: Plan): Ledger {
  const states = Array.from({ length: plan.writers }, () => ({ written: 0, checked: 0, newest: 0, inFlight: false }));
  return { ...plan, states };
}
