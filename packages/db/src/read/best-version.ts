import type { KeyBuffer } from "../format/key-buffer.ts";
import {
  findVersion,
  highWord,
  joinWords,
  KIND_MASK,
  KIND_RETRACT,
  lowWord,
  META,
  SEQ_HI,
  SEQ_LO,
  TS_LO,
  VERSION_WORDS,
  writeTombstone,
} from "../format/version-record.ts";
import { ABSENT, type BlockDemand, FOUND, type Lookup, VersionRun } from "../format/version-run.ts";
import type { RangeMarks } from "../marks/range-marks.ts";
import type { Table } from "../table/table.ts";
import type { Bounds } from "./bounds.ts";
import type { Layer } from "./view.ts";

/** Steps from a run to the same key's older one: a layer, or a cursor over one. */
export interface RunSource {
  previousRun(run: VersionRun, demand: BlockDemand<Table>): Lookup;
}

/**
 * The greatest (timestamp, seq) within bounds among the runs offered to it, and the range marks on the key. The version
 * rule of docs/semantics.md, in one place: reads offer the runs of one key, layer by layer, in any order, and ask `settle`
 * when all had their say.
 *
 * Reusable, and allocates nothing. The answer is lent: see {@link VersionRun}.
 */
export class BestVersion {
  /** Where the best version lies. */
  run: VersionRun = new VersionRun();
  index = -1;
  layer: Layer | undefined;
  /** Whether the best version is the tombstone that a range mark puts on the key; no layer holds it. */
  isMark = false;
  /** The run that the next layer fills in before it is offered. */
  candidate: VersionRun = new VersionRun();
  /** The timestamp that offered versions may have at most, in words. A retract lowers it. */
  boundHi = 0;
  boundLo = 0;
  #seqBoundHi = 0;
  #seqBoundLo = 0;
  /** Versions with a lower seq are erased. */
  #seqMin = 0;
  /** (timestamp, seq) of the best version, in words; tsHi −1 where there is none. */
  #tsHi = -1;
  #tsLo = 0;
  #seqHi = 0;
  #seqLo = 0;
  /** The record of a mark's tombstone, where `run` then lies. */
  readonly #markRecord: Int32Array = new Int32Array(VERSION_WORDS);

  /**
   * Forgets the answer and takes up new bounds.
   * @param seqMin versions of the key with a lower seq are erased
   */
  start(bounds: Bounds, seqMin: number): void {
    this.boundHi = bounds.tsHi;
    this.boundLo = bounds.tsLo;
    this.#seqBoundHi = bounds.seqHi;
    this.#seqBoundLo = bounds.seqLo;
    this.#seqMin = seqMin;
    this.#forget();
  }

  /** Gives up the blocks that the answer pins. */
  release(): void {
    this.run.release();
    this.candidate.release();
  }

  /** The timestamp of the best version, in words; high word −1 where there is none. What is older cannot beat it. */
  get tsHi(): number {
    return this.#tsHi;
  }

  get tsLo(): number {
    return this.#tsLo;
  }

  /** The meta word of the best version. */
  get meta(): number {
    return this.run.i32[this.run.first + this.index * VERSION_WORDS + META]!;
  }

  /**
   * Whether a layer with these extremes can hold something better. It is skipped for nothing else: a younger layer may
   * hold an older timestamp.
   */
  couldImprove(minTimestamp: number, maxTimestamp: number, maxSeq: number): boolean {
    if (minTimestamp > joinWords(this.boundHi, this.boundLo)) return false;
    if (this.#tsHi < 0) return true;
    const best = joinWords(this.#tsHi, this.#tsLo);
    if (maxTimestamp !== best) return maxTimestamp > best;
    return maxSeq > joinWords(this.#seqHi, this.#seqLo);
  }

  /** Takes the visible version of `candidate`, or of the runs before it, where it beats the best so far. */
  offer(source: RunSource, layer: Layer, demand: BlockDemand<Table>): Lookup {
    const run = this.candidate;
    let index = this.#search(run);
    while (index < 0) {
      if (!run.hasPrevious) return ABSENT;
      const lookup = source.previousRun(run, demand);
      if (lookup !== FOUND) return lookup;
      index = this.#search(run);
    }
    const at = run.first + index * VERSION_WORDS;
    const i32 = run.i32;
    const tsHi = i32[at]!;
    const tsLo = i32[at + TS_LO]!;
    const seqHi = i32[at + SEQ_HI]!;
    const seqLo = i32[at + SEQ_LO]!;
    if (!this.#isBeatenBy(tsHi, tsLo, seqHi, seqLo)) return ABSENT;
    this.#tsHi = tsHi;
    this.#tsLo = tsLo;
    this.#seqHi = seqHi;
    this.#seqLo = seqLo;
    this.candidate = this.run;
    this.run = run;
    this.index = index;
    this.layer = layer;
    return FOUND;
  }

  /**
   * After every layer has been asked: true where the answer stands. A mark on the key that beats what the layers hold is
   * the answer. A retract is none: the bound moves below its timestamp, nothing found so far counts, and every layer is to
   * be asked again.
   * @param marks undefined where there are none, or where only what the layers hold is asked for
   */
  settle(marks: RangeMarks | undefined, key: KeyBuffer): boolean {
    if (marks !== undefined) this.#takeMark(marks, key);
    if (this.#tsHi < 0) return true;
    const meta = this.run.i32[this.run.first + this.index * VERSION_WORDS + META]!;
    if ((meta & KIND_MASK) !== KIND_RETRACT) return true;
    const timestamp = joinWords(this.#tsHi, this.#tsLo);
    this.#forget();
    if (timestamp === 0) return true;
    this.boundHi = highWord(timestamp - 1);
    this.boundLo = lowWord(timestamp - 1);
    return false;
  }

  get found(): boolean {
    return this.#tsHi >= 0;
  }

  #takeMark(marks: RangeMarks, key: KeyBuffer): void {
    const best = this.#tsHi < 0 ? 0 : joinWords(this.#tsHi, this.#tsLo);
    const bound = joinWords(this.boundHi, this.boundLo);
    if (!marks.findNewest(key, bound, joinWords(this.#seqBoundHi, this.#seqBoundLo), best)) return;
    const { timestamp, seq } = marks;
    if (this.#tsHi >= 0 && timestamp === best && seq < joinWords(this.#seqHi, this.#seqLo)) return;
    this.#forget();
    this.isMark = true;
    this.#tsHi = highWord(timestamp);
    this.#tsLo = lowWord(timestamp);
    this.run.setRecord(writeTombstone(this.#markRecord, timestamp, seq));
    this.index = 0;
  }

  #search(run: VersionRun): number {
    const { i32, first, count } = run;
    const index = findVersion(i32, first, count, this.boundHi, this.boundLo, this.#seqBoundHi, this.#seqBoundLo);
    return this.#seqMin === 0 ? index : this.#passErased(run, index);
  }

  /** The version at `index`, or the last one before it that is readable and not erased; −1 without any. */
  #passErased({ i32, first }: VersionRun, index: number): number {
    const bound = joinWords(this.#seqBoundHi, this.#seqBoundLo);
    for (let at = index; at >= 0; at--) {
      const word = first + at * VERSION_WORDS;
      const seq = joinWords(i32[word + SEQ_HI]!, i32[word + SEQ_LO]!);
      if (seq >= this.#seqMin && seq <= bound) return at;
    }
    return -1;
  }

  #isBeatenBy(tsHi: number, tsLo: number, seqHi: number, seqLo: number): boolean {
    if (tsHi !== this.#tsHi) return tsHi > this.#tsHi;
    if (tsLo !== this.#tsLo) return tsLo > this.#tsLo;
    if (seqHi !== this.#seqHi) return seqHi > this.#seqHi;
    return seqLo > this.#seqLo;
  }

  #forget(): void {
    this.release();
    this.layer = undefined;
    this.index = -1;
    this.isMark = false;
    this.#tsHi = -1;
  }
}
