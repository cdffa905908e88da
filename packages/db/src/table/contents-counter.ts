import { compareKeys } from "../format/key-buffer.ts";
import {
  joinWords,
  KIND_DELETE,
  KIND_MASK,
  KIND_RETRACT,
  META,
  META_EXPIRES,
  META_EXTENT,
  META_LENGTH_SHIFT,
  NUMBER_MAX,
  POINTER,
  SEQ_HI,
  SEQ_LO,
  TS_LO,
  VERSION_WORDS,
} from "../format/version-record.ts";
import { VersionRun } from "../format/version-run.ts";
import type { BlockView } from "./block.ts";
import type { TableContents } from "./properties.ts";
import { WordList } from "./word-list.ts";

/**
 * Counts what a table's blocks hold, block by block in order, and checks on the way that they hold it in order. The
 * builder asserts that before it writes a block, `verify` before it believes one.
 *
 * T1: keys ascend. T2: within a key, (timestamp, seq) ascends, over the blocks of a group too.
 */
export class ContentsCounter {
  readonly #run: VersionRun = new VersionRun();
  readonly #smallest: WordList = new WordList(16);
  #smallestLength = 0;
  /** The last key so far. */
  readonly #key: WordList = new WordList(16);
  #keyLength = 0;
  #keyCount = 0;
  #entryCount = 0;
  #deleteCount = 0;
  #retractCount = 0;
  #extentCount = 0;
  #extentBytes = 0;
  #expiringCount = 0;
  #blockCount = 0;
  #blockBytes = 0;
  #minTimestamp: number = NUMBER_MAX;
  #maxTimestamp = 0;
  #minSeq: number = NUMBER_MAX;
  #maxSeq = 0;
  #minExpiresAt: number = NUMBER_MAX;
  #maxExpiresAt = 0;
  /** The last record's timestamp and seq. */
  #tsHi = -1;
  #tsLo = 0;
  #seqHi = 0;
  #seqLo = 0;
  readonly #afterGap: boolean;

  /** @param afterGap whether blocks before the first one added could not be read, so that a group may have begun there. */
  constructor(afterGap = false) {
    this.#afterGap = afterGap;
  }

  get keyCount(): number {
    return this.#keyCount;
  }

  get blockBytes(): number {
    return this.#blockBytes;
  }

  /** Adds the next block. Returns the invariant that it breaks, if any. */
  add(view: BlockView, bytes: number): string | undefined {
    const keyCount = view.keyCount;
    for (let slot = 0; slot < keyCount; slot++) {
      const continued = slot === 0 && view.continued;
      if (!this.#startKey(view, slot, continued)) return "T1: keys ascend";
      view.fillRun(this.#run, 0, slot);
      if (!continued) this.#tsHi = -1;
      if (!this.#addVersions(this.#run)) return "T2: versions ascend";
    }
    this.#blockCount++;
    this.#blockBytes += bytes;
    return undefined;
  }

  contents(): TableContents {
    const { i32: smallest } = this.#smallest;
    const { i32: largest } = this.#key;
    return {
      keyCount: this.#keyCount,
      entryCount: this.#entryCount,
      putCount: this.#entryCount - this.#deleteCount - this.#retractCount,
      deleteCount: this.#deleteCount,
      retractCount: this.#retractCount,
      extentCount: this.#extentCount,
      extentBytes: this.#extentBytes,
      blockCount: this.#blockCount,
      blockBytes: this.#blockBytes,
      minTimestamp: this.#minTimestamp,
      maxTimestamp: this.#maxTimestamp,
      minSeq: this.#minSeq,
      maxSeq: this.#maxSeq,
      expiringCount: this.#expiringCount,
      minExpiresAt: this.#expiringCount === 0 ? 0 : this.#minExpiresAt,
      maxExpiresAt: this.#maxExpiresAt,
      smallestKey: new Uint8Array(smallest.buffer, 0, this.#smallestLength).slice(),
      largestKey: new Uint8Array(largest.buffer, 0, this.#keyLength).slice(),
    };
  }

  #startKey(view: BlockView, slot: number, continued: boolean): boolean {
    const word = view.keyWord(slot);
    const length = view.i32[word - 1]!;
    const order = compareKeys(this.#key.i32, 0, this.#keyLength, view.i32, word, length);
    const beginsHere = continued && this.#afterGap && this.#keyLength === 0;
    if (continued && !beginsHere) return order === 0;
    if (order >= 0) return false;
    const words = (length + 3) >>> 2;
    this.#key.clear();
    this.#key.append(view.i32, word, words);
    this.#keyLength = length;
    if (this.#keyCount === 0) {
      this.#smallest.append(view.i32, word, words);
      this.#smallestLength = length;
    }
    this.#keyCount++;
    return true;
  }

  #addVersions(run: VersionRun): boolean {
    const i32 = run.i32;
    const end = run.first + run.count * VERSION_WORDS;
    let tsHi = this.#tsHi;
    let tsLo = this.#tsLo;
    let seqHi = this.#seqHi;
    let seqLo = this.#seqLo;
    for (let at = run.first; at < end; at += VERSION_WORDS) {
      const hi = i32[at]!;
      const lo = i32[at + TS_LO]!;
      const sameTime = hi === tsHi && lo === tsLo;
      if (hi < tsHi || (hi === tsHi && lo < tsLo)) return false;
      tsHi = hi;
      tsLo = lo;
      const nextSeqHi = i32[at + SEQ_HI]!;
      const nextSeqLo = i32[at + SEQ_LO]!;
      if (sameTime && (nextSeqHi < seqHi || (nextSeqHi === seqHi && nextSeqLo <= seqLo))) return false;
      seqHi = nextSeqHi;
      seqLo = nextSeqLo;
      const seq = joinWords(seqHi, seqLo);
      if (seq < this.#minSeq) this.#minSeq = seq;
      if (seq > this.#maxSeq) this.#maxSeq = seq;
      const meta = i32[at + META]!;
      if ((meta & (KIND_MASK | META_EXPIRES | META_EXTENT)) !== 0) this.#addSpecial(run, at, meta);
    }
    this.#tsHi = tsHi;
    this.#tsLo = tsLo;
    this.#seqHi = seqHi;
    this.#seqLo = seqLo;
    this.#entryCount += run.count;
    // They ascend: the first and the last record have the extremes.
    this.#minTimestamp = Math.min(this.#minTimestamp, joinWords(i32[run.first]!, i32[run.first + TS_LO]!));
    this.#maxTimestamp = Math.max(this.#maxTimestamp, joinWords(tsHi, tsLo));
    return true;
  }

  #addSpecial(run: VersionRun, at: number, meta: number): void {
    const kind = meta & KIND_MASK;
    if (kind === KIND_DELETE) this.#deleteCount++;
    if (kind === KIND_RETRACT) this.#retractCount++;
    if ((meta & META_EXTENT) !== 0) {
      this.#extentCount++;
      this.#extentBytes += meta >>> META_LENGTH_SHIFT;
    }
    if ((meta & META_EXPIRES) === 0) return;
    const word = (run.base + run.i32[at + POINTER]!) >>> 2;
    const expiresAt = joinWords(run.i32[word]!, run.i32[word + 1]!);
    this.#expiringCount++;
    if (expiresAt < this.#minExpiresAt) this.#minExpiresAt = expiresAt;
    if (expiresAt > this.#maxExpiresAt) this.#maxExpiresAt = expiresAt;
  }
}
