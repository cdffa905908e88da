import { KvtsError } from "@kvts/common";
import type { Scheduler } from "../env/scheduler.ts";

/** How often those who wait are held against their deadline. */
const LOOK_MS = 20;

/** So many who have left are forgotten together. */
const LEFT_MAX = 1024;

interface Waiting {
  readonly deadlineMs: number;
  readonly enter: () => void;
  readonly reject: (error: unknown) => void;
}

/** Where writes wait, in turn and not for ever, until the store has caught up. */
export class WaitingRoom {
  readonly #scheduler: Scheduler;
  readonly #timeoutMs: number;
  readonly #reason: () => string | undefined;
  readonly #obstacle: () => KvtsError | undefined;
  #waiting: Waiting[] = [];
  /** How many at the front of the list have left: taking each off at once would move all the others. */
  #left = 0;
  #watching = false;
  #count = 0;

  /**
   * @param reason why one has to wait at the moment, as a clause; undefined where one need not.
   * @param obstacle what waiting does not help against: those who wait are turned away with it at once.
   */
  constructor(
    scheduler: Scheduler,
    timeoutMs: number,
    reason: () => string | undefined,
    obstacle: () => KvtsError | undefined = () => undefined,
  ) {
    this.#scheduler = scheduler;
    this.#timeoutMs = timeoutMs;
    this.#reason = reason;
    this.#obstacle = obstacle;
  }

  /** How often somebody has had to wait. */
  get count(): number {
    return this.#count;
  }

  /** Whether one may pass without waiting: nobody is waiting, and nothing is in the way. */
  get isOpen(): boolean {
    return this.#first === undefined && this.#reason() === undefined;
  }

  /**
   * Runs `action`, in turn, when nothing is in the way. It runs in one step with the look, so that nobody overtakes it,
   * and what it puts in the way counts for the next one.
   * @throws UNAVAILABLE after the deadline, or the obstacle
   */
  pass<T>(action: () => Promise<T>): Promise<T> {
    this.#count++;
    return new Promise((resolve, reject) => {
      const enter = (): void => {
        try {
          resolve(action());
        } catch (error) {
          reject(error);
        }
      };
      this.#waiting.push({ deadlineMs: this.#scheduler.monotonicMs() + this.#timeoutMs, enter, reject });
      void this.#watch();
    });
  }

  /** Something that may have been in the way has changed. */
  changed(): void {
    while (this.#first !== undefined && this.#reason() === undefined) this.#take().enter();
  }

  /** Turns everybody away. */
  empty(error: unknown): void {
    while (this.#first !== undefined) this.#take().reject(error);
  }

  get #first(): Waiting | undefined {
    return this.#waiting[this.#left];
  }

  #take(): Waiting {
    const first = this.#waiting[this.#left++]!;
    if (this.#left >= LEFT_MAX || this.#left === this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#left);
      this.#left = 0;
    }
    return first;
  }

  /** While anybody waits: lets pass who may, turns away who has waited too long. */
  async #watch(): Promise<void> {
    if (this.#watching) return;
    this.#watching = true;
    while (this.#first !== undefined) {
      await this.#scheduler.delay(LOOK_MS);
      this.changed();
      const obstacle = this.#obstacle();
      if (obstacle !== undefined) this.empty(obstacle);
      const now = this.#scheduler.monotonicMs();
      while (this.#first !== undefined && this.#first.deadlineMs <= now) this.#take().reject(this.#tooLong());
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
