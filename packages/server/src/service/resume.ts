import { compareBytes, limits, prefixEnd, type ResolvedRange, utf8 } from "@kvts/common";

/** The part of `range` that comes after `key` in the direction of a scan; `undefined` when there is none. */
export function rangeAfter(range: ResolvedRange, key: Uint8Array, reverse: boolean): ResolvedRange | undefined {
  const rest = reverse ? before(range, key) : after(range, key);
  if (rest === undefined) return undefined;
  return rest.end !== undefined && compareBytes(rest.start, rest.end) >= 0 ? undefined : rest;
}

function before({ start }: ResolvedRange, key: Uint8Array): ResolvedRange {
  return { start, end: key };
}

function after({ end }: ResolvedRange, key: Uint8Array): ResolvedRange | undefined {
  const start = keyAfter(key);
  return start === undefined ? undefined : { start, end };
}

/** The least key above `key`. A key of the greatest length has no longer ones above it. */
function keyAfter(key: Uint8Array): Uint8Array | undefined {
  if (key.length >= limits.keyBytesMax) return prefixEnd(key);
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

/** A position in a list of numbers: a timestamp, or an index. */
export function numberPosition(value: number): Uint8Array {
  return utf8(value.toString(36));
}

export function positionNumber(bytes: Uint8Array): number {
  return Number.parseInt(new TextDecoder().decode(bytes), 36);
}
