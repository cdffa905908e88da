import type { Clock } from "@kvts/common";

/** A clock that stands still until it is moved. */
export class ManualClock implements Clock {
  #now: number;

  /** @param now integer microseconds */
  constructor(now: number) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  advance(microseconds: number): void {
    this.#now += microseconds;
  }
}
