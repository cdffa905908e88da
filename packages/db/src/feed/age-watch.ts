import type { Scheduler } from "../env/scheduler.ts";

/** Milliseconds between two looks at the clock, which may be set meanwhile. */
const LOOK_MS_MIN = 1_000;
const LOOK_MS_MAX = 60_000;

/** Tells when something that is kept has become too old, whether or not anybody writes. */
export class AgeWatch {
  readonly #scheduler: Scheduler;
  readonly #dueInMs: () => number | undefined;
  readonly #onDue: () => void;
  readonly #closed: AbortController = new AbortController();
  #watching: Promise<void> | undefined;

  /** @param dueInMs until the oldest thing is too old, negative once it is; undefined where there is nothing */
  constructor(scheduler: Scheduler, dueInMs: () => number | undefined, onDue: () => void) {
    this.#scheduler = scheduler;
    this.#dueInMs = dueInMs;
    this.#onDue = onDue;
  }

  /** Something may be kept: looks at it again and again for as long as there is something. */
  watch(): void {
    if (this.#dueInMs() === undefined) return;
    this.#watching ??= this.#run().finally(() => (this.#watching = undefined));
  }

  /** Ends the watch. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#watching;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closed;
    for (let ms = this.#dueInMs(); ms !== undefined && !signal.aborted; ms = this.#dueInMs()) {
      await this.#scheduler.delay(Math.min(LOOK_MS_MAX, Math.max(LOOK_MS_MIN, ms)), signal);
      if (!signal.aborted && (this.#dueInMs() ?? 0) < 0) this.#onDue();
    }
  }
}
