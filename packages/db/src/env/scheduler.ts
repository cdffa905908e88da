/** Time and turns, as a component: a simulated scheduler replaces it in tests. */
export interface Scheduler {
  /** Resolves after `ms` milliseconds at least, or when `signal` fires; nothing is left behind then. */
  delay(ms: number, signal?: AbortSignal): Promise<void>;
  /** Resolves on a later turn of the event loop, after pending input and output. */
  nextTurn(): Promise<void>;
  /** Milliseconds on a clock that never goes back; its zero means nothing. */
  monotonicMs(): number;
}

export const systemScheduler: Scheduler = {
  delay,
  nextTurn: () => new Promise((resolve) => setImmediate(resolve)),
  monotonicMs: () => performance.now(),
};

function delay(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end);
  });
}
