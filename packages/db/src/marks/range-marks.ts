import type { Erasure } from "../erase/erasure.ts";
import type { KeyBuffer } from "../format/key-buffer.ts";
import { MarkIndex, NO_MARK } from "./mark-index.ts";
import { isEmptyRange, type RangeMark, withoutErased } from "./range-mark.ts";

/** A mark that comes in builds an index of so many at most anew: some milliseconds of work. */
const BUILT_MAX = 2048;

/**
 * The range marks of a store, in memory and in files alike. Only ever added to: reads are bound by a seq, so marks that
 * come later, or are not published yet, mean nothing to them, and one set serves every view. What is erased of them makes
 * another set.
 *
 * Kept as a few indexes, each of a stretch of seqs and at least twice as large as the next (up to a bound), so that a mark
 * is built into O(log n) of them in its life. A lookup is lent its answer in fields, and allocates nothing.
 */
export class RangeMarks {
  /** Ascending by seq. */
  readonly #all: RangeMark[] = [];
  /** Oldest first. */
  readonly #parts: MarkIndex[] = [];
  #bytes = 0;
  /** The mark that {@link findNewest} has found. */
  timestamp = 0;
  seq = 0;

  /** Takes up marks, ascending by seq, at once. */
  static of(marks: readonly RangeMark[]): RangeMarks {
    const own = new RangeMarks();
    for (const mark of marks) own.#keep(mark);
    const shown = marks.filter(({ start, end }) => !isEmptyRange(start, end));
    if (shown.length > 0) own.#parts.push(MarkIndex.of(shown));
    return own;
  }

  /** What erasures leave of them; the same set where that is all. */
  without(erasures: readonly Erasure[]): RangeMarks {
    if (erasures.length === 0) return this;
    const left = this.#all.map((mark) => withoutErased(mark, erasures)).filter((mark) => mark !== undefined);
    return left.length === this.count && left.every((mark, at) => mark === this.#all[at]) ? this : RangeMarks.of(left);
  }

  /** Undefined while there are none: what reads look at first. */
  get orNone(): RangeMarks | undefined {
    return this.count === 0 ? undefined : this;
  }

  get count(): number {
    return this.#all.length;
  }

  /** Bytes of the ranges' bounds. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Seq of the newest mark; 0 where there is none. */
  get lastSeq(): number {
    return this.#all.at(-1)?.seq ?? 0;
  }

  /** The marks with seqs above `above` and up to `upTo`, ascending by seq. */
  between(above: number, upTo: number): readonly RangeMark[] {
    return this.#all.slice(this.countUpTo(above), this.countUpTo(upTo));
  }

  /** How many marks have seqs up to `seq`. */
  countUpTo(seq: number): number {
    let low = 0;
    let high = this.#all.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#all[middle]!.seq <= seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Seqs ascend; a mark that is there already, since a file and the log both hold it, stays the one that it is. */
  add(mark: RangeMark): void {
    if (mark.seq <= this.lastSeq) return;
    this.#keep(mark);
    if (isEmptyRange(mark.start, mark.end)) return;
    let built = MarkIndex.of([mark]);
    for (;;) {
      const before = this.#parts.at(-1);
      if (before === undefined || before.count >= 2 * built.count || before.count + built.count > BUILT_MAX) break;
      this.#parts.pop();
      built = before.merge(built);
    }
    this.#parts.push(built);
  }

  /**
   * Finds the greatest (timestamp, seq) of the marks on a key, with timestamp and seq of at most those given, into
   * `timestamp` and `seq`.
   * @param floor no mark with a lower timestamp is of interest
   */
  findNewest(key: KeyBuffer, timestamp: number, seq: number, floor = 0): boolean {
    let isFound = false;
    const parts = this.#parts;
    for (let at = parts.length - 1; at >= 0; at--) {
      const part = parts[at]!;
      if (part.minSeq > seq || part.timestampOf(part.count - 1) < floor) continue;
      const mark = part.newest(key, timestamp, seq, part.countBelow(isFound ? this.timestamp : floor) - 1);
      if (mark === NO_MARK) continue;
      const foundTimestamp = part.timestampOf(mark);
      const foundSeq = part.seqOf(mark);
      if (isFound && (foundTimestamp < this.timestamp || (foundTimestamp === this.timestamp && foundSeq < this.seq))) {
        continue;
      }
      this.timestamp = foundTimestamp;
      this.seq = foundSeq;
      isFound = true;
    }
    return isFound;
  }

  /** The least timestamp, from `timestamp` on, of the marks on a key with a seq of at most `seq`; infinite without one. */
  nextTimestamp(key: KeyBuffer, timestamp: number, seq: number): number {
    let least = Number.POSITIVE_INFINITY;
    for (const part of this.#parts) least = Math.min(least, part.nextTimestamp(key, timestamp, seq));
    return least;
  }

  /** Marks with a timestamp of `from` … `to`, up to a seq. */
  *within(from: number, to: number, seq: number): Generator<RangeMark, void> {
    for (const part of this.#parts) {
      for (const mark of part.within(from, to)) if (mark.seq <= seq) yield mark;
    }
  }

  #keep(mark: RangeMark): void {
    this.#all.push(mark);
    this.#bytes += mark.start.length + (mark.end?.length ?? 0);
  }
}
