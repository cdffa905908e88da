import { encodeValue, invariant, limits, type ResolvedRange } from "@kvts/common";
import type { KeyBuffer } from "../format/key-buffer.ts";
import {
  highWord,
  KIND_DELETE,
  KIND_DELETE_RANGE,
  KIND_PUT,
  KIND_RETRACT,
  lowWord,
  META_EXPIRES,
  META_LENGTH_SHIFT,
} from "../format/version-record.ts";
import { isEmptyRange } from "../marks/range-mark.ts";
import { fingerprintOperations } from "./fingerprint.ts";
import {
  ANSWER_WORDS,
  alignFrame,
  BATCH_ANSWER,
  BATCH_FLAGS_SHIFT,
  BATCH_MOMENT,
  BATCH_OPERATIONS_MAX,
  BATCH_REQUEST_SHIFT,
  FRAME_HEADER_BYTES,
  FRAME_HEADER_WORDS,
  MOMENT_WORDS,
  OPERATION_KEY_BYTES,
  OPERATION_META,
  OPERATION_TIMESTAMP,
  OPERATION_WORDS,
} from "./format.ts";
import { type Frame, type FramePlace, sealFrame } from "./frame.ts";

const encoder = new TextEncoder();
/** Both ends of the range that stands for all empty ones: a lone zero byte. */
const NO_KEY = new Uint8Array(1);

const BUFFER_BYTES = 64 * 1024;
/** A buffer that a large value has made larger than this is not kept. */
const KEPT_BYTES_MAX = 2 * 1024 * 1024;
/** Up to here a loop over the characters is faster than the encoder. */
const SHORT_TEXT_MAX = 48;
/** UTF-8 bytes that one UTF-16 unit can take. */
const UTF8_BYTES_MAX = 3;
const EXPIRY_WORDS = 2;
/** Words that an operation takes besides key and value, its padding counted in, and the frame's at the end. */
const SLACK_WORDS: number = OPERATION_WORDS + EXPIRY_WORDS + 4;

/**
 * Builds one frame of the log: batches of operations behind room for the header, in memory that is reused from group
 * to group. The same words are then written to the log and read by the memtable (it is a {@link Frame} once sealed).
 *
 * A batch is begun, filled and ended; `discardBatch` takes it back while it is open, whatever went wrong in it.
 */
export class GroupEncoder implements Frame {
  i32: Int32Array<ArrayBuffer> = new Int32Array(BUFFER_BYTES / 4);
  u8: Uint8Array<ArrayBuffer> = new Uint8Array(this.i32.buffer);
  readonly firstWord: number = FRAME_HEADER_WORDS;
  /** Where the next word goes. */
  endWord: number = FRAME_HEADER_WORDS;
  operationCount = 0;
  /** Seq of the first operation, once sealed. */
  firstSeq = 0;
  readonly file: string = "the group in memory";
  readonly payloadOffset: number = FRAME_HEADER_BYTES;
  /** Two words that tell the content of the batch with a request id that {@link answer} was called for. */
  fingerprintHi = 0;
  fingerprintLo = 0;
  /** Word of the open batch, 0 where none is open. */
  #batch = 0;
  #batchOperations = 0;
  /** Word of the open batch's first operation. */
  #firstOperation = 0;

  get isEmpty(): boolean {
    return this.operationCount === 0;
  }

  /** Between `beginBatch` and the end or the discarding of that batch. */
  get isBatchOpen(): boolean {
    return this.#batch !== 0;
  }

  /** Bytes of the frame so far, header and padding included. */
  get bytes(): number {
    return alignFrame(this.endWord * 4);
  }

  /**
   * @param requestId at most 128 bytes of UTF-8, as `checkRequestId` grants.
   * @param moment microseconds: the clock by which conditions are judged, and from which the id counts its age. With both,
   *   {@link answer} is to be called once the operations are in.
   */
  beginBatch(requestId?: string, moment?: number): void {
    invariant(this.#batch === 0, "W1: one batch is open at a time");
    this.#reserve(1 + limits.requestIdBytesMax / 4 + MOMENT_WORDS + ANSWER_WORDS);
    const at = this.endWord;
    this.#batch = at;
    this.#batchOperations = 0;
    this.endWord = at + 1;
    this.i32[at] = 0;
    if (requestId !== undefined) this.#appendRequestId(at, requestId);
    if (moment !== undefined) this.#appendMoment(at, moment, requestId !== undefined);
    this.#firstOperation = this.endWord;
  }

  /**
   * Says of the open batch with a request id what it holds and what it answers: sets the fingerprint.
   * @param timestamp the answer's, microseconds.
   * @param assigned the timestamp of the operations that came without one: their content is the same at any other.
   *   Undefined where all came with one.
   * @param seed a checksum of what else belongs to the content, 0 for nothing.
   */
  answer(timestamp: number, assigned: number | undefined, seed: number): void {
    const { i32, u8 } = this;
    const first = this.#firstOperation;
    const { high, low } = fingerprintOperations(i32, u8, first, this.endWord, assigned, seed);
    this.fingerprintHi = high;
    this.fingerprintLo = low;
    i32[first - 4] = high;
    i32[first - 3] = low;
    i32[first - 2] = highWord(timestamp);
    i32[first - 1] = lowWord(timestamp);
  }

  /**
   * @param timestamp microseconds; `expiresAt` likewise, undefined where the value does not expire.
   * @throws INVALID_ARGUMENT, TOO_LARGE as `encodeValue` does; the batch is then to be discarded.
   */
  appendPut(key: KeyBuffer, value: string | Uint8Array, timestamp: number, expiresAt: number | undefined): void {
    const length = value.length;
    this.#reserve(SLACK_WORDS + ((key.length + length) >>> 2));
    const at = this.endWord;
    let word = this.#appendKey(at, key, timestamp);
    let meta = KIND_PUT;
    if (expiresAt !== undefined) {
      meta |= META_EXPIRES;
      this.i32[word] = highWord(expiresAt);
      this.i32[word + 1] = lowWord(expiresAt);
      word += EXPIRY_WORDS;
    }
    const bytes = typeof value === "string" ? this.#writeText(value, word) : this.#writeBytes(value, word);
    this.i32[at + OPERATION_META] = meta | (bytes << META_LENGTH_SHIFT);
    this.endWord = word + ((bytes + 3) >>> 2);
    this.#batchOperations++;
  }

  appendDelete(key: KeyBuffer, timestamp: number): void {
    this.#appendBare(KIND_DELETE, key, timestamp);
  }

  appendRetract(key: KeyBuffer, timestamp: number): void {
    this.#appendBare(KIND_RETRACT, key, timestamp);
  }

  /**
   * @param start inclusive, empty for the first key of all; `end` exclusive, undefined for past the last one. An empty
   *   range is written as one that no key is in.
   */
  appendDeleteRange({ start, end }: ResolvedRange, timestamp: number): void {
    if (isEmptyRange(start, end)) this.#appendRange(NO_KEY, NO_KEY, timestamp);
    else this.#appendRange(start, end, timestamp);
  }

  endBatch(): void {
    const operations = this.#batchOperations;
    invariant(this.#batch !== 0 && operations > 0, "W3: a batch that ends was begun and holds something");
    invariant(operations <= BATCH_OPERATIONS_MAX, "W4: a batch has no more operations than its word can count");
    this.i32[this.#batch]! |= operations;
    this.operationCount += operations;
    this.#batch = 0;
  }

  #appendRequestId(at: number, requestId: string): void {
    const start = (at + 1) * 4;
    const { read, written } = encoder.encodeInto(requestId, this.u8.subarray(start, start + limits.requestIdBytesMax));
    invariant(read === requestId.length, "W2: a request id has been checked");
    this.i32[at] = written << BATCH_REQUEST_SHIFT;
    this.#pad(start, written);
    this.endWord = at + 1 + ((written + 3) >>> 2);
  }

  #appendMoment(at: number, moment: number, answers: boolean): void {
    const word = this.endWord;
    this.i32[word] = highWord(moment);
    this.i32[word + 1] = lowWord(moment);
    this.i32[at]! |= (answers ? BATCH_MOMENT | BATCH_ANSWER : BATCH_MOMENT) << BATCH_FLAGS_SHIFT;
    this.endWord = word + MOMENT_WORDS + (answers ? ANSWER_WORDS : 0);
  }

  /** Takes back everything since `beginBatch`. */
  discardBatch(): void {
    invariant(this.#batch !== 0, "W5: a batch is open to be discarded");
    this.endWord = this.#batch;
    this.#batch = 0;
  }

  /**
   * Writes the header and gives the whole frame: a view, good until `reset`.
   * @param firstSeq of the first operation; the others follow without a gap.
   */
  seal(place: FramePlace, firstSeq: number): Uint8Array {
    invariant(
      this.#batch === 0 && this.operationCount > 0,
      "W6: a frame is sealed between batches, with something in it",
    );
    const bytes = this.bytes;
    // Room for it was reserved with the last operation.
    if (bytes > this.endWord * 4) this.i32[this.endWord] = 0;
    this.firstSeq = firstSeq;
    sealFrame(this.i32, this.u8, bytes - FRAME_HEADER_BYTES, this.operationCount, firstSeq, place);
    return this.u8.subarray(0, bytes);
  }

  /** Forgets everything. The memory stays, unless a large value has blown it up. */
  reset(): void {
    if (this.u8.length > KEPT_BYTES_MAX) this.#allocate(BUFFER_BYTES);
    this.endWord = FRAME_HEADER_WORDS;
    this.operationCount = 0;
    this.firstSeq = 0;
    this.#batch = 0;
  }

  #appendBare(kind: number, key: KeyBuffer, timestamp: number): void {
    this.#reserve(SLACK_WORDS + (key.length >>> 2));
    const at = this.endWord;
    this.endWord = this.#appendKey(at, key, timestamp);
    this.i32[at + OPERATION_META] = kind;
    this.#batchOperations++;
  }

  #appendRange(start: Uint8Array, end: Uint8Array | undefined, timestamp: number): void {
    invariant(this.#batch !== 0, "W7: operations belong to a batch");
    const endLength = end?.length ?? 0;
    this.#reserve(SLACK_WORDS + ((start.length + endLength) >>> 2));
    const at = this.endWord;
    const { i32 } = this;
    i32[at + OPERATION_META] = KIND_DELETE_RANGE | (endLength << META_LENGTH_SHIFT);
    i32[at + OPERATION_KEY_BYTES] = start.length;
    i32[at + OPERATION_TIMESTAMP] = highWord(timestamp);
    i32[at + OPERATION_TIMESTAMP + 1] = lowWord(timestamp);
    let word = at + OPERATION_WORDS;
    for (const bound of end === undefined ? [start] : [start, end]) {
      this.u8.set(bound, word * 4);
      this.#pad(word * 4, bound.length);
      word += (bound.length + 3) >>> 2;
    }
    this.endWord = word;
    this.#batchOperations++;
  }

  /** Writes all of an operation up to its key's end, save the meta word. Returns the next word. */
  #appendKey(at: number, key: KeyBuffer, timestamp: number): number {
    invariant(this.#batch !== 0, "W7: operations belong to a batch");
    const i32 = this.i32;
    const from = key.i32;
    i32[at + OPERATION_KEY_BYTES] = key.length;
    i32[at + OPERATION_TIMESTAMP] = highWord(timestamp);
    i32[at + OPERATION_TIMESTAMP + 1] = lowWord(timestamp);
    const first = at + OPERATION_WORDS;
    const words = (key.length + 3) >>> 2;
    for (let i = 0; i < words; i++) i32[first + i] = from[i]!;
    return first + words;
  }

  #writeBytes(value: Uint8Array, word: number): number {
    const bytes = encodeValue(value);
    this.u8.set(bytes, word * 4);
    this.#pad(word * 4, bytes.length);
    return bytes.length;
  }

  /** Writes UTF-8, zero-padded. Returns its bytes. */
  #writeText(value: string, word: number): number {
    const chars = value.length;
    if (chars <= SHORT_TEXT_MAX && this.#writeAscii(value, word)) return chars;
    if (chars > limits.valueBytesMax / UTF8_BYTES_MAX || !isWellFormed(value)) {
      // Rare: measured, and refused where it must be, by the rules for values everywhere.
      const bytes = encodeValue(value);
      this.#reserve(SLACK_WORDS + (bytes.length >>> 2), word);
      return this.#writeBytes(bytes, word);
    }
    this.#reserve(SLACK_WORDS + ((chars * UTF8_BYTES_MAX) >>> 2), word);
    const start = word * 4;
    const { written } = encoder.encodeInto(value, this.u8.subarray(start, start + chars * UTF8_BYTES_MAX));
    this.#pad(start, written);
    return written;
  }

  /** False, and nothing that counts is written, where a character is not ASCII. */
  #writeAscii(value: string, word: number): boolean {
    const i32 = this.i32;
    const chars = value.length;
    let at = 0;
    let seen = 0;
    let next = word;
    for (const whole = chars - 3; at < whole; at += 4) {
      const a = value.charCodeAt(at);
      const b = value.charCodeAt(at + 1);
      const c = value.charCodeAt(at + 2);
      const d = value.charCodeAt(at + 3);
      seen |= a | b | c | d;
      i32[next++] = a | (b << 8) | (c << 16) | (d << 24);
    }
    let last = 0;
    for (let shift = 0; at < chars; at++, shift += 8) {
      const code = value.charCodeAt(at);
      seen |= code;
      last |= code << shift;
    }
    if ((chars & 3) !== 0) i32[next] = last;
    return seen <= 0x7f;
  }

  /** Zeroes what is left of the last word of `length` bytes at `start`. */
  #pad(start: number, length: number): void {
    const end = start + length;
    const words = (end + 3) & ~3;
    for (let at = end; at < words; at++) this.u8[at] = 0;
  }

  /** Room for so many words from word `from` on. */
  #reserve(words: number, from: number = this.endWord): void {
    const need = (from + words) * 4;
    if (need > this.u8.length) this.#allocate(Math.max(need, this.u8.length * 2), this.u8);
  }

  #allocate(bytes: number, keep?: Uint8Array): void {
    this.i32 = new Int32Array(Math.ceil(bytes / 4));
    this.u8 = new Uint8Array(this.i32.buffer);
    if (keep !== undefined) this.u8.set(keep);
  }
}

/** `String.prototype.isWellFormed` of ES2024, which every supported runtime has. */
function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}
