import type { LoopDelay } from "../env/loop-delay.ts";
import { type CompactionDebt, type DebtBounds, PACE_FULL, paceForDebt, paceForDelay } from "./pace.ts";

/** Words of the memory that a pacer shares with the worker: the pace of each kind of job. */
export const MERGE_PACE = 0;
export const FLUSH_PACE = 1;
const PACE_WORDS = 2;

/** Shared memory for a job that nobody slows down. */
export function unpaced(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(PACE_WORDS * Int32Array.BYTES_PER_ELEMENT)).fill(PACE_FULL);
}

/** By how much the worst delay seen is forgotten with every look: half of it in a third of a second. */
const FORGOTTEN_A_LOOK = 0.01;

export interface PacerStats {
  /** Shares of its time that the worker may use, 0 to 1. */
  readonly mergeShare: number;
  readonly flushShare: number;
  /** The worst delay of the event loop lately, as far as background work ran. */
  readonly loopDelayMs: number;
}

/**
 * Sets the pace of background work: while a job runs it watches how late the event loop is, and tells the worker through
 * shared memory how much of its time it may use.
 */
export class Pacer {
  /** To be sent with each job. */
  readonly words: Int32Array = unpaced();
  readonly #loopDelay: LoopDelay;
  readonly #debt: () => CompactionDebt;
  readonly #bounds: DebtBounds;
  #allowed = PACE_FULL;
  #worstDelayMs = 0;
  #jobs = 0;
  #unwatch: () => void = () => {};

  constructor(loopDelay: LoopDelay, debt: () => CompactionDebt, bounds: DebtBounds) {
    this.#loopDelay = loopDelay;
    this.#debt = debt;
    this.#bounds = bounds;
  }

  /** A job begins; call the result when it has ended. */
  begin(): () => void {
    if (this.#jobs++ === 0) this.#unwatch = this.#loopDelay.watch((delayMs) => this.#observe(delayMs));
    this.#set();
    return () => {
      if (--this.#jobs === 0) this.#unwatch();
    };
  }

  stats(): PacerStats {
    return {
      mergeShare: this.words[MERGE_PACE]! / PACE_FULL,
      flushShare: this.words[FLUSH_PACE]! / PACE_FULL,
      loopDelayMs: Math.round(this.#worstDelayMs * 10) / 10,
    };
  }

  #observe(delayMs: number): void {
    this.#worstDelayMs = Math.max(delayMs, this.#worstDelayMs * (1 - FORGOTTEN_A_LOOK));
    this.#allowed = paceForDelay(this.#allowed, delayMs);
    this.#set();
  }

  #set(): void {
    const { merges, flushes } = paceForDebt(this.#allowed, this.#debt(), this.#bounds);
    this.#store(MERGE_PACE, merges);
    this.#store(FLUSH_PACE, flushes);
  }

  /** Wakes the worker too, where it sleeps by the old pace. */
  #store(word: number, pace: number): void {
    if (Atomics.exchange(this.words, word, pace) !== pace) Atomics.notify(this.words, word);
  }
}
