import { ByteWriter } from "../format/coding.ts";
import {
  joinWords,
  META,
  META_EXPIRES,
  META_LENGTH_SHIFT,
  POINTER,
  SEQ_HI,
  SEQ_LO,
  TS_LO,
  VERSION_WORDS,
} from "../format/version-record.ts";
import { BitWriter, widthOf } from "./bit-columns.ts";
import { EXPIRY_WORDS } from "./extent.ts";
import { BLOCK_HEADER_WORDS, FLAGS, KEY_COUNT, SLOT_KEY, SLOT_VERSION, SLOT_WORDS, VERSION_COUNT } from "./format.ts";
import { commonPrefixBytes } from "./key-words.ts";
import { NumberColumn } from "./number-column.ts";
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
  expiresAfter,
  KIND_BITS_MASK,
} from "./packed-block.ts";
import { storedPayloadBytes } from "./payload.ts";
import { WordList } from "./word-list.ts";

/** Turns a block as it is in memory into what is written of it: packed-block.ts describes the form. */
export class BlockPacker {
  readonly #columns: readonly NumberColumn[] = Array.from({ length: COLUMN_COUNT }, () => new NumberColumn());
  readonly #head: ByteWriter = new ByteWriter(256);
  readonly #bits: WordList = new WordList(1024);
  readonly #bitWriter: BitWriter = new BitWriter(this.#bits);
  #body: Uint8Array<ArrayBuffer> = new Uint8Array(16 * 1024);
  #bodyBytes = 0;

  /** Packs a laid out block, which is where its array begins. {@link head}, {@link columns} and {@link body} have it then. */
  pack(i32: Int32Array<ArrayBuffer>): void {
    const u8 = new Uint8Array(i32.buffer, i32.byteOffset, i32.byteLength);
    for (const column of this.#columns) column.clear();
    this.#bodyBytes = 0;
    if (this.#body.length < u8.length) this.#body = new Uint8Array(u8.length);
    this.#takeKeys(i32, u8);
    this.#takeVersions(i32);
    this.#takePayloads(i32, u8);
    this.#writeColumns(i32);
  }

  /** Head and columns, a whole number of words; good until the next call of {@link pack}, as is {@link body}. */
  get columns(): Uint8Array<ArrayBuffer> {
    return this.#head.view();
  }

  get body(): Uint8Array<ArrayBuffer> {
    return this.#body.subarray(0, this.#bodyBytes);
  }

  #takeKeys(i32: Int32Array, u8: Uint8Array): void {
    const shared = this.#columns[COLUMN_SHARED]!;
    const rest = this.#columns[COLUMN_REST]!;
    const versions = this.#columns[COLUMN_VERSIONS]!;
    const end = BLOCK_HEADER_WORDS + i32[KEY_COUNT]! * SLOT_WORDS;
    let before = 0;
    let beforeBytes = 0;
    for (let slot = BLOCK_HEADER_WORDS; slot < end; slot += SLOT_WORDS) {
      const key = (i32[slot + SLOT_KEY]! >>> 2) + 1;
      const bytes = i32[key - 1]!;
      const same = commonPrefixBytes(i32, before, beforeBytes, i32, key, bytes);
      shared.push(same);
      rest.push(bytes - same);
      versions.push(i32[slot + SLOT_WORDS + SLOT_VERSION]! - i32[slot + SLOT_VERSION]!);
      this.#addToBody(u8, key * 4 + same, bytes - same);
      before = key;
      beforeBytes = bytes;
    }
  }

  #takeVersions(i32: Int32Array): void {
    const [kinds, lengths] = [this.#columns[COLUMN_KIND]!, this.#columns[COLUMN_LENGTH]!];
    const [firsts, laters] = [this.#columns[COLUMN_FIRST_TIMESTAMP]!, this.#columns[COLUMN_LATER]!];
    const [seqs, expiries] = [this.#columns[COLUMN_SEQ]!, this.#columns[COLUMN_EXPIRES_AFTER]!];
    const versions = this.#columns[COLUMN_VERSIONS]!;
    let at = recordsWord(i32);
    for (let key = 0; key < versions.length; key++) {
      let before = -1;
      for (let left = versions.numbers[key]!; left > 0; left--, at += VERSION_WORDS) {
        const timestamp = joinWords(i32[at]!, i32[at + TS_LO]!);
        if (before < 0) firsts.push(timestamp);
        else laters.push(timestamp - before);
        before = timestamp;
        seqs.push(joinWords(i32[at + SEQ_HI]!, i32[at + SEQ_LO]!));
        const meta = i32[at + META]!;
        kinds.push(meta & KIND_BITS_MASK);
        lengths.push(meta >>> META_LENGTH_SHIFT);
        if ((meta & META_EXPIRES) === 0) continue;
        const payload = i32[at + POINTER]! >>> 2;
        expiries.push(expiresAfter(timestamp, joinWords(i32[payload]!, i32[payload + 1]!)));
      }
    }
  }

  /** Payloads without expiry and padding; those that lie one behind the other in both forms are copied in one go. */
  #takePayloads(i32: Int32Array, u8: Uint8Array): void {
    let from = 0;
    let end = 0;
    const records = recordsWord(i32);
    const recordsEnd = records + i32[VERSION_COUNT]! * VERSION_WORDS;
    for (let at = records; at < recordsEnd; at += VERSION_WORDS) {
      const meta = i32[at + META]!;
      const start = i32[at + POINTER]! + ((meta & META_EXPIRES) === 0 ? 0 : EXPIRY_WORDS * 4);
      if (start !== end) {
        this.#addToBody(u8, from, end - from);
        from = start;
      }
      end = start + storedPayloadBytes(meta);
    }
    this.#addToBody(u8, from, end - from);
  }

  #addToBody(u8: Uint8Array, from: number, bytes: number): void {
    const body = this.#body;
    const at = this.#bodyBytes;
    if (bytes > 64) body.set(u8.subarray(from, from + bytes), at);
    else for (let i = 0; i < bytes; i++) body[at + i] = u8[from + i]!;
    this.#bodyBytes = at + bytes;
  }

  #writeColumns(i32: Int32Array): void {
    const head = this.#head;
    head.clear();
    head.varint(i32[KEY_COUNT]!);
    head.varint(i32[VERSION_COUNT]!);
    head.u8(i32[FLAGS]!);
    this.#bits.clear();
    this.#bitWriter.start();
    for (const column of this.#columns) {
      const base = column.length === 0 ? 0 : column.least;
      const width = widthOf(Math.max(0, column.greatest - base));
      head.varint(base);
      head.u8(width);
      this.#bitWriter.add(column.numbers, column.length, base, width);
    }
    head.align(4);
    const bits = this.#bits.view();
    head.bytes(new Uint8Array(bits.buffer, bits.byteOffset, bits.byteLength));
  }
}

function recordsWord(i32: Int32Array): number {
  return BLOCK_HEADER_WORDS + (i32[KEY_COUNT]! + 1) * SLOT_WORDS;
}
