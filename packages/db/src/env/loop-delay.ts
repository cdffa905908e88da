/** How late the event loop runs on the thread that serves reads and writes: a component, so that tests can say. */
export interface LoopDelay {
  /**
   * Tells `observe` every few milliseconds how many milliseconds late the loop was, until the function that it returns
   * is called. Keeps no process alive.
   */
  watch(observe: (delayMs: number) => void): () => void;
}

/** Short enough to see a stretch of 10 ms, and two hundred looks a second cost nothing that could be measured. */
const INTERVAL_MS = 5;

export const systemLoopDelay: LoopDelay = {
  watch(observe) {
    let last = performance.now();
    const timer = setInterval(() => {
      const now = performance.now();
      observe(Math.max(0, now - last - INTERVAL_MS));
      last = now;
    }, INTERVAL_MS);
    timer.unref();
    return () => clearInterval(timer);
  },
};
