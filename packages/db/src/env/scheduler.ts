/** Time and turns, as a component: a simulated scheduler replaces it in tests. */
export interface Scheduler {
  /** Resolves after `ms` milliseconds at least. */
  delay(ms: number): Promise<void>;
  /** Resolves on a later turn of the event loop, after pending input and output. */
  nextTurn(): Promise<void>;
  /** Milliseconds on a clock that never goes back; its zero means nothing. */
  monotonicMs(): number;
}

export const systemScheduler: Scheduler = {
  delay: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  nextTurn: () => new Promise((resolve) => setImmediate(resolve)),
  monotonicMs: () => performance.now(),
};
