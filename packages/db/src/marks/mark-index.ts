import { Buffer } from "node:buffer";
import { compareKeys, type KeyBuffer } from "../format/key-buffer.ts";
import { compareMarks, type RangeMark } from "./range-mark.ts";

/** No mark. */
export const NO_MARK = -1;

/** A mark and where its range begins and ends among the bounds of the index that was built last. */
interface Placed {
  readonly mark: RangeMark;
  first: number;
  end: number;
}

interface Bound {
  readonly key: Uint8Array;
  readonly placed: Placed;
  readonly isEnd: boolean;
}

/**
 * Finds, of many marks that may nest and overlap in any way, the one that counts for a key. Immutable.
 *
 * All starts and ends in order cut the keys into stretches, which are the leaves of a segment tree. A mark hangs on the
 * few nodes that make up its range, so the marks on a key are those on the way from its stretch to the root, and of each
 * node's marks, which ascend by (timestamp, seq), a binary search finds the newest up to a bound: O(log² n) in all.
 * Source: J. L. Bentley, segment trees (1977), in the bottom-up form that needs no power of two.
 */
export class MarkIndex {
  /** In order of (timestamp, seq); elsewhere marks go by their number in it. */
  readonly #marks: readonly Placed[];
  readonly #bounds: readonly Bound[];
  readonly #timestamps: Float64Array;
  readonly #seqs: Float64Array;
  /** Different bounds, as keys lie everywhere: where each begins, in words, and its length in bytes. */
  readonly #keyI32: Int32Array;
  readonly #keyWords: Int32Array;
  readonly #keyLengths: Int32Array;
  /** Stretches between bounds: as many as bounds, what lies before the first being in no mark. */
  readonly #leaves: number;
  /** The marks of node n are those from `#nodeStarts[n]` up to `#nodeStarts[n + 1]`, ascending. */
  readonly #nodeStarts: Int32Array;
  readonly #nodeMarks: Int32Array;
  /** Whether seqs ascend with timestamps, as they do where timestamps are assigned. */
  readonly #isInSeqOrder: boolean;
  readonly minSeq: number;
  readonly maxSeq: number;

  private constructor(marks: readonly Placed[], bounds: readonly Bound[]) {
    this.#marks = marks;
    this.#bounds = bounds;
    this.#timestamps = Float64Array.from(marks, ({ mark }) => mark.timestamp);
    this.#seqs = Float64Array.from(marks, ({ mark }) => mark.seq);
    this.minSeq = this.#seqs.reduce((least, seq) => Math.min(least, seq), Number.POSITIVE_INFINITY);
    this.maxSeq = this.#seqs.reduce((greatest, seq) => Math.max(greatest, seq), 0);
    this.#isInSeqOrder = this.#seqs.every((seq, at) => at === 0 || seq >= this.#seqs[at - 1]!);
    const keys = placeBounds(marks, bounds);
    this.#leaves = keys.length;
    this.#keyWords = new Int32Array(keys.length);
    this.#keyLengths = new Int32Array(keys.length);
    this.#keyI32 = layOut(keys, this.#keyWords, this.#keyLengths);
    this.#nodeStarts = new Int32Array(2 * keys.length + 1);
    this.#nodeMarks = this.#hang();
  }

  /** @param marks each with a range that is not empty */
  static of(marks: readonly RangeMark[]): MarkIndex {
    const placed = marks.map((mark): Placed => ({ mark, first: 0, end: 0 }));
    return MarkIndex.#build(placed, placed.flatMap(boundsOf));
  }

  /** Of the marks of both. What is in order already is merged, not sorted anew. */
  merge(other: MarkIndex): MarkIndex {
    return MarkIndex.#build([...this.#marks, ...other.#marks], [...this.#bounds, ...other.#bounds]);
  }

  /** Sorts in place: where two stretches are in order already, that is one merge of them. */
  static #build(marks: Placed[], bounds: Bound[]): MarkIndex {
    marks.sort((a, b) => compareMarks(a.mark, b.mark));
    bounds.sort((a, b) => Buffer.compare(a.key, b.key));
    return new MarkIndex(marks, bounds);
  }

  get count(): number {
    return this.#marks.length;
  }

  /** How many marks have a timestamp below `timestamp`. They have the lowest numbers. */
  countBelow(timestamp: number): number {
    return this.#countUpTo(this.#timestamps, timestamp - 1);
  }

  timestampOf(mark: number): number {
    return this.#timestamps[mark]!;
  }

  seqOf(mark: number): number {
    return this.#seqs[mark]!;
  }

  /**
   * The greatest (timestamp, seq) of the marks on a key with a timestamp of at most `timestamp` and a seq of at most
   * `seq`: its number, or NO_MARK. Marks with a number of at most `floor` are not looked at.
   */
  newest(key: KeyBuffer, timestamp: number, seq: number, floor: number = NO_MARK): number {
    let limit = this.#countUpTo(this.#timestamps, timestamp);
    if (this.maxSeq > seq && this.#isInSeqOrder) limit = Math.min(limit, this.#countUpTo(this.#seqs, seq));
    let best = floor;
    if (limit - 1 <= best) return NO_MARK;
    const stretch = this.#stretchOf(key);
    if (stretch < 0) return NO_MARK;
    const needsSeq = this.maxSeq > seq && !this.#isInSeqOrder;
    for (let node = stretch + this.#leaves; node > 0; node >>>= 1) {
      const first = this.#nodeStarts[node]!;
      for (let at = this.#firstFrom(node, limit) - 1; at >= first && this.#nodeMarks[at]! > best; at--) {
        const mark = this.#nodeMarks[at]!;
        if (needsSeq && this.#seqs[mark]! > seq) continue;
        best = mark;
      }
    }
    return best === floor ? NO_MARK : best;
  }

  /** The least timestamp, from `timestamp` on, of the marks on a key with a seq of at most `seq`; infinite without one. */
  nextTimestamp(key: KeyBuffer, timestamp: number, seq: number): number {
    const from = this.countBelow(timestamp);
    const stretch = this.#stretchOf(key);
    let best = this.#marks.length;
    if (stretch < 0 || this.minSeq > seq) return Number.POSITIVE_INFINITY;
    for (let node = stretch + this.#leaves; node > 0; node >>>= 1) {
      const end = this.#nodeStarts[node + 1]!;
      for (let at = this.#firstFrom(node, from); at < end && this.#nodeMarks[at]! < best; at++) {
        const mark = this.#nodeMarks[at]!;
        if (this.#seqs[mark]! <= seq) best = mark;
      }
    }
    return best === this.#marks.length ? Number.POSITIVE_INFINITY : this.#timestamps[best]!;
  }

  /** The marks with a timestamp of `from` … `to`, one after the other. */
  *within(from: number, to: number): Generator<RangeMark, void> {
    for (let mark = this.countBelow(from); mark < this.#marks.length; mark++) {
      if (this.#timestamps[mark]! > to) return;
      yield this.#marks[mark]!.mark;
    }
  }

  /** How many of `numbers`, which ascend, are at most `bound`. */
  #countUpTo(numbers: Float64Array, bound: number): number {
    let low = 0;
    let high = numbers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (numbers[middle]! <= bound) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Where a node's marks with a number of at least `mark` begin. */
  #firstFrom(node: number, mark: number): number {
    let low = this.#nodeStarts[node]!;
    let high = this.#nodeStarts[node + 1]!;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#nodeMarks[middle]! < mark) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The last bound that is not above the key; −1 where all are. */
  #stretchOf(key: KeyBuffer): number {
    let low = 0;
    let high = this.#leaves;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = compareKeys(
        this.#keyI32,
        this.#keyWords[middle]!,
        this.#keyLengths[middle]!,
        key.i32,
        0,
        key.length,
      );
      if (order <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Hangs every mark on its nodes: counted first, so that all of them lie in one array. */
  #hang(): Int32Array {
    const starts = this.#nodeStarts;
    this.#eachNode((node) => {
      starts[node + 1]!++;
    });
    for (let node = 1; node < starts.length; node++) starts[node]! += starts[node - 1]!;
    const next = starts.slice();
    const marks = new Int32Array(starts.at(-1)!);
    this.#eachNode((node, mark) => {
      marks[next[node]!++] = mark;
    });
    return marks;
  }

  #eachNode(visit: (node: number, mark: number) => void): void {
    for (const [mark, { first, end }] of this.#marks.entries()) {
      let low = first + this.#leaves;
      let high = end + this.#leaves;
      for (; low < high; low >>>= 1, high >>>= 1) {
        if ((low & 1) === 1) visit(low++, mark);
        if ((high & 1) === 1) visit(--high, mark);
      }
    }
  }
}

function boundsOf(placed: Placed): Bound[] {
  const { start, end } = placed.mark;
  const first: Bound = { key: start, placed, isEnd: false };
  return end === undefined ? [first] : [first, { key: end, placed, isEnd: true }];
}

/** Notes in every mark the numbers of its bounds, and returns the different bounds. */
function placeBounds(marks: readonly Placed[], bounds: readonly Bound[]): Uint8Array[] {
  const keys: Uint8Array[] = [];
  for (const { key, placed, isEnd } of bounds) {
    const last = keys.at(-1);
    if (last === undefined || Buffer.compare(last, key) !== 0) keys.push(key);
    if (isEnd) placed.end = keys.length - 1;
    else placed.first = keys.length - 1;
  }
  for (const placed of marks) if (placed.mark.end === undefined) placed.end = keys.length;
  return keys;
}

/** Copies keys into one array, each aligned and zero-padded. */
function layOut(keys: readonly Uint8Array[], words: Int32Array, lengths: Int32Array): Int32Array {
  const i32 = new Int32Array(keys.reduce((sum, key) => sum + ((key.length + 3) >>> 2), 0));
  const u8 = new Uint8Array(i32.buffer);
  let word = 0;
  for (const [index, key] of keys.entries()) {
    u8.set(key, word * 4);
    words[index] = word;
    lengths[index] = key.length;
    word += (key.length + 3) >>> 2;
  }
  return i32;
}
