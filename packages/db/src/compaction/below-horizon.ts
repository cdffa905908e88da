import { CarriedVersion } from "../format/carried-version.ts";
import {
  joinWords,
  KIND_DELETE,
  KIND_MASK,
  META,
  META_EXPIRES,
  SEQ_HI,
  SEQ_LO,
  VERSION_WORDS,
} from "../format/version-record.ts";
import type { KeyFloor } from "./key-floors.ts";
import type { Retention } from "./retention.ts";

/** Where versions go that stay. */
export interface KeptVersions<E> {
  addOne(version: CarriedVersion<E>): void;
}

/**
 * One key's versions below its horizon, on their way through a merge in ascending order: the newest of them stays, the
 * others go, unless a pinned seq shows them. What comes behind a version whose fate is still open waits with it.
 */
export class BelowHorizon<E> {
  readonly #retention: Retention;
  #floor: KeyFloor | undefined;
  /** The newest version so far, not decided yet. */
  #newest: CarriedVersion<E> | undefined;
  #newestSeq = 0;
  /** Records with greater timestamps that are no versions: retracts, and what they hide from some seqs. */
  readonly #behind: CarriedVersion<E>[] = [];
  /** Whether something older stays. */
  #keepsOlder = false;
  readonly #spare: CarriedVersion<E>[] = [];

  constructor(retention: Retention) {
    this.#retention = retention;
  }

  start(floor: KeyFloor): void {
    this.#floor = floor;
    this.#keepsOlder = false;
  }

  /** Takes a copy of what counts at its timestamp, and is no retract. */
  offer(version: CarriedVersion<E>, seq: number, kept: KeptVersions<E>): void {
    const older = this.#newest;
    if (older !== undefined) {
      if (this.#retention.dropSuperseded(this.#newestSeq, seq)) this.#spare.push(older);
      else this.#keep(older, kept);
    }
    for (const record of this.#behind) {
      // A retract has nothing to hide any more below what is newest.
      if (record.isRetract && this.#retention.dropSuperseded(seqOf(record), seq)) this.#spare.push(record);
      else this.#keep(record, kept);
    }
    this.#behind.length = 0;
    this.#newest = this.#copy(version);
    this.#newestSeq = seq;
  }

  /** Takes a copy of a record that stays, and is not what counts at its timestamp, or is a retract. */
  keep(record: CarriedVersion<E>): void {
    this.#behind.push(this.#copy(record));
  }

  /** All versions below the horizon have been taken. */
  finish(kept: KeptVersions<E>): void {
    const newest = this.#newest;
    this.#newest = undefined;
    if (newest !== undefined) {
      if (this.#isSpent(newest) && !this.#keepsOlder && this.#retention.dropSpent(this.#newestSeq)) {
        this.#spare.push(newest);
      } else {
        this.#keep(newest, kept);
      }
    }
    for (const record of this.#behind) this.#keep(record, kept);
    this.#behind.length = 0;
  }

  /** Whether it says no more than nothing would, and what it hides is nowhere. */
  #isSpent({ run }: CarriedVersion<E>): boolean {
    const floor = this.#floor!;
    if (!floor.dropsSpent) return false;
    const meta = run.i32[META]!;
    if ((meta & KIND_MASK) === KIND_DELETE) return true;
    if ((meta & META_EXPIRES) === 0) return false;
    return joinWords(run.i32[VERSION_WORDS]!, run.i32[VERSION_WORDS + 1]!) < floor.timestamp;
  }

  #keep(version: CarriedVersion<E>, kept: KeptVersions<E>): void {
    this.#keepsOlder = true;
    kept.addOne(version);
    this.#spare.push(version);
  }

  #copy(version: CarriedVersion<E>): CarriedVersion<E> {
    const copy = this.#spare.pop() ?? new CarriedVersion<E>();
    copy.take(version.run, 0, version.owner as E);
    return copy;
  }
}

/** The seq of a carried version. */
export function seqOf({ run }: CarriedVersion<unknown>): number {
  return joinWords(run.i32[SEQ_HI]!, run.i32[SEQ_LO]!);
}
