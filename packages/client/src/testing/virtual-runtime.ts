import { abortError } from "@kvts/common";
import type { Runtime } from "../runtime.ts";

/** Time that passes only by being slept through, or by `advance`; chance that always falls the same way. */
export interface VirtualRuntime extends Runtime {
  /** The pauses slept so far, in milliseconds. */
  readonly sleeps: readonly number[];
  advance(ms: number): void;
  /** How many calls of `every` go on. */
  readonly timers: number;
}

/** @param chance what `random` answers, in [0, 1) */
export function virtualRuntime(chance = 0.5, startMicros = 1_000_000_000): VirtualRuntime {
  const sleeps: number[] = [];
  let elapsedMs = 0;
  const timers = new Set<{ readonly ms: number; dueMs: number; readonly run: () => void }>();
  return {
    sleeps,
    clock: { now: () => startMicros + elapsedMs * 1000 },
    nowMs: () => elapsedMs,
    random: () => chance,
    uniqueName: () => "client",
    get timers() {
      return timers.size;
    },
    advance(ms) {
      elapsedMs += ms;
      for (const timer of timers) {
        for (; timer.dueMs <= elapsedMs; timer.dueMs += timer.ms) timer.run();
      }
    },
    every(ms, run) {
      const timer = { ms, dueMs: elapsedMs + ms, run };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    async sleep(ms, signal) {
      sleeps.push(ms);
      await Promise.resolve();
      if (signal?.aborted === true) throw abortError(signal);
      elapsedMs += ms;
    },
  };
}
