import { PACE_FULL } from "./pace.ts";

/** No longer asleep than this at a time, so that messages are seen. */
const SLEEP_MS_MAX = 20;
const SLEEP_MS_MIN = 0.05;

/** Has the thread of a job sleep between two slices of its work, as the pace in shared memory says. */
export class Throttle {
  readonly #words: Int32Array;
  readonly #word: number;
  readonly #monotonicMs: () => number;
  #sliceStartedMs: number;

  /** @param word which of `words` is this job's pace. */
  constructor(words: Int32Array, word: number, monotonicMs: () => number) {
    this.#words = words;
    this.#word = word;
    this.#monotonicMs = monotonicMs;
    this.#sliceStartedMs = monotonicMs();
  }

  /** A slice has ended: sleeps for its share of the time. A change of pace ends the sleep. */
  rest(): void {
    const pace = Atomics.load(this.#words, this.#word);
    const sleepMs = sleepFor(this.#monotonicMs() - this.#sliceStartedMs, pace);
    if (sleepMs > 0) Atomics.wait(this.#words, this.#word, pace, sleepMs);
  }

  /** The next slice begins. */
  resume(): void {
    this.#sliceStartedMs = this.#monotonicMs();
  }
}

/** Milliseconds of sleep after `workedMs` of work, so that work has its share of both. */
export function sleepFor(workedMs: number, pace: number): number {
  const sleepMs = Math.min(SLEEP_MS_MAX, (workedMs * (PACE_FULL - pace)) / pace);
  return sleepMs < SLEEP_MS_MIN ? 0 : sleepMs;
}
