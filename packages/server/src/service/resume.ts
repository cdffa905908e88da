import { compareBytes, copyBytes, limits, prefixEnd, type ResolvedRange, utf8 } from "@kvts/common";

/** The part of `range` that a listing has still to go through; `undefined` when there is none. */
export function rangeFrom(range: ResolvedRange, resume: Uint8Array, reverse: boolean): ResolvedRange | undefined {
  const rest = reverse ? { start: range.start, end: resume } : { start: resume, end: range.end };
  return rest.end !== undefined && compareBytes(rest.start, rest.end) >= 0 ? undefined : rest;
}

/** Where a listing of keys goes on after `key`; `undefined` where nothing can come. */
export function keyPosition(key: Uint8Array, reverse: boolean): Uint8Array | undefined {
  return reverse ? key : keyAfter(key);
}

/** The least key above `key`. A key of the greatest length has no longer ones above it. */
function keyAfter(key: Uint8Array): Uint8Array | undefined {
  if (key.length >= limits.keyBytesMax) return prefixEnd(key);
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

/** A position in a list of numbers: a timestamp at which it goes on, or an index. */
export function numberPosition(value: number): Uint8Array {
  return utf8(value.toString(36));
}

export function positionNumber(bytes: Uint8Array): number {
  return Number.parseInt(new TextDecoder().decode(bytes), 36);
}

/** Where a history goes on after `timestamp`; `undefined` where nothing can come. */
export function timePosition(timestamp: number, reverse: boolean): Uint8Array | undefined {
  const next = reverse ? timestamp + 1 : timestamp - 1;
  return next < 0 || next > limits.timestampMax ? undefined : numberPosition(next);
}

/** Where an aggregate goes on after the bucket that begins at `timestamp`; `undefined` where nothing can come. */
export function bucketsAfter(timestamp: number, step: number): Uint8Array | undefined {
  const next = timestamp + step;
  return next > limits.timestampMax ? undefined : bucketPosition(next, []);
}

/** Where an aggregate goes on: the oldest timestamp still to count, and the bucket that is not complete. */
export function bucketPosition(from: number, unfinished: readonly number[]): Uint8Array {
  return new Uint8Array(Float64Array.of(from, ...unfinished).buffer);
}

export function positionBucket(bytes: Uint8Array): { readonly from: number; readonly unfinished: readonly number[] } {
  const [from = 0, ...unfinished] = new Float64Array(copyBytes(bytes).buffer);
  return { from, unfinished };
}
