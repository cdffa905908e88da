import { KvtsError } from "@kvts/common";

/** Counts calls against a rate. */
export interface CallRate {
  /** @throws OVERLOADED for a call above the rate */
  take(): void;
}

/**
 * As many calls as `callsPerSecond` may come at once; they become due again evenly over a second.
 * @param nowMs of a clock that only goes forward
 */
export function createCallRate(callsPerSecond: number, nowMs: () => number = () => performance.now()): CallRate {
  let due = callsPerSecond;
  let asOfMs = nowMs();
  return {
    take() {
      const ms = nowMs();
      due = Math.min(callsPerSecond, due + ((ms - asOfMs) * callsPerSecond) / 1000);
      asOfMs = ms;
      if (due < 1) {
        throw new KvtsError("OVERLOADED", `this token is for ${callsPerSecond} calls a second; send fewer`, {
          details: { limit: callsPerSecond },
        });
      }
      due--;
    },
  };
}
