/** What a figure counts; it decides which way is better. */
export type Unit = "per second" | "ms" | "bytes" | "MB" | "times";

/** What kvts is to reach. */
export interface Target {
  /** A bound on the figure itself: from below for rates, from above for everything else. */
  readonly bound?: number;
  /** How many times better than the best peer of the same run. */
  readonly timesBestPeer?: number;
  /** At least this share of another metric of kvts. */
  readonly shareOf?: { readonly metric: string; readonly share: number };
}

/** One line of the report. */
export interface Metric {
  readonly id: string;
  readonly title: string;
  readonly unit: Unit;
  readonly target?: Target;
}

export function isMoreBetter(unit: Unit): boolean {
  return unit === "per second";
}
