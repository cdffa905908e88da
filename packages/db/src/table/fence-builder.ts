import { TS_LO, VERSION_WORDS } from "../format/version-record.ts";
import { VersionRun } from "../format/version-run.ts";
import type { BlockView } from "./block.ts";
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
  FENCE_SINGLE,
  FIRST_OF_GROUP,
  INDEX_BLOCK_COUNT,
  INDEX_COLUMNS,
  INDEX_COMMON_BYTES,
  INDEX_HEAD_COUNT,
  INDEX_HEAD_WORDS,
  INDEX_HEADER_WORDS,
  INDEX_TAIL_WORDS,
  NEWEST_VERSIONS_MIN,
} from "./fence-format.ts";
import { boundedPrefix, commonPrefixBytes, type KeyWords, sharePrefix } from "./key-words.ts";
import { WordList } from "./word-list.ts";

const TWO32 = 4294967296;
/** Starts longer than this, beyond what all keys share, are kept once for neighbouring separators. */
const HEAD_BYTES_MIN = 256;

interface Fence {
  readonly separator: KeyWords;
  readonly tsHi: number;
  readonly tsLo: number;
  readonly offset: number;
  readonly storedBytes: number;
  readonly flags: number;
}

interface Head {
  readonly index: number;
  /** Where its words begin among those of all heads. */
  readonly start: number;
  /** The separator that begins with it, and how many of its bytes it has: whole words. */
  readonly separator: KeyWords;
  readonly bytes: number;
}

/** Collects one fence a block; {@link Fences} reads what `finish` gives. */
export class FenceBuilder {
  readonly #fences: Fence[] = [];
  /** By block: the words of its greatest timestamp. */
  readonly #newestHi: number[] = [];
  readonly #newestLo: number[] = [];
  #keyCount = 0;
  #versionCount = 0;
  #lastKey: KeyWords = { i32: new Int32Array(0), word: 0, length: 0 };
  #bytes = 0;

  /** Bytes that the index will have, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The next block, laid out, as it was written at `offset`. */
  add(view: BlockView, offset: number, storedBytes: number): void {
    const first = keyOf(view, 0);
    const continued = view.continued;
    const separator = copyOf(first, continued ? first.length : this.#separatorLength(first));
    const record = view.recordsWord;
    this.#fences.push({
      separator,
      tsHi: continued ? view.i32[record]! : FIRST_OF_GROUP,
      tsLo: continued ? view.i32[record + TS_LO]! : FIRST_OF_GROUP,
      offset,
      storedBytes,
      flags: (continued ? FENCE_CONTINUED : 0) | (view.keyCount === 1 ? FENCE_SINGLE : 0),
    });
    this.#noteNewest(view);
    const last = keyOf(view, view.keyCount - 1);
    this.#lastKey = copyOf(last, last.length);
    this.#bytes += INDEX_COLUMNS * 4 + separator.i32.length * 4;
  }

  /** The index of a table whose keys lie between `smallest` and `largest`. */
  finish(smallest: KeyWords, largest: KeyWords): Int32Array<ArrayBuffer> {
    const common = commonPrefixBytes(
      smallest.i32,
      smallest.word,
      smallest.length,
      largest.i32,
      largest.word,
      largest.length,
    );
    // The first separator only has to be at most the smallest key.
    const start = copyOf(smallest, common);
    const heads: Head[] = [{ index: 0, start: 0, separator: start, bytes: common & ~3 }];
    const headWords = new WordList(64);
    headWords.append(start.i32, 0, start.i32.length);
    const tails = new WordList(1024);
    const columns = new Int32Array(this.#fences.length * INDEX_COLUMNS);
    for (const [block, fence] of this.#fences.entries()) {
      const separator = block === 0 ? start : fence.separator;
      const head = this.#headFor(block, separator, heads, headWords);
      this.#fillColumns(columns, block, separator, head, tails.length, common);
      const skipped = head.bytes >>> 2;
      tails.append(separator.i32, skipped, separator.i32.length - skipped);
    }
    const hasNewest = this.#versionCount >= this.#keyCount * NEWEST_VERSIONS_MIN;
    const newest = hasNewest ? Int32Array.from([...this.#newestHi, ...this.#newestLo]) : new Int32Array(0);
    return join(this.#fences.length, common, columns, heads, headWords, tails, newest);
  }

  #noteNewest(view: BlockView): void {
    const { tsHi, tsLo } = newestOf(view);
    this.#newestHi.push(tsHi);
    this.#newestLo.push(tsLo);
    this.#keyCount += view.keyCount - (view.continued ? 1 : 0);
    this.#versionCount += view.versionCount;
  }

  /** One byte more than the key before shares with `first` is enough to lie above that one. */
  #separatorLength(first: KeyWords): number {
    const last = this.#lastKey;
    return 1 + commonPrefixBytes(last.i32, last.word, last.length, first.i32, first.word, first.length);
  }

  /** The head of a separator: the last one where it begins with that, a new one where its neighbour can share it. */
  #headFor(block: number, separator: KeyWords, heads: Head[], headWords: WordList): Head {
    const common = heads[0]!;
    if (separator.length - common.bytes <= HEAD_BYTES_MIN) return common;
    const last = heads.at(-1)!;
    if (
      last !== common &&
      last.bytes <= separator.length &&
      sharePrefix(last.separator.i32, 0, separator.i32, 0, last.bytes)
    ) {
      return last;
    }
    const next = this.#fences[block + 1]?.separator;
    if (next === undefined) return common;
    const shared = commonPrefixBytes(separator.i32, 0, separator.length, next.i32, 0, next.length) & ~3;
    if (shared - common.bytes <= HEAD_BYTES_MIN) return common;
    const head = { index: heads.length, start: headWords.length, separator, bytes: shared };
    heads.push(head);
    headWords.append(separator.i32, 0, shared >>> 2);
    return head;
  }

  #fillColumns(
    columns: Int32Array,
    block: number,
    separator: KeyWords,
    head: Head,
    tailWord: number,
    common: number,
  ): void {
    const { tsHi, tsLo, offset, storedBytes, flags } = this.#fences[block]!;
    const u8 = new Uint8Array(separator.i32.buffer);
    const count = this.#fences.length;
    const set = (column: number, value: number) => {
      columns[column * count + block] = value;
    };
    set(COLUMN_PREFIX, boundedPrefix(u8, 0, separator.length, common));
    set(COLUMN_PREFIX_NEXT, boundedPrefix(u8, 0, separator.length, common + 4));
    set(COLUMN_TS_HI, tsHi);
    set(COLUMN_TS_LO, tsLo);
    set(COLUMN_OFFSET_LOW, offset >>> 0);
    set(COLUMN_OFFSET_HIGH, Math.floor(offset / TWO32));
    set(COLUMN_STORED_BYTES, storedBytes);
    set(COLUMN_HEAD, head.index);
    set(COLUMN_TAIL_WORD, tailWord);
    set(COLUMN_TAIL_LENGTH, (separator.length - head.bytes) | flags);
  }
}

function join(
  blockCount: number,
  common: number,
  columns: Int32Array,
  heads: readonly Head[],
  headWords: WordList,
  tails: WordList,
  newest: Int32Array,
): Int32Array<ArrayBuffer> {
  const words = columns.length + heads.length * 2 + headWords.length + tails.length + newest.length;
  const index = new WordList(INDEX_HEADER_WORDS + words);
  const header = index.take(INDEX_HEADER_WORDS);
  index.i32[header + INDEX_BLOCK_COUNT] = blockCount;
  index.i32[header + INDEX_COMMON_BYTES] = common;
  index.i32[header + INDEX_HEAD_COUNT] = heads.length;
  index.i32[header + INDEX_HEAD_WORDS] = headWords.length;
  index.i32[header + INDEX_TAIL_WORDS] = tails.length;
  index.append(columns, 0, columns.length);
  for (const { start, bytes } of heads) {
    index.push(start);
    index.push(bytes);
  }
  index.append(headWords.i32, 0, headWords.length);
  index.append(tails.i32, 0, tails.length);
  index.append(newest, 0, newest.length);
  return index.view();
}

/** The words of the greatest timestamp in a block. */
export function newestOf(view: BlockView): { readonly tsHi: number; readonly tsLo: number } {
  const run = new VersionRun();
  let tsHi = -1;
  let tsLo = 0;
  for (let slot = 0; slot < view.keyCount; slot++) {
    view.fillRun(run, 0, slot);
    const last = run.first + (run.count - 1) * VERSION_WORDS;
    const hi = run.i32[last]!;
    const lo = run.i32[last + TS_LO]!;
    if (hi < tsHi || (hi === tsHi && lo <= tsLo)) continue;
    tsHi = hi;
    tsLo = lo;
  }
  return { tsHi, tsLo };
}

function keyOf(view: BlockView, slot: number): KeyWords {
  const word = view.keyWord(slot);
  return { i32: view.i32, word, length: view.i32[word - 1]! };
}

/** A copy of the first `length` bytes of a key, zero-padded. */
function copyOf(key: KeyWords, length: number): KeyWords {
  const words = (length + 3) >>> 2;
  const i32 = key.i32.slice(key.word, key.word + words);
  const rest = (length & 3) * 8;
  if (rest > 0) i32[words - 1] = i32[words - 1]! & ((1 << rest) - 1);
  return { i32, word: 0, length };
}
