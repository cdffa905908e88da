/** A clock that runs ahead of the time that has passed by so much, in microseconds, is taken for a mistake … */
const JUMP_MAX = 3_600_000_000;
/** … until it has run on for so long without another jump, in milliseconds. */
const STEADY_MS = 3_600_000;
const MICROS_PER_MS = 1000;

export interface ClockWatchSource {
  /** Microseconds, by the clock that is to be trusted or not. */
  now(): number;
  /** Milliseconds, by one that never jumps. */
  monotonicMs(): number;
  /** The latest timestamp that was assigned, in microseconds. */
  lastAssigned(): number;
}

/**
 * Whether the clock may decide what history is cut: what is cut stays cut. A machine that sleeps looks like one whose clock
 * jumps, so after a jump the clock is trusted again once it has kept to its new time for an hour.
 */
export class ClockWatch {
  readonly #source: ClockWatchSource;
  #seen: number;
  #seenMs: number;
  #steadySinceMs: number = Number.NEGATIVE_INFINITY;

  constructor(source: ClockWatchSource) {
    this.#source = source;
    this.#seen = source.now();
    this.#seenMs = source.monotonicMs();
  }

  /** Microseconds; undefined while the clock is not to be trusted. */
  trusted(): number | undefined {
    const now = this.#source.now();
    const ms = this.#source.monotonicMs();
    const expected = this.#seen + (ms - this.#seenMs) * MICROS_PER_MS;
    if (now - expected > JUMP_MAX) this.#steadySinceMs = ms;
    this.#seen = now;
    this.#seenMs = ms;
    const isBehind = this.#source.lastAssigned() - now > JUMP_MAX;
    return isBehind || ms - this.#steadySinceMs < STEADY_MS ? undefined : now;
  }
}
