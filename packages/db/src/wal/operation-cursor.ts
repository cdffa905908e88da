import { limits } from "@kvts/common";
import { corruption, writtenByNewerVersion } from "../format/corruption.ts";
import {
  highWord,
  KIND_DELETE_RANGE,
  KIND_MASK,
  KIND_PUT,
  lowWord,
  META_EXPIRES,
  META_EXTENT,
  META_LENGTH_SHIFT,
  NUMBER_MAX,
} from "../format/version-record.ts";
import {
  ANSWER_WORDS,
  BATCH_ANSWER,
  BATCH_FLAGS_KNOWN,
  BATCH_FLAGS_SHIFT,
  BATCH_MOMENT,
  BATCH_OPERATIONS_MAX,
  BATCH_REQUEST_SHIFT,
  MOMENT_WORDS,
  OPERATION_KEY_BYTES,
  OPERATION_META,
  OPERATION_TIMESTAMP,
  OPERATION_WORDS,
} from "./format.ts";
import type { Frame } from "./frame.ts";

const EXPIRY_WORDS = 2;
/** The high word of any timestamp is at most this. */
const TIMESTAMP_HIGH_MAX: number = highWord(NUMBER_MAX);

/**
 * Walks the operations of one frame, in the order of their seqs: the path that both a new group and a replayed one take
 * into the memtable. Fields describe the current operation, in words of `i32`, until the cursor moves; nothing is
 * allocated. Every length is checked, so that a frame that was never kvts' own ends in CORRUPTION.
 */
export class OperationCursor {
  i32: Int32Array = EMPTY_I32;
  u8: Uint8Array = EMPTY_U8;
  /** As in a version record, without the extent bit. */
  meta = 0;
  keyWord = 0;
  keyLength = 0;
  tsHi = 0;
  tsLo = 0;
  seqHi = 0;
  seqLo = 0;
  /** Zero where `meta` lacks the expiry bit. */
  expiresHi = 0;
  expiresLo = 0;
  valueWord = 0;
  valueLength = 0;
  /** Whether a batch ends with this operation; its seq is the batch's. */
  endsBatch = false;
  /** The request id of the operation's batch: `requestLength` bytes at byte `requestStart` of `u8`; 0 for none. */
  requestStart = 0;
  requestLength = 0;
  /** Word of the batch's moment, and of what its request id answers; 0 for none. */
  momentWord = 0;
  answerWord = 0;
  #frame: Frame | undefined;
  #word = 0;
  #endWord = 0;
  /** Operations left in the frame, and in the batch. */
  #left = 0;
  #batchLeft = 0;
  #seq = 0;

  /** Stands before the first operation of `frame`. */
  open(frame: Frame): this {
    this.#frame = frame;
    this.i32 = frame.i32;
    this.u8 = frame.u8;
    this.#word = frame.firstWord;
    this.#endWord = frame.endWord;
    this.#left = frame.operationCount;
    this.#batchLeft = 0;
    this.#seq = frame.firstSeq - 1;
    return this;
  }

  /** Operations that are still to come. */
  get left(): number {
    return this.#left;
  }

  /** To the next operation; false when there is none. @throws CORRUPTION; UNIMPLEMENTED for what a newer kvts wrote */
  next(): boolean {
    if (this.#left === 0) {
      this.#checkEnd();
      return false;
    }
    if (this.#batchLeft === 0) this.#openBatch();
    const i32 = this.i32;
    const at = this.#word;
    const keyWord = at + OPERATION_WORDS;
    if (keyWord > this.#endWord) throw this.#corrupt("an operation ends too early");
    const meta = i32[at + OPERATION_META]!;
    const keyLength = i32[at + OPERATION_KEY_BYTES]!;
    const tsHi = i32[at + OPERATION_TIMESTAMP]!;
    this.#checkMeta(meta);
    // A range may begin with the first key of all.
    const keyLengthMin = (meta & KIND_MASK) === KIND_DELETE_RANGE ? 0 : 1;
    if (keyLength < keyLengthMin || keyLength > limits.keyBytesMax)
      throw this.#corrupt("an operation's key has an impossible length");
    if (tsHi < 0 || tsHi > TIMESTAMP_HIGH_MAX) throw this.#corrupt("an operation's timestamp is out of range");
    const valueLength = meta >>> META_LENGTH_SHIFT;
    let valueWord = keyWord + ((keyLength + 3) >>> 2);
    const expires = (meta & META_EXPIRES) !== 0;
    if (expires) valueWord += EXPIRY_WORDS;
    const end = valueWord + ((valueLength + 3) >>> 2);
    if (end > this.#endWord) throw this.#corrupt("an operation reaches beyond its frame");
    this.meta = meta;
    this.keyWord = keyWord;
    this.keyLength = keyLength;
    this.tsHi = tsHi;
    this.tsLo = i32[at + OPERATION_TIMESTAMP + 1]!;
    this.expiresHi = expires ? i32[valueWord - EXPIRY_WORDS]! : 0;
    this.expiresLo = expires ? i32[valueWord - 1]! : 0;
    this.valueWord = valueWord;
    this.valueLength = valueLength;
    if (this.expiresHi < 0 || this.expiresHi > TIMESTAMP_HIGH_MAX) throw this.#corrupt("an expiry is out of range");
    this.#checkPadding(keyWord, keyLength);
    this.#checkPadding(valueWord, valueLength);
    this.#advance(end);
    return true;
  }

  #advance(end: number): void {
    this.#word = end;
    this.#left--;
    this.#batchLeft--;
    this.endsBatch = this.#batchLeft === 0;
    const seq = this.#seq + 1;
    this.#seq = seq;
    this.seqHi = highWord(seq);
    this.seqLo = lowWord(seq);
  }

  #openBatch(): void {
    const at = this.#word;
    if (at >= this.#endWord) throw this.#corrupt("a frame has fewer operations than it says");
    const word = this.i32[at]!;
    const flags = word >>> BATCH_FLAGS_SHIFT;
    if ((flags & ~BATCH_FLAGS_KNOWN) !== 0) throw this.#newer("a batch with other flags");
    const operations = word & BATCH_OPERATIONS_MAX;
    const length = (word >>> BATCH_REQUEST_SHIFT) & 0xff;
    if (operations === 0 || operations > this.#left) throw this.#corrupt("a batch's count of operations is wrong");
    this.requestStart = (at + 1) * 4;
    this.requestLength = length;
    this.#batchLeft = operations;
    const moment = at + 1 + ((length + 3) >>> 2);
    const answer = (flags & BATCH_MOMENT) === 0 ? moment : moment + MOMENT_WORDS;
    this.momentWord = answer === moment ? 0 : moment;
    this.answerWord = (flags & BATCH_ANSWER) === 0 ? 0 : answer;
    const end = this.answerWord === 0 ? answer : answer + ANSWER_WORDS;
    // While the batch's word is where errors point.
    if (length > limits.requestIdBytesMax || end > this.#endWord) {
      throw this.#corrupt("a request id has an impossible length");
    }
    this.#checkPadding(at + 1, length);
    this.#word = end;
  }

  #checkMeta(meta: number): void {
    const kind = meta & KIND_MASK;
    if (kind > KIND_DELETE_RANGE) throw this.#newer(`an operation of kind ${kind}`);
    if ((meta & META_EXTENT) !== 0) throw this.#corrupt("an operation points at an extent");
    if (kind === KIND_DELETE_RANGE) this.#checkRangeMeta(meta);
    else if (kind !== KIND_PUT && meta !== kind) throw this.#corrupt("an operation without a value has one");
    if (meta >>> META_LENGTH_SHIFT > limits.valueBytesMax) throw this.#corrupt("a value has an impossible length");
  }

  /** In place of the value stands the end of its range, or nothing. */
  #checkRangeMeta(meta: number): void {
    if ((meta & META_EXPIRES) !== 0) throw this.#corrupt("an operation without a value expires");
    if (meta >>> META_LENGTH_SHIFT > limits.keyBytesMax) throw this.#corrupt("a range's end has an impossible length");
  }

  /** Keys and values are compared and copied by words, which relies on it. */
  #checkPadding(word: number, length: number): void {
    const over = length & 3;
    if (over === 0) return;
    if (this.i32[word + (length >>> 2)]! >>> (over * 8) !== 0) throw this.#corrupt("padding is not zero");
  }

  /** Behind the last operation at most one zero word fills the frame up. */
  #checkEnd(): void {
    const rest = this.#endWord - this.#word;
    if (rest === 0 || (rest === 1 && this.i32[this.#word] === 0)) return;
    throw this.#corrupt("a frame has more in it than its operations");
  }

  #offset(): number {
    const frame = this.#frame!;
    return frame.payloadOffset + (this.#word - frame.firstWord) * 4;
  }

  #corrupt(problem: string): Error {
    return corruption(this.#frame!.file, this.#offset(), problem);
  }

  #newer(what: string): Error {
    return writtenByNewerVersion(this.#frame!.file, this.#offset(), what);
  }
}

const EMPTY_I32 = new Int32Array(0);
const EMPTY_U8 = new Uint8Array(0);
