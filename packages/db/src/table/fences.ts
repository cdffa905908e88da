import { corruption } from "../format/corruption.ts";
import { compareKeys } from "../format/key-buffer.ts";
import { ENVELOPE_BYTES } from "./envelope.ts";
import {
  COLUMN_HEAD,
  COLUMN_OFFSET_HIGH,
  COLUMN_OFFSET_LOW,
  COLUMN_PREFIX,
  COLUMN_PREFIX_NEXT,
  COLUMN_STORED_BYTES,
  COLUMN_TAIL_LENGTH,
  COLUMN_TAIL_WORD,
  COLUMN_TS_HI,
  COLUMN_TS_LO,
  FENCE_CONTINUED,
  FENCE_FLAGS,
  FENCE_SINGLE,
  INDEX_BLOCK_COUNT,
  INDEX_COLUMNS,
  INDEX_COMMON_BYTES,
  INDEX_HEAD_COUNT,
  INDEX_HEAD_WORDS,
  INDEX_HEADER_WORDS,
  INDEX_TAIL_WORDS,
  NEWEST_COLUMNS,
  TAIL_LENGTH_MASK,
} from "./fence-format.ts";
import { boundedPrefix, type KeyWords, sharePrefix } from "./key-words.ts";
import { copyWords } from "./word-list.ts";

const TWO32 = 4294967296;

/**
 * The index of a table: for each block a fence, its first (key, timestamp). In place of the key stands the shortest
 * separator, a string above every key of the blocks before and not above the block's first; a block that begins inside
 * a group has the whole key. Most comparisons end at eight prefix bytes, taken behind what all keys share.
 *
 * A separator is a head and a tail. Head 0 is what all keys share, in whole words; further heads are long starts that
 * neighbours share, so that long keys do not stand in memory once a block.
 */
export class Fences {
  readonly blockCount: number;
  readonly #commonBytes: number;
  readonly #prefix: Int32Array;
  readonly #prefixNext: Int32Array;
  readonly #tsHi: Int32Array;
  readonly #tsLo: Int32Array;
  readonly #offsetLow: Int32Array;
  readonly #offsetHigh: Int32Array;
  readonly #storedBytes: Int32Array;
  readonly #head: Int32Array;
  readonly #tailWord: Int32Array;
  readonly #tailLength: Int32Array;
  readonly #headAt: Int32Array;
  readonly #heads: Int32Array;
  readonly #tails: Int32Array;
  /** Empty where the table does not have them. */
  readonly #newestHi: Int32Array;
  readonly #newestLo: Int32Array;

  /**
   * @param words the index as it is in the file at `offset`; kept, not copied.
   * @param dataBytes where blocks and extents end.
   * @throws CORRUPTION
   */
  constructor(words: Int32Array, dataBytes: number, file: string, offset: number) {
    if (words.length < INDEX_HEADER_WORDS) throw corruption(file, offset, "the index is too short");
    const count = words[INDEX_BLOCK_COUNT]! >>> 0;
    const headAtWords = (words[INDEX_HEAD_COUNT]! >>> 0) * 2;
    const headWords = words[INDEX_HEAD_WORDS]! >>> 0;
    const tailWords = words[INDEX_TAIL_WORDS]! >>> 0;
    const headAt = INDEX_HEADER_WORDS + count * INDEX_COLUMNS;
    const heads = headAt + headAtWords;
    const newest = heads + headWords + tailWords;
    const hasNewest = words.length > newest;
    if (words.length !== newest + (hasNewest ? count * NEWEST_COLUMNS : 0)) {
      throw corruption(file, offset, "the index has a wrong length");
    }
    const column = (index: number) =>
      words.subarray(INDEX_HEADER_WORDS + index * count, INDEX_HEADER_WORDS + (index + 1) * count);
    this.blockCount = count;
    this.#commonBytes = words[INDEX_COMMON_BYTES]! >>> 0;
    this.#prefix = column(COLUMN_PREFIX);
    this.#prefixNext = column(COLUMN_PREFIX_NEXT);
    this.#tsHi = column(COLUMN_TS_HI);
    this.#tsLo = column(COLUMN_TS_LO);
    this.#offsetLow = column(COLUMN_OFFSET_LOW);
    this.#offsetHigh = column(COLUMN_OFFSET_HIGH);
    this.#storedBytes = column(COLUMN_STORED_BYTES);
    this.#head = column(COLUMN_HEAD);
    this.#tailWord = column(COLUMN_TAIL_WORD);
    this.#tailLength = column(COLUMN_TAIL_LENGTH);
    this.#headAt = words.subarray(headAt, heads);
    this.#heads = words.subarray(heads, heads + headWords);
    this.#tails = words.subarray(heads + headWords, newest);
    this.#newestHi = words.subarray(newest, hasNewest ? newest + count : newest);
    this.#newestLo = words.subarray(newest + this.#newestHi.length);
    const problem = this.#headProblem() ?? this.#separatorProblem() ?? this.#blockProblem(dataBytes);
    if (problem !== undefined) throw corruption(file, offset, problem);
  }

  /** File offset of a block's envelope. */
  offset(block: number): number {
    return (this.#offsetHigh[block]! >>> 0) * TWO32 + (this.#offsetLow[block]! >>> 0);
  }

  /** Bytes of a block with its envelope. */
  storedBytes(block: number): number {
    return this.#storedBytes[block]! >>> 0;
  }

  /** Whether the block begins inside a group. */
  isContinued(block: number): boolean {
    return (this.#tailLength[block]! & FENCE_CONTINUED) !== 0;
  }

  /** Whether the block holds one key only. */
  isSingle(block: number): boolean {
    return (this.#tailLength[block]! & FENCE_SINGLE) !== 0;
  }

  /**
   * The last block whose fence is at most (key, timestamp): the only one that can hold the key's last version up to
   * that timestamp, and where none is that old, the block of its first. −1 where the key is below all keys.
   * `u8` is a view of the same bytes as `i32`.
   */
  find(i32: Int32Array, u8: Uint8Array, word: number, length: number, tsHi: number, tsLo: number): number {
    const common = this.#commonBytes;
    if (length < common || !sharePrefix(i32, word, this.#heads, 0, common)) {
      return compareKeys(i32, word, length, this.#heads, 0, common) < 0 ? -1 : this.blockCount - 1;
    }
    const prefix = boundedPrefix(u8, word * 4, length, common);
    const prefixNext = boundedPrefix(u8, word * 4, length, common + 4);
    const prefixes = this.#prefix;
    let low = 0;
    let high = this.blockCount;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = prefixes[middle]!;
      const atMost =
        other === prefix ? this.#isAtMost(middle, prefixNext, i32, word, length, tsHi, tsLo) : other < prefix;
      if (atMost) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Whether every timestamp in a block is known to be below that of these words. */
  isOlder(block: number, tsHi: number, tsLo: number): boolean {
    if (this.#newestHi.length === 0) return false;
    const hi = this.#newestHi[block]!;
    return hi < tsHi || (hi === tsHi && this.#newestLo[block]! < tsLo);
  }

  /** Whether these are the words of a block's greatest timestamp, or the table does not tell. */
  agreesWithNewest(block: number, tsHi: number, tsLo: number): boolean {
    return this.#newestHi.length === 0 || (this.#newestHi[block] === tsHi && this.#newestLo[block] === tsLo);
  }

  /**
   * Whether a block whose first and last key begin at words `first` and `last`, behind their lengths, is where this one
   * is: between its separator and that of the next block, and with a whole key for a separator on that key.
   */
  enclose(block: number, i32: Int32Array, first: number, last: number): boolean {
    const order = this.#compareSeparator(block, i32, first, i32[first - 1]!);
    if (this.isContinued(block) ? order !== 0 : order > 0) return false;
    if (block + 1 === this.blockCount) return true;
    const next = this.#compareSeparator(block + 1, i32, last, i32[last - 1]!);
    return this.isContinued(block + 1) ? next === 0 : next > 0;
  }

  /** A block's separator, aligned and zero-padded: a copy. */
  separator(block: number): KeyWords {
    const head = this.#head[block]! * 2;
    const start = this.#headAt[head]!;
    const headWords = this.#headAt[head + 1]! >>> 2;
    const tailWord = this.#tailWord[block]!;
    const tailLength = this.#tailLength[block]! & TAIL_LENGTH_MASK;
    const i32 = new Int32Array(headWords + ((tailLength + 3) >>> 2));
    copyWords(this.#heads, start, i32, 0, headWords);
    copyWords(this.#tails, tailWord, i32, headWords, i32.length - headWords);
    return { i32, word: 0, length: headWords * 4 + tailLength };
  }

  /** Whether the words that stand for a separator and a time in comparisons are those of the separator and of `tsHi`, `tsLo`. */
  agreesWith(block: number, tsHi: number, tsLo: number): boolean {
    const { i32, length } = this.separator(block);
    const u8 = new Uint8Array(i32.buffer);
    return (
      this.#prefix[block] === boundedPrefix(u8, 0, length, this.#commonBytes) &&
      this.#prefixNext[block] === boundedPrefix(u8, 0, length, this.#commonBytes + 4) &&
      this.#tsHi[block] === tsHi &&
      this.#tsLo[block] === tsLo
    );
  }

  #compareSeparator(block: number, i32: Int32Array, word: number, length: number): number {
    const head = this.#head[block]! * 2;
    const headBytes = this.#headAt[head + 1]!;
    const within = length < headBytes ? length : headBytes;
    const order = compareKeys(this.#heads, this.#headAt[head]!, headBytes, i32, word, within);
    if (order !== 0) return order;
    const tailLength = this.#tailLength[block]! & TAIL_LENGTH_MASK;
    return compareKeys(
      this.#tails,
      this.#tailWord[block]!,
      tailLength,
      i32,
      word + (headBytes >>> 2),
      length - headBytes,
    );
  }

  /** Whether the fence is at most (key, timestamp), where the first prefix words agree. */
  #isAtMost(
    block: number,
    prefixNext: number,
    i32: Int32Array,
    word: number,
    length: number,
    tsHi: number,
    tsLo: number,
  ): boolean {
    const other = this.#prefixNext[block]!;
    if (other !== prefixNext) return other < prefixNext;
    const order = this.#compareSeparator(block, i32, word, length);
    if (order !== 0) return order < 0;
    const hi = this.#tsHi[block]!;
    return hi < tsHi || (hi === tsHi && this.#tsLo[block]! <= tsLo);
  }

  #headProblem(): string | undefined {
    const headAt = this.#headAt;
    const common = this.#commonBytes;
    if (headAt.length < 2 || headAt[0] !== 0 || headAt[1] !== (common & ~3)) return "the index has no common head";
    if ((common + 3) >>> 2 > this.#heads.length) return "the index is without its common bytes";
    for (let at = 0; at < headAt.length; at += 2) {
      const start = headAt[at]!;
      const bytes = headAt[at + 1]!;
      if (start < 0 || bytes < 0 || bytes % 4 !== 0 || start + bytes / 4 > this.#heads.length) {
        return "the index has a head beyond its heads";
      }
    }
    return undefined;
  }

  #separatorProblem(): string | undefined {
    for (let block = 0; block < this.blockCount; block++) {
      const head = this.#head[block]!;
      if (head < 0 || head * 2 >= this.#headAt.length) return "a separator has no head";
      const tail = this.#tailLength[block]!;
      const start = this.#tailWord[block]!;
      if ((tail & ~(TAIL_LENGTH_MASK | FENCE_FLAGS)) !== 0) return "a fence's flags are not known";
      if (start < 0 || start + (((tail & TAIL_LENGTH_MASK) + 3) >>> 2) > this.#tails.length) {
        return "a separator reaches beyond the index";
      }
      if (block === 0 ? this.isContinued(0) : !this.#prefixesAscend(block)) return "the index is out of order";
    }
    return undefined;
  }

  /** Whether a block's prefix words are not below those of the block before. */
  #prefixesAscend(block: number): boolean {
    const before = this.#prefix[block - 1]!;
    const prefix = this.#prefix[block]!;
    return before < prefix || (before === prefix && this.#prefixNext[block - 1]! <= this.#prefixNext[block]!);
  }

  #blockProblem(dataBytes: number): string | undefined {
    let end = 0;
    for (let block = 0; block < this.blockCount; block++) {
      const offset = this.offset(block);
      const storedBytes = this.storedBytes(block);
      if (offset < end || storedBytes <= ENVELOPE_BYTES) return "a block is not where the index says";
      end = offset + storedBytes;
    }
    return end <= dataBytes ? undefined : "a block lies beyond the data";
  }
}
