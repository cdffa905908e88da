import { KvtsError } from "@kvts/common";
import type { Scheduler } from "./env/scheduler.ts";

/** How often those who wait are held against their deadline. */
const LOOK_MS = 20;

interface Waiting {
  readonly deadlineMs: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Where writes wait, in turn and not for ever, until the store has caught up. */
export class WaitingRoom {
  readonly #scheduler: Scheduler;
  readonly #timeoutMs: number;
  readonly #reason: () => string | undefined;
  #waiting: Waiting[] = [];
  #watching = false;
  #count = 0;

  /** @param reason why one has to wait at the moment, as a clause; undefined where one need not. */
  constructor(scheduler: Scheduler, timeoutMs: number, reason: () => string | undefined) {
    this.#scheduler = scheduler;
    this.#timeoutMs = timeoutMs;
    this.#reason = reason;
  }

  /** How often somebody has had to wait. */
  get count(): number {
    return this.#count;
  }

  /** Whether one may pass without waiting: nobody is waiting, and nothing is in the way. */
  get isOpen(): boolean {
    return this.#waiting.length === 0 && this.#reason() === undefined;
  }

  /** Resolves in turn when nothing is in the way. @throws UNAVAILABLE after the deadline */
  wait(): Promise<void> {
    this.#count++;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ deadlineMs: this.#scheduler.monotonicMs() + this.#timeoutMs, resolve, reject });
      void this.#watch();
    });
  }

  /** Something that may have been in the way has changed. */
  changed(): void {
    while (this.#waiting.length > 0 && this.#reason() === undefined) this.#waiting.shift()!.resolve();
  }

  /** Turns everybody away. */
  empty(error: unknown): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  /** While anybody waits: lets pass who may, turns away who has waited too long. */
  async #watch(): Promise<void> {
    if (this.#watching) return;
    this.#watching = true;
    while (this.#waiting.length > 0) {
      await this.#scheduler.delay(LOOK_MS);
      this.changed();
      const now = this.#scheduler.monotonicMs();
      while (this.#waiting.length > 0 && this.#waiting[0]!.deadlineMs <= now) {
        this.#waiting.shift()!.reject(this.#tooLong());
      }
    }
    this.#watching = false;
  }

  #tooLong(): KvtsError {
    return new KvtsError(
      "UNAVAILABLE",
      `the store has not caught up with its writes within ${this.#timeoutMs} ms (${this.#reason() ?? "it is busy"}); try again later`,
      { details: { retryAfterMs: 1000 } },
    );
  }
}
