import { abortError, type Clock, systemClock, toBase64Url } from "@kvts/common";

/** Where a client's time and chance come from. */
export interface Runtime {
  /** The wall clock that relative times such as `-5m` count from. */
  readonly clock: Clock;
  /** Milliseconds of a clock that is never set. */
  nowMs(): number;
  /** Even in [0, 1). */
  random(): number;
  /** A text that nobody else comes up with. */
  uniqueName(): string;
  /** Calls `run` again and again, until what it returns is called; that alone does not keep a process alive. */
  every(ms: number, run: () => void): () => void;
  /** Waits; rejects with the error of `signal` as soon as it fires. */
  sleep(ms: number, signal: AbortSignal | undefined): Promise<void>;
}

export const systemRuntime: Runtime = {
  clock: systemClock,
  nowMs: () => performance.now(),
  random: () => Math.random(),
  uniqueName: () => toBase64Url(crypto.getRandomValues(new Uint8Array(12))),
  every(ms, run) {
    // Browsers have numbers for timers, which keep nothing alive.
    const timer: { unref?(): void } | number = setInterval(run, ms);
    if (typeof timer !== "number") timer.unref?.();
    return () => clearInterval(timer as NodeJS.Timeout);
  },
  sleep(ms, signal) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(abortError(signal));
      const abort = (): void => {
        clearTimeout(timer);
        reject(abortError(signal as AbortSignal));
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", abort);
        resolve();
      }, ms);
      signal?.addEventListener("abort", abort, { once: true });
    });
  },
};
