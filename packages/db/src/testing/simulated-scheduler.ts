import type { Scheduler } from "../env/scheduler.ts";

interface Sleeper {
  readonly atMs: number;
  readonly resolve: () => void;
}

/**
 * Time that passes only while everybody waits: each turn of the event loop with sleepers and nothing else to do takes
 * the clock to the next one's hour. Ten seconds of a stall cost a few hundred turns, and a run is the same each time.
 */
export class SimulatedScheduler implements Scheduler {
  #nowMs = 0;
  /** By time of waking; of equal ones, in the order in which they lay down. */
  readonly #sleepers: Sleeper[] = [];
  #ticking = false;

  delay(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const atMs = this.#nowMs + ms;
      const behind = this.#sleepers.findIndex((sleeper) => sleeper.atMs > atMs);
      this.#sleepers.splice(behind < 0 ? this.#sleepers.length : behind, 0, { atMs, resolve });
      this.#tick();
    });
  }

  nextTurn(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  #tick(): void {
    if (this.#ticking || this.#sleepers.length === 0) return;
    this.#ticking = true;
    setImmediate(() => {
      this.#ticking = false;
      const sleeper = this.#sleepers.shift()!;
      this.#nowMs = Math.max(this.#nowMs, sleeper.atMs);
      sleeper.resolve();
      this.#tick();
    });
  }
}
