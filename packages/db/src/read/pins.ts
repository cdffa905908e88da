import { KvtsError } from "@kvts/common";
import type { Horizons } from "../retention/horizons.ts";

/** A seq that compaction must keep readable until it is released. */
export interface Pin {
  readonly seq: number;
  /** What it reads by: those that were in force when it was taken. */
  readonly horizons: Horizons | undefined;
  readonly isReleased: boolean;
  release(): void;
}

interface Held {
  count: number;
  readonly sinceMs: number;
  /** The first holder's, and so the lowest. */
  readonly horizons: Horizons | undefined;
}

/** The seqs that snapshots, page tokens and running scans are reading at. */
export class Pins {
  readonly #held: Map<number, Held> = new Map();
  readonly #nowMs: () => number;
  #count = 0;
  #seqFloor: number;

  /** @param seqFloor see {@link seqFloor}. */
  constructor(nowMs: () => number, seqFloor: number) {
    this.#nowMs = nowMs;
    this.#seqFloor = seqFloor;
  }

  /** Seqs below it are readable only where they are pinned already. */
  get seqFloor(): number {
    return this.#seqFloor;
  }

  /**
   * What is visible below `seq`, and not at one of `known`, goes from here on. False, and it has to stay, where some other
   * seq below is pinned. Asking and raising are one step: in between nobody can pin what is about to go.
   */
  raiseFloor(seq: number, known: readonly number[]): boolean {
    for (const pinned of this.#held.keys()) if (pinned < seq && !known.includes(pinned)) return false;
    this.#seqFloor = Math.max(this.#seqFloor, seq);
    return true;
  }

  /**
   * @param horizons by which it is read; undefined for none, and then all history stays
   * @throws CURSOR_EXPIRED
   */
  pin(seq: number, horizons?: Horizons): Pin {
    const held = this.#held.get(seq);
    if (held === undefined && seq < this.#seqFloor) {
      throw new KvtsError(
        "CURSOR_EXPIRED",
        `what was visible at seq ${seq} is no longer kept whole; start the read again to see the newest state`,
        { details: { seq, oldestSeq: this.#seqFloor } },
      );
    }
    if (held === undefined) this.#held.set(seq, { count: 1, sinceMs: this.#nowMs(), horizons });
    else held.count++;
    this.#count++;
    let released = false;
    return {
      seq,
      horizons,
      get isReleased() {
        return released;
      },
      release: () => {
        if (released) return;
        released = true;
        this.#release(seq);
      },
    };
  }

  /** The pinned seqs, ascending. */
  seqs(): number[] {
    return [...this.#held.keys()].sort((a, b) => a - b);
  }

  get count(): number {
    return this.#count;
  }

  /** The lowest horizons that somebody reads by, `current` being what new reads get. */
  lowestHorizons(current: Horizons | undefined): Horizons | undefined {
    let lowest = current;
    for (const { horizons } of this.#held.values()) {
      if (horizons === undefined) return undefined;
      if (lowest !== undefined && horizons.generation < lowest.generation) lowest = horizons;
    }
    return lowest;
  }

  /** Milliseconds since the oldest pin was taken; 0 where there is none. */
  oldestAgeMs(): number {
    const now = this.#nowMs();
    let age = 0;
    for (const held of this.#held.values()) age = Math.max(age, now - held.sinceMs);
    return age;
  }

  #release(seq: number): void {
    const held = this.#held.get(seq)!;
    this.#count--;
    if (--held.count === 0) this.#held.delete(seq);
  }
}
