import { KvtsError } from "@kvts/common";
import type { Scheduler } from "./env/scheduler.ts";

/** How often waiting writes are held against their deadline. */
const LOOK_MS = 20;

interface Waiting {
  readonly deadlineMs: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Lets writes in, makes them wait while the store cannot keep up, and turns them away once it takes none. */
export class WriteGate {
  readonly #scheduler: Scheduler;
  readonly #timeoutMs: number;
  /** Why writes have to wait at the moment; undefined where they need not. */
  readonly #reason: () => string | undefined;
  #waiting: Waiting[] = [];
  #refusal: KvtsError | undefined;
  #watching = false;
  #stalls = 0;

  constructor(scheduler: Scheduler, timeoutMs: number, reason: () => string | undefined) {
    this.#scheduler = scheduler;
    this.#timeoutMs = timeoutMs;
    this.#reason = reason;
  }

  /** Waits so far, for `stats`. */
  get stalls(): number {
    return this.#stalls;
  }

  /** Whether a write may go ahead at once. @throws what the store was shut with */
  get isOpen(): boolean {
    if (this.#refusal !== undefined) throw this.#refusal;
    return this.#waiting.length === 0 && this.#reason() === undefined;
  }

  /** Why no write is taken any more, if so. */
  get refusal(): KvtsError | undefined {
    return this.#refusal;
  }

  /** From here on every write fails with `error`; the first refusal stays. */
  refuse(error: KvtsError): void {
    this.#refusal ??= error;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { reject } of waiting) reject(this.#refusal);
  }

  /** Resolves in turn when writes may go ahead. @throws UNAVAILABLE after the deadline */
  wait(): Promise<void> {
    this.#stalls++;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ deadlineMs: this.#scheduler.monotonicMs() + this.#timeoutMs, resolve, reject });
      void this.#watch();
    });
  }

  /** Something that writes may be waiting for has changed. */
  changed(): void {
    while (this.#waiting.length > 0 && this.#reason() === undefined) this.#waiting.shift()!.resolve();
  }

  /** While anybody waits: lets go in what may, turns away what has waited too long. */
  async #watch(): Promise<void> {
    if (this.#watching) return;
    this.#watching = true;
    while (this.#waiting.length > 0) {
      await this.#scheduler.delay(LOOK_MS);
      this.changed();
      const now = this.#scheduler.monotonicMs();
      while (this.#waiting.length > 0 && this.#waiting[0]!.deadlineMs <= now) {
        this.#waiting.shift()!.reject(
          new KvtsError(
            "UNAVAILABLE",
            `the store has not caught up with its writes within ${this.#timeoutMs} ms (${this.#reason() ?? "busy"}); try again later`,
            { details: { retryAfterMs: 1000 } },
          ),
        );
      }
    }
    this.#watching = false;
  }
}
