import { highWord, joinWords, lowWord } from "../format/version-record.ts";

/** What is kept of a write with a request id: ten words, the same in memory and in files. */
export interface RequestRecord {
  /** Two hashes of the id. */
  readonly idHigh: number;
  readonly idLow: number;
  /** Two words that tell its content. */
  readonly fingerprintHigh: number;
  readonly fingerprintLow: number;
  /** The answer: microseconds, and the batch's seq. */
  readonly timestamp: number;
  readonly seq: number;
  /** The clock when it was taken, microseconds. */
  readonly moment: number;
}

export const RECORD_ID = 0;
export const RECORD_FINGERPRINT = 2;
export const RECORD_TIMESTAMP = 4;
export const RECORD_SEQ = 6;
export const RECORD_AT = 8;
export const RECORD_WORDS = 10;
export const RECORD_BYTES: number = RECORD_WORDS * 4;

export function writeRecord(i32: Int32Array, word: number, record: RequestRecord): void {
  i32[word + RECORD_ID] = record.idHigh;
  i32[word + RECORD_ID + 1] = record.idLow;
  i32[word + RECORD_FINGERPRINT] = record.fingerprintHigh;
  i32[word + RECORD_FINGERPRINT + 1] = record.fingerprintLow;
  writeNumber(i32, word + RECORD_TIMESTAMP, record.timestamp);
  writeNumber(i32, word + RECORD_SEQ, record.seq);
  writeNumber(i32, word + RECORD_AT, record.moment);
}

export function readRecord(i32: Int32Array, word: number): RequestRecord {
  return {
    idHigh: i32[word + RECORD_ID]!,
    idLow: i32[word + RECORD_ID + 1]!,
    fingerprintHigh: i32[word + RECORD_FINGERPRINT]!,
    fingerprintLow: i32[word + RECORD_FINGERPRINT + 1]!,
    timestamp: readNumber(i32, word + RECORD_TIMESTAMP),
    seq: readNumber(i32, word + RECORD_SEQ),
    moment: readNumber(i32, word + RECORD_AT),
  };
}

function writeNumber(i32: Int32Array, word: number, value: number): void {
  i32[word] = highWord(value);
  i32[word + 1] = lowWord(value);
}

function readNumber(i32: Int32Array, word: number): number {
  return joinWords(i32[word]!, i32[word + 1]!);
}
