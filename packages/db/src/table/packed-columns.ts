import { limits } from "@kvts/common";
import {
  highWord,
  KIND_MASK,
  KIND_PUT,
  KIND_RETRACT,
  META_EXPIRES,
  META_EXTENT,
  META_LENGTH_SHIFT,
  VERSION_BYTES,
} from "../format/version-record.ts";
import { readBits, readColumn, WIDTH_MAX } from "./bit-columns.ts";
import { BLOCK_HEADER_WORDS, FLAG_CONTINUED, FLAG_GOES_ON, SLOT_WORDS } from "./format.ts";
import {
  COLUMN_COUNT,
  COLUMN_EXPIRES_AFTER,
  COLUMN_FIRST_TIMESTAMP,
  COLUMN_KIND,
  COLUMN_LATER,
  COLUMN_LENGTH,
  COLUMN_REST,
  COLUMN_SEQ,
  COLUMN_SHARED,
  COLUMN_VERSIONS,
  KIND_BITS_MASK,
} from "./packed-block.ts";
import { payloadWords, storedPayloadBytes } from "./payload.ts";

/** Columns of counts and lengths have numbers below 2^27, so that sums of base and bits stay small integers. */
const SMALL_WIDTH_MAX = 27;
const VERSIONS_AT_FIRST = 512;

/** A column of timestamps or seqs in two words a number: each is the base's words plus these, with a carry. */
export class WideColumn {
  baseHigh = 0;
  baseLow = 0;
  low: Int32Array = new Int32Array(VERSIONS_AT_FIRST);
  high: Int32Array = new Int32Array(VERSIONS_AT_FIRST);
}

/**
 * The head and the columns of a packed block, read and checked: whatever the bytes are, the lengths and counts here fit
 * each other and the block that is to come of them. Reused from block to block.
 */
export class PackedColumns {
  keyCount = 0;
  versionCount = 0;
  flags = 0;
  /** By key. */
  shared: Int32Array = new Int32Array(VERSIONS_AT_FIRST);
  rest: Int32Array = new Int32Array(VERSIONS_AT_FIRST);
  versions: Int32Array = new Int32Array(VERSIONS_AT_FIRST);
  readonly firstTimestamps: WideColumn = new WideColumn();
  /** By version but each key's first. */
  readonly laters: WideColumn = new WideColumn();
  /** By version: META as in a record. */
  metas: Int32Array = new Int32Array(VERSIONS_AT_FIRST);
  readonly seqs: WideColumn = new WideColumn();
  /** By version with an expiry. */
  readonly expiresAfter: WideColumn = new WideColumn();
  /** What is left of the keys, all together. */
  restBytes = 0;
  /** Where the body begins, in the bytes that were read, and how many bytes it has when decompressed. */
  bodyAt = 0;
  bodyBytes = 0;
  readonly #bases: Float64Array = new Float64Array(COLUMN_COUNT);
  readonly #widths: Int32Array = new Int32Array(COLUMN_COUNT);
  #lengths: Int32Array = new Int32Array(VERSIONS_AT_FIRST);
  #u8: Uint8Array = new Uint8Array(0);
  #words: Int32Array = new Int32Array(0);
  #at = 0;
  /** The bit at which the next column begins. */
  #bit = 0;
  /** Bytes of the keys in memory; words of the payloads; versions with an expiry. */
  #keyBytes = 0;
  #payloadWords = 0;
  #expiries = 0;

  /**
   * Reads what stands from `from`, a multiple of four, to the end of `u8`, which begins at a whole word of its buffer.
   * @param blockBytes bytes that the block is to have in memory.
   * @returns what is wrong, if anything is.
   */
  read(u8: Uint8Array, from: number, blockBytes: number): string | undefined {
    this.#u8 = u8;
    this.#words = new Int32Array(u8.buffer, u8.byteOffset, u8.length >>> 2);
    this.#at = from;
    return (
      this.#headProblem(blockBytes) ??
      this.#keyProblem() ??
      this.#versionProblem() ??
      this.#numberProblem() ??
      this.#sizeProblem(blockBytes)
    );
  }

  #headProblem(blockBytes: number): string | undefined {
    const keyCount = this.#varint();
    const versionCount = this.#varint();
    if (keyCount < 1 || versionCount < keyCount || versionCount * VERSION_BYTES > blockBytes) {
      return "a block's counts cannot be";
    }
    this.keyCount = keyCount;
    this.versionCount = versionCount;
    this.flags = this.#byte();
    if ((this.flags & ~(FLAG_CONTINUED | FLAG_GOES_ON)) !== 0) return "a block's flags are not known";
    for (let column = 0; column < COLUMN_COUNT; column++) {
      const base = this.#varint();
      const width = this.#byte();
      if (base < 0 || width > WIDTH_MAX) return "a block's columns are of no known form";
      this.#bases[column] = base;
      this.#widths[column] = width;
    }
    while ((this.#at & 3) !== 0) if (this.#byte() !== 0) return "a block has bytes between its parts";
    this.#bit = this.#at * 8;
    if (versionCount > this.metas.length) this.#grow(versionCount);
    return undefined;
  }

  #keyProblem(): string | undefined {
    const { keyCount, shared, rest, versions } = this;
    if (
      !this.#readSmall(COLUMN_SHARED, keyCount, shared) ||
      !this.#readSmall(COLUMN_REST, keyCount, rest) ||
      !this.#readSmall(COLUMN_VERSIONS, keyCount, versions)
    ) {
      return "a block's columns reach beyond it";
    }
    let bytes = 0;
    let restBytes = 0;
    let count = 0;
    let before = 0;
    for (let key = 0; key < keyCount; key++) {
      const same = shared[key]!;
      const length = same + rest[key]!;
      if (same > before || length < 1 || length > limits.keyBytesMax) return "a key's length cannot be";
      if (versions[key] === 0) return "a key has no versions";
      before = length;
      bytes += 4 + ((length + 3) & ~3);
      restBytes += length - same;
      count += versions[key]!;
    }
    if (count !== this.versionCount) return "a block's versions belong to no key";
    this.#keyBytes = bytes;
    this.restBytes = restBytes;
    return undefined;
  }

  #versionProblem(): string | undefined {
    const { versionCount, metas } = this;
    const lengths = this.#lengths;
    if (!this.#readSmall(COLUMN_KIND, versionCount, metas) || !this.#readSmall(COLUMN_LENGTH, versionCount, lengths)) {
      return "a block's columns reach beyond it";
    }
    let words = 0;
    let bytes = 0;
    let expiries = 0;
    for (let version = 0; version < versionCount; version++) {
      const bits = metas[version]!;
      const length = lengths[version]!;
      if (bits !== KIND_PUT) {
        const problem = kindProblem(bits, length);
        if (problem !== undefined) return problem;
        if ((bits & META_EXPIRES) !== 0) expiries++;
      }
      if (length > limits.valueBytesMax) return "a value's length cannot be";
      const meta = bits | (length << META_LENGTH_SHIFT);
      metas[version] = meta;
      words += payloadWords(meta);
      bytes += storedPayloadBytes(meta);
    }
    this.#payloadWords = words;
    this.#expiries = expiries;
    this.bodyBytes = this.restBytes + bytes;
    return undefined;
  }

  #numberProblem(): string | undefined {
    const { keyCount, versionCount } = this;
    const whole =
      this.#readWide(COLUMN_FIRST_TIMESTAMP, keyCount, this.firstTimestamps) &&
      this.#readWide(COLUMN_LATER, versionCount - keyCount, this.laters) &&
      this.#readWide(COLUMN_SEQ, versionCount, this.seqs) &&
      this.#readWide(COLUMN_EXPIRES_AFTER, this.#expiries, this.expiresAfter);
    return whole ? undefined : "a block's columns reach beyond it";
  }

  #sizeProblem(blockBytes: number): string | undefined {
    const words = BLOCK_HEADER_WORDS + (this.keyCount + 1) * SLOT_WORDS + this.#payloadWords;
    if (words * 4 + this.versionCount * VERSION_BYTES + this.#keyBytes !== blockBytes) {
      return "a block's contents have another length than it";
    }
    const used = this.#bit & 31;
    if (used > 0 && this.#words[this.#bit >>> 5]! >>> used !== 0) return "a block has bits between its parts";
    this.bodyAt = ((this.#bit + 31) >>> 5) * 4;
    return undefined;
  }

  /** False where the column reaches beyond the bytes, or has numbers that it cannot have. */
  #readSmall(column: number, count: number, into: Int32Array): boolean {
    const base = this.#bases[column]!;
    const width = this.#widths[column]!;
    const bit = this.#bit;
    this.#bit = bit + count * width;
    if (this.#bit > this.#words.length * 32 || width > SMALL_WIDTH_MAX || base >= 2 ** SMALL_WIDTH_MAX) return false;
    readBits(this.#words, bit, width, width, count, into);
    for (let i = 0; i < count; i++) into[i] = into[i]! + base;
    return true;
  }

  #readWide(column: number, count: number, into: WideColumn): boolean {
    const base = this.#bases[column]!;
    const width = this.#widths[column]!;
    const bit = this.#bit;
    this.#bit = bit + count * width;
    if (this.#bit > this.#words.length * 32) return false;
    into.baseHigh = highWord(base);
    into.baseLow = base | 0;
    readColumn(this.#words, bit, width, count, into.low, into.high);
    return true;
  }

  /** The next byte; 255, which none of them may be, behind the end. */
  #byte(): number {
    return this.#at < this.#u8.length ? this.#u8[this.#at++]! : 255;
  }

  /** The next varint; −1 where there is none. */
  #varint(): number {
    let n = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      if (this.#at >= this.#u8.length) return -1;
      const byte = this.#u8[this.#at++]!;
      n += (byte & 0x7f) * scale;
      if (byte < 0x80) return n <= Number.MAX_SAFE_INTEGER ? n : -1;
      scale *= 0x80;
    }
    return -1;
  }

  #grow(versions: number): void {
    this.shared = new Int32Array(versions);
    this.rest = new Int32Array(versions);
    this.versions = new Int32Array(versions);
    this.metas = new Int32Array(versions);
    this.#lengths = new Int32Array(versions);
    for (const column of [this.firstTimestamps, this.laters, this.seqs, this.expiresAfter]) {
      column.low = new Int32Array(versions);
      column.high = new Int32Array(versions);
    }
  }
}

function kindProblem(bits: number, length: number): string | undefined {
  const kind = bits & KIND_MASK;
  if (bits > KIND_BITS_MASK || kind > KIND_RETRACT) return `version kind ${bits} is not known`;
  if (kind !== KIND_PUT && (bits !== kind || length > 0)) return "a version without a value has one";
  return (bits & META_EXTENT) !== 0 && length === 0 ? "an extent holds nothing" : undefined;
}
