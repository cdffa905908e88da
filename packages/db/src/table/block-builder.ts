import {
  META,
  META_EXPIRES,
  META_EXTENT,
  META_LENGTH_SHIFT,
  POINTER,
  VERSION_BYTES,
  VERSION_WORDS,
} from "../format/version-record.ts";
import type { VersionRun } from "../format/version-run.ts";
import { EXPIRY_WORDS, type ExtentSource } from "./extent.ts";
import type { ExtentWriter } from "./extent-writer.ts";
import {
  BLOCK_HEADER_WORDS,
  blockBytesMax,
  COMMON_BYTES,
  FLAGS,
  KEY_COUNT,
  SENTINEL,
  SLOT_HASH,
  SLOT_KEY,
  SLOT_PREFIX,
  SLOT_VERSION,
  SLOT_WORDS,
  VALUES_OFFSET,
  VERSION_COUNT,
} from "./format.ts";
import { boundedPrefix, commonPrefixBytes, type KeyWords } from "./key-words.ts";
import { payloadWords } from "./payload.ts";
import { copyWords, WordList } from "./word-list.ts";

/** Header and sentinel. */
const EMPTY_BYTES = (BLOCK_HEADER_WORDS + SLOT_WORDS) * 4;
const SLOT_AND_LENGTH_BYTES = (SLOT_WORDS + 1) * 4;

/**
 * Gathers keys and versions until they fill a block, then lays them out in columns. The columns grow apart from each
 * other, since nothing is known beforehand of how many keys, versions and value bytes will meet in one block.
 */
export class BlockBuilder {
  readonly #extents: ExtentWriter;
  readonly #slots: WordList = new WordList(1024);
  readonly #records: WordList = new WordList(4096);
  readonly #keys: WordList = new WordList(4096);
  readonly #values: WordList = new WordList(4096);
  readonly #block: WordList = new WordList(4096);
  #bytes = EMPTY_BYTES;
  #bytesMax: number = blockBytesMax(0);
  #keyCount = 0;

  constructor(extents: ExtentWriter) {
    this.#extents = extents;
  }

  /** Bytes that the block has so far. */
  get bytes(): number {
    return this.#bytes;
  }

  get keyCount(): number {
    return this.#keyCount;
  }

  /** Whether a group can begin here with record `index` of `run`; an empty block takes any. */
  hasRoomFor(keyLength: number, run: VersionRun, index: number): boolean {
    if (this.#keyCount === 0) return true;
    if (blockBytesMax(keyLength) > this.#bytesMax) return false;
    const meta = run.i32[run.first + index * VERSION_WORDS + META]!;
    const keyBytes = SLOT_AND_LENGTH_BYTES + ((keyLength + 3) & ~3);
    return this.#bytes + keyBytes + VERSION_BYTES + payloadWords(meta) * 4 <= this.#bytesMax;
  }

  /** Begins a group; {@link addVersions} follows. */
  startKey(key: KeyWords, hash: number): void {
    const words = (key.length + 3) >>> 2;
    const slot = this.#slots.take(SLOT_WORDS);
    const slots = this.#slots.i32;
    // Prefix and key offset are made final in the layout: they depend on what all keys share and where keys begin.
    slots[slot + SLOT_HASH] = hash;
    slots[slot + SLOT_KEY] = this.#keys.length * 4;
    slots[slot + SLOT_VERSION] = this.#records.length / VERSION_WORDS;
    this.#keys.push(key.length);
    this.#keys.append(key.i32, key.word, words);
    if (this.#keyCount === 0) this.#bytesMax = blockBytesMax(key.length);
    this.#bytes += SLOT_AND_LENGTH_BYTES + words * 4;
    this.#keyCount++;
  }

  /**
   * Copies records `from` … `to - 1` of `run`, as many as fit, and returns the index of the first that does not. An
   * empty block takes any record.
   * Values that lie one behind the other are copied in one go.
   */
  addVersions(run: VersionRun, from: number, to: number, source: ExtentSource): number {
    const i32 = run.i32;
    const baseWord = run.base >>> 2;
    let recordAt = this.#records.reserve((to - from) * VERSION_WORDS);
    const records = this.#records.i32;
    const values = this.#values;
    let valueWord = values.length;
    let spanFrom = 0;
    let spanEnd = 0;
    let bytes = this.#bytes;
    let index = from;
    for (let at = run.first + from * VERSION_WORDS; index < to; index++, at += VERSION_WORDS) {
      const meta = i32[at + META]!;
      const words = payloadWords(meta);
      const bytesWith = bytes + VERSION_BYTES + words * 4;
      if (bytesWith > this.#bytesMax && recordAt > 0) break;
      bytes = bytesWith;
      records[recordAt] = i32[at]!;
      records[recordAt + 1] = i32[at + 1]!;
      records[recordAt + 2] = i32[at + 2]!;
      records[recordAt + 3] = i32[at + 3]!;
      records[recordAt + POINTER] = valueWord * 4;
      records[recordAt + META] = meta;
      recordAt += VERSION_WORDS;
      valueWord += words;
      if (words === 0) continue;
      const payload = baseWord + (i32[at + POINTER]! >>> 2);
      if ((meta & META_EXTENT) !== 0) {
        values.append(i32, spanFrom, spanEnd - spanFrom);
        spanFrom = spanEnd = 0;
        if ((meta & META_EXPIRES) !== 0) values.append(i32, payload, EXPIRY_WORDS);
        this.#extents.write(source, run, index, values);
      } else if (payload === spanEnd) {
        spanEnd += words;
      } else {
        values.append(i32, spanFrom, spanEnd - spanFrom);
        spanFrom = payload;
        spanEnd = payload + words;
      }
    }
    values.append(i32, spanFrom, spanEnd - spanFrom);
    this.#records.length = recordAt;
    this.#bytes = bytes;
    return index;
  }

  /** The finished block, good until the next call; the builder is empty again after {@link clear}. */
  layOut(flags: number): Int32Array<ArrayBuffer> {
    const block = this.#block;
    block.clear();
    block.take(this.#bytes / 4);
    const i32 = block.i32;
    const recordsWord = BLOCK_HEADER_WORDS + (this.#keyCount + 1) * SLOT_WORDS;
    const keysWord = recordsWord + this.#records.length;
    const valuesWord = keysWord + this.#keys.length;
    copyWords(this.#slots.i32, 0, i32, BLOCK_HEADER_WORDS, this.#slots.length);
    copyWords(this.#records.i32, 0, i32, recordsWord, this.#records.length);
    copyWords(this.#keys.i32, 0, i32, keysWord, this.#keys.length);
    copyWords(this.#values.i32, 0, i32, valuesWord, this.#values.length);
    i32[KEY_COUNT] = this.#keyCount;
    i32[VERSION_COUNT] = this.#records.length / VERSION_WORDS;
    i32[FLAGS] = flags;
    i32[VALUES_OFFSET] = valuesWord * 4;
    completeSlots(i32, keysWord);
    completeRecords(i32, recordsWord, keysWord, valuesWord);
    return block.view();
  }

  clear(): void {
    this.#slots.clear();
    this.#records.clear();
    this.#keys.clear();
    this.#values.clear();
    this.#bytes = EMPTY_BYTES;
    this.#bytesMax = blockBytesMax(0);
    this.#keyCount = 0;
  }
}

/** Key offsets count from the block, prefixes begin behind what the first and the last key, and so all, share. */
function completeSlots(i32: Int32Array<ArrayBuffer>, keysWord: number): void {
  const u8 = new Uint8Array(i32.buffer);
  const keyCount = i32[KEY_COUNT]!;
  const end = BLOCK_HEADER_WORDS + keyCount * SLOT_WORDS;
  const last = keysWord + i32[end - SLOT_WORDS + SLOT_KEY]! / 4;
  const common = commonPrefixBytes(i32, keysWord + 1, i32[keysWord]!, i32, last + 1, i32[last]!);
  i32[COMMON_BYTES] = common;
  for (let slot = BLOCK_HEADER_WORDS; slot < end; slot += SLOT_WORDS) {
    const offset = i32[slot + SLOT_KEY]! + keysWord * 4;
    i32[slot + SLOT_KEY] = offset;
    i32[slot + SLOT_PREFIX] = boundedPrefix(u8, offset + 4, i32[offset >>> 2]!, common);
  }
  i32[end + SLOT_PREFIX] = SENTINEL;
  i32[end + SLOT_HASH] = SENTINEL;
  i32[end + SLOT_KEY] = i32[VALUES_OFFSET]!;
  i32[end + SLOT_VERSION] = i32[VERSION_COUNT]!;
}

/** Pointers count from the block; bytes between a value's end and the next word are zero, whatever the source had. */
function completeRecords(i32: Int32Array, from: number, to: number, valuesWord: number): void {
  for (let at = from; at < to; at += VERSION_WORDS) {
    const pointer = i32[at + POINTER]! + valuesWord * 4;
    i32[at + POINTER] = pointer;
    const meta = i32[at + META]!;
    const rest = (meta >>> META_LENGTH_SHIFT) & 3;
    if (rest === 0 || (meta & META_EXTENT) !== 0) continue;
    const lastWord = (pointer >>> 2) + payloadWords(meta) - 1;
    i32[lastWord] = i32[lastWord]! & ((1 << (rest * 8)) - 1);
  }
}
