import { compareKeys, equalKeys, type KeyBuffer, keyPrefix } from "../format/key-buffer.ts";
import { VERSION_WORDS } from "../format/version-record.ts";
import type { VersionRun } from "../format/version-run.ts";
import {
  BLOCK_HEADER_WORDS,
  COMMON_BYTES,
  FLAG_CONTINUED,
  FLAG_GOES_ON,
  FLAGS,
  KEY_COUNT,
  SLOT_HASH,
  SLOT_KEY,
  SLOT_PREFIX,
  SLOT_VERSION,
  SLOT_WORDS,
  VERSION_COUNT,
} from "./format.ts";
import { boundedPrefix, sharePrefix } from "./key-words.ts";

const EMPTY_I32 = new Int32Array(0);
const EMPTY_U8 = new Uint8Array(0);

/**
 * Where a decompressed block lies in memory: in a cache frame, or in a buffer of its own (frame −1). The block was
 * checked when it was loaded, so nothing here looks twice. Lent, like the frame.
 */
export class BlockView {
  i32: Int32Array = EMPTY_I32;
  u8: Uint8Array = EMPTY_U8;
  /** Byte and word at which the block begins. */
  base = 0;
  word = 0;
  frame = -1;
  /** The pin counts of the cache that the frame belongs to. */
  pins: Int32Array = EMPTY_I32;

  /** Keeps the frame until {@link release}. */
  pin(): void {
    if (this.frame >= 0) this.pins[this.frame]!++;
  }

  /** Gives up a pinned frame. */
  release(): void {
    if (this.frame >= 0) this.pins[this.frame]!--;
    this.frame = -1;
  }

  /** Becomes a view of the same block. */
  set(other: BlockView): void {
    this.i32 = other.i32;
    this.u8 = other.u8;
    this.base = other.base;
    this.word = other.word;
    this.frame = other.frame;
    this.pins = other.pins;
  }

  get keyCount(): number {
    return this.i32[this.word + KEY_COUNT]!;
  }

  get versionCount(): number {
    return this.i32[this.word + VERSION_COUNT]!;
  }

  /** Whether the first group began in an earlier block. */
  get continued(): boolean {
    return (this.i32[this.word + FLAGS]! & FLAG_CONTINUED) !== 0;
  }

  /** Whether the last group goes on in the next block. */
  get goesOn(): boolean {
    return (this.i32[this.word + FLAGS]! & FLAG_GOES_ON) !== 0;
  }

  /** Word of a slot's key; the word before it is the key's length. */
  keyWord(slot: number): number {
    const at = this.word + BLOCK_HEADER_WORDS + slot * SLOT_WORDS;
    return this.word + (this.i32[at + SLOT_KEY]! >>> 2) + 1;
  }

  /** Word of the first version record. */
  get recordsWord(): number {
    return this.word + BLOCK_HEADER_WORDS + (this.keyCount + 1) * SLOT_WORDS;
  }

  hash(slot: number): number {
    return this.i32[this.word + BLOCK_HEADER_WORDS + slot * SLOT_WORDS + SLOT_HASH]!;
  }

  /** The slot that holds `key`, or −1. */
  find(key: KeyBuffer): number {
    const i32 = this.i32;
    const word = this.word;
    const common = i32[word + COMMON_BYTES]!;
    if (key.length < common) return -1;
    // No need to compare the common bytes: the whole key is, where prefix and hash agree.
    const prefix = keyPrefix(key.u8, 0, common);
    const slots = word + BLOCK_HEADER_WORDS;
    const count = i32[word + KEY_COUNT]!;
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (i32[slots + middle * SLOT_WORDS]! < prefix) low = middle + 1;
      else high = middle;
    }
    for (let at = slots + low * SLOT_WORDS; low < count && i32[at] === prefix; low++, at += SLOT_WORDS) {
      if (i32[at + SLOT_HASH] !== key.hash) continue;
      const keyWord = word + (i32[at + SLOT_KEY]! >>> 2) + 1;
      if (equalKeys(i32, keyWord, i32[keyWord - 1]!, key.i32, 0, key.length)) return low;
    }
    return -1;
  }

  /** The first slot whose key is at least `key`; the key count where there is none. */
  lowerBound(key: KeyBuffer): number {
    const i32 = this.i32;
    const common = i32[this.word + COMMON_BYTES]!;
    const first = this.keyWord(0);
    if (key.length < common || !sharePrefix(key.i32, 0, i32, first, common)) {
      return compareKeys(key.i32, 0, key.length, i32, first, i32[first - 1]!) < 0 ? 0 : this.keyCount;
    }
    const prefix = keyPrefix(key.u8, 0, common);
    const slots = this.word + BLOCK_HEADER_WORDS;
    let low = 0;
    let high = this.keyCount;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = i32[slots + middle * SLOT_WORDS + SLOT_PREFIX]!;
      if (other < prefix || (other === prefix && this.#isBelow(middle, key))) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The slot, the first or the last, in which a group that reaches beyond this block has its part here. */
  slotOfLongGroup(i32: Int32Array, word: number, length: number): number {
    const first = this.keyWord(0);
    return equalKeys(this.i32, first, this.i32[first - 1]!, i32, word, length) ? 0 : this.keyCount - 1;
  }

  /** Makes `run` the versions of a slot. The frame that it pinned is given up; pinning this one is the caller's. */
  fillRun(run: VersionRun, block: number, slot: number): void {
    const i32 = this.i32;
    const word = this.word;
    const keyCount = i32[word + KEY_COUNT]!;
    const flags = i32[word + FLAGS]!;
    const at = word + BLOCK_HEADER_WORDS + slot * SLOT_WORDS + SLOT_VERSION;
    const first = i32[at]!;
    run.i32 = i32;
    run.u8 = this.u8;
    run.base = this.base;
    run.first = word + BLOCK_HEADER_WORDS + (keyCount + 1) * SLOT_WORDS + first * VERSION_WORDS;
    run.count = i32[at + SLOT_WORDS]! - first;
    run.hasPrevious = slot === 0 && (flags & FLAG_CONTINUED) !== 0;
    run.hasNext = slot === keyCount - 1 && (flags & FLAG_GOES_ON) !== 0;
    run.node = block;
    run.part = slot;
  }

  /** The prefix that a slot's key gives, to be held against the slot's. */
  prefixOf(slot: number): number {
    const word = this.keyWord(slot);
    return boundedPrefix(this.u8, word * 4, this.i32[word - 1]!, this.i32[this.word + COMMON_BYTES]!);
  }

  prefix(slot: number): number {
    return this.i32[this.word + BLOCK_HEADER_WORDS + slot * SLOT_WORDS + SLOT_PREFIX]!;
  }

  #isBelow(slot: number, key: KeyBuffer): boolean {
    const word = this.keyWord(slot);
    return compareKeys(this.i32, word, this.i32[word - 1]!, key.i32, 0, key.length) < 0;
  }
}
