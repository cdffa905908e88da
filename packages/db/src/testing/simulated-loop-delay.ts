import type { LoopDelay } from "../env/loop-delay.ts";

/** An event loop that is as late as a test says. */
export class SimulatedLoopDelay implements LoopDelay {
  readonly #observers: Set<(delayMs: number) => void> = new Set();

  /** How many watch it. */
  get watchers(): number {
    return this.#observers.size;
  }

  watch(observe: (delayMs: number) => void): () => void {
    this.#observers.add(observe);
    return () => this.#observers.delete(observe);
  }

  /** Tells those who watch, so many times. */
  late(delayMs: number, looks = 1): void {
    for (let look = 0; look < looks; look++) for (const observe of this.#observers) observe(delayMs);
  }
}
