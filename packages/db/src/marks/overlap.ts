import { compareBytes, type ResolvedRange } from "@kvts/common";

/** The keys that could be in both ranges; undefined where there are none. */
export function overlap(a: ResolvedRange, b: ResolvedRange): ResolvedRange | undefined {
  const start = compareBytes(a.start, b.start) < 0 ? b.start : a.start;
  const end = lesserEnd(a.end, b.end);
  return end !== undefined && compareBytes(start, end) >= 0 ? undefined : { start, end };
}

function lesserEnd(a: Uint8Array | undefined, b: Uint8Array | undefined): Uint8Array | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return compareBytes(a, b) < 0 ? a : b;
}
