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

  delay(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const sleeper: Sleeper = { atMs: this.#nowMs + ms, resolve: () => end() };
      const wake = (): void => {
        this.#sleepers.splice(this.#sleepers.indexOf(sleeper), 1);
        end();
      };
      const end = (): void => {
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      signal?.addEventListener("abort", wake);
      const behind = this.#sleepers.findIndex(({ atMs }) => atMs > sleeper.atMs);
      this.#sleepers.splice(behind < 0 ? this.#sleepers.length : behind, 0, sleeper);
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
      const sleeper = this.#sleepers.shift();
      // The last one may have been woken early.
      if (sleeper === undefined) return;
      this.#nowMs = Math.max(this.#nowMs, sleeper.atMs);
      sleeper.resolve();
      this.#tick();
    });
  }
}
