import { checkPositiveInteger, checkSeq, checkTimestamp, invalidArgument, type WriteResult } from "@kvts/common";

/*
 * Generated messages carry 64-bit numbers as bigint; the rest of the server has plain numbers, exact up to 2^53 - 1.
 * `name` is the field, as errors call it.
 */

/** @throws INVALID_ARGUMENT outside 0 … 2^53 - 1 */
export function timestampIn(value: bigint | undefined, name: string): number | undefined {
  return value === undefined ? undefined : checkTimestamp(Number(exact(value, name)), name);
}

/** @throws INVALID_ARGUMENT outside 0 … 2^53 - 1 */
export function seqIn(value: bigint | undefined, name: string): number | undefined {
  return value === undefined ? undefined : checkSeq(Number(exact(value, name)), name);
}

/** The microseconds of a step. @throws INVALID_ARGUMENT outside 1 … 2^53 - 1 */
export function stepIn(value: bigint): number {
  if (value >= 1n && value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  throw invalidArgument(`step must be from 1 to 2^53 - 1 microseconds, not ${value}`, { field: "step" });
}

/** A number of which there is at least one. @throws INVALID_ARGUMENT outside 1 … 2^53 - 1 */
export function positiveIn(value: bigint | undefined, name: string): number | undefined {
  return value === undefined ? undefined : checkPositiveInteger(Number(exact(value, name)), name);
}

/** A page size: 0 is for the server's choice. */
export function pageSizeIn(value: number): number {
  if (value < 0) throw invalidArgument(`page_size must be at least 0, not ${value}`, { field: "page_size" });
  return value;
}

/** Empty stands for none. */
export function textIn(value: string): string | undefined {
  return value === "" ? undefined : value;
}

export function numberOut(value: number): bigint {
  return BigInt(value);
}

/** What a write was committed as. */
export function written({ timestamp, seq }: WriteResult): { timestamp: bigint; seq: bigint } {
  return { timestamp: numberOut(timestamp), seq: numberOut(seq) };
}

function exact(value: bigint, name: string): bigint {
  if (value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER)) return value;
  throw invalidArgument(`${name} must be from 0 to 2^53 - 1, not ${value}`, { field: name });
}
