import type { Scheduler } from "../env/scheduler.ts";

/** Tells when nobody has written for a while: the moment for work that writers need not pay for. */
export class RestWatch {
  readonly #scheduler: Scheduler;
  readonly #restMs: number;
  readonly #lastSeq: () => number;
  readonly #closed: AbortController = new AbortController();
  #watching: Promise<void> | undefined;

  /**
   * @param restMs how long nothing must be written; 0 for a watch that never tells.
   * @param lastSeq the seq of the last write
   */
  constructor(scheduler: Scheduler, restMs: number, lastSeq: () => number) {
    this.#scheduler = scheduler;
    this.#restMs = restMs;
    this.#lastSeq = lastSeq;
  }

  /** Calls `onRest` at the next rest, unless `isWanted` says before that nobody needs it any more. One watch at a time. */
  watch(isWanted: () => boolean, onRest: () => void): void {
    if (this.#restMs === 0 || this.#closed.signal.aborted) return;
    this.#watching ??= this.#wait(isWanted).then((rests) => {
      this.#watching = undefined;
      if (rests) onRest();
    });
  }

  /** Ends the watch. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#watching;
  }

  async #wait(isWanted: () => boolean): Promise<boolean> {
    while (isWanted()) {
      const before = this.#lastSeq();
      await this.#scheduler.delay(this.#restMs, this.#closed.signal);
      if (this.#closed.signal.aborted) return false;
      if (this.#lastSeq() === before) return isWanted();
    }
    return false;
  }
}
