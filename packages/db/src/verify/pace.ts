import type { Scheduler } from "../env/scheduler.ts";

/** What may run ahead of the rate, so that slow reading does not wake the process for every few kilobytes. */
const AHEAD_MS_MAX = 20;

/** Keeps reading to a rate. What is not used is not saved up. */
export class Pace {
  readonly #scheduler: Scheduler;
  readonly #bytesPerMs: number;
  readonly #signal: AbortSignal | undefined;
  /** When everything so far would have been read at just this rate. */
  #doneAtMs = 0;

  /** @param signal ends waiting. */
  constructor(scheduler: Scheduler, bytesPerSecond: number, signal: AbortSignal | undefined) {
    this.#scheduler = scheduler;
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#signal = signal;
  }

  /** Resolves when `bytes` more may be read, or the signal fires. */
  async take(bytes: number): Promise<void> {
    const now = this.#scheduler.monotonicMs();
    const aheadMs = this.#doneAtMs - now;
    this.#doneAtMs = Math.max(this.#doneAtMs, now) + bytes / this.#bytesPerMs;
    if (aheadMs > AHEAD_MS_MAX) await this.#scheduler.delay(aheadMs, this.#signal);
  }
}
