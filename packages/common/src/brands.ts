import { invariant } from "./assert.ts";

declare const brand: unique symbol;

/** Integer microseconds since the Unix epoch, 0 … 2^53 − 1. */
export type Timestamp = number & { readonly [brand]: "Timestamp" };
/** A place in commit order, 0 … 2^53 − 1. */
export type SeqNum = number & { readonly [brand]: "SeqNum" };
/** The number in a file's name, 1 … 2^53 − 1; never reused. */
export type FileNum = number & { readonly [brand]: "FileNum" };

export function timestamp(value: number): Timestamp {
  invariant(Number.isSafeInteger(value) && value >= 0, `${value} is a timestamp`);
  return value as Timestamp;
}

export function seqNum(value: number): SeqNum {
  invariant(Number.isSafeInteger(value) && value >= 0, `${value} is a seq`);
  return value as SeqNum;
}

export function fileNum(value: number): FileNum {
  invariant(Number.isSafeInteger(value) && value >= 1, `${value} is a file number`);
  return value as FileNum;
}
