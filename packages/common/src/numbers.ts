import { invalidArgument } from "./errors.ts";
import { shown } from "./shown.ts";

/** `value`, checked to be an integer from 1 on. `name` is how errors call it. */
export function checkPositiveInteger(value: number, name: string): number {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw invalidArgument(`${name} must be a whole number, at least 1, not ${shown(value)}`);
  }
  return value;
}

/** A `limit` option: `Infinity` when left out. */
export function checkLimit(limit: number | undefined): number {
  return limit === undefined ? Number.POSITIVE_INFINITY : checkPositiveInteger(limit, "limit");
}

/** `value`, checked to be a seq: an integer from 0 to 2^53 − 1. */
export function checkSeq(value: number, name = "seq"): number {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw invalidArgument(`${name} must be a whole number from 0 to 2^53 - 1, not ${shown(value)}`);
  }
  return value;
}
