import type { KeyBuffer } from "../format/key-buffer.ts";
import {
  findVersion,
  HIGH_WORD_MAX,
  highWord,
  joinWords,
  LOW_WORD_MAX,
  lowWord,
  SEQ_HI,
  SEQ_LO,
  TS_LO,
  VERSION_WORDS,
} from "../format/version-record.ts";
import { type BlockDemand, FOUND, type Lookup, VersionRun } from "../format/version-run.ts";
import type { Table } from "../table/table.ts";
import type { Layer } from "./view.ts";

/** A place among some of the versions of a key, which a history takes in order. */
export interface Lane {
  /** What holds the version; undefined for the tombstone of a range mark. */
  readonly layer: Layer | undefined;
  readonly run: VersionRun;
  readonly index: number;
  /** Whether it stands on a version. */
  readonly open: boolean;
  readonly timestamp: number;
  readonly seq: number;
  /** To the next version; `open` becomes false at the end. On MISS the place is lost. */
  step(demand: BlockDemand<Table>): Lookup;
  close(): void;
}

/** Order by (timestamp, seq). */
export function compareLanes(a: Lane, b: Lane): number {
  return a.timestamp - b.timestamp || a.seq - b.seq;
}

/** One layer's place in a key's history. */
export class HistoryLane implements Lane {
  readonly layer: Layer;
  readonly run: VersionRun = new VersionRun();
  index = 0;
  open = false;
  readonly #ascending: boolean;

  constructor(layer: Layer, ascending: boolean) {
    this.layer = layer;
    this.#ascending = ascending;
  }

  /** To the first version with a timestamp ≥ `timestamp`, or going down to the last one ≤ `timestamp`. */
  start(key: KeyBuffer, timestamp: number, demand: BlockDemand<Table>): Lookup {
    // Going up, what precedes `timestamp` is found first, and then one step taken. −1 precedes every timestamp.
    const bound = this.#ascending ? timestamp - 1 : timestamp;
    const hi = bound < 0 ? -1 : highWord(bound);
    const lo = bound < 0 ? 0 : lowWord(bound);
    const lookup = this.layer.locate(key, hi, lo, this.run, demand);
    if (lookup !== FOUND) return lookup;
    const { i32, first, count } = this.run;
    this.index = findVersion(i32, first, count, hi, lo, HIGH_WORD_MAX, LOW_WORD_MAX);
    this.open = true;
    if (this.#ascending) return this.step(demand);
    this.open = this.index >= 0;
    return FOUND;
  }

  step(demand: BlockDemand<Table>): Lookup {
    const run = this.run;
    if (this.#ascending) {
      if (++this.index < run.count) return FOUND;
      const lookup = run.hasNext ? this.layer.nextRun(run, demand) : 0;
      this.index = 0;
      this.open = lookup === FOUND;
      return lookup;
    }
    if (--this.index >= 0) return FOUND;
    const lookup = run.hasPrevious ? this.layer.previousRun(run, demand) : 0;
    this.index = run.count - 1;
    this.open = lookup === FOUND;
    return lookup;
  }

  get timestamp(): number {
    const at = this.run.first + this.index * VERSION_WORDS;
    return joinWords(this.run.i32[at]!, this.run.i32[at + TS_LO]!);
  }

  get seq(): number {
    const at = this.run.first + this.index * VERSION_WORDS;
    return joinWords(this.run.i32[at + SEQ_HI]!, this.run.i32[at + SEQ_LO]!);
  }

  close(): void {
    this.run.release();
  }
}
