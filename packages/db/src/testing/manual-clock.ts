import type { Clock } from "@kvts/common";

/** A clock that stands still until it is moved. */
export class ManualClock implements Clock {
  #now: number;
  #latest: number;

  /** @param now integer microseconds */
  constructor(now: number) {
    this.#now = now;
    this.#latest = now;
  }

  now(): number {
    return this.#now;
  }

  /** The latest hour that it has shown. */
  get latest(): number {
    return this.#latest;
  }

  /** Forward, or back where `microseconds` are below 0. */
  advance(microseconds: number): void {
    this.#now += microseconds;
    this.#latest = Math.max(this.#latest, this.#now);
  }
}
