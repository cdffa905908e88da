import { compareBytes } from "@kvts/common";
import type { Erasure } from "../erase/erasure.ts";

/** What a mark does to the keys of its range: `delete` is a tombstone at its timestamp on each of them. */
export type MarkKind = "delete";

/** One operation on every key that could be in a range, whether or not it has ever been written. Immutable. */
export interface RangeMark {
  readonly kind: MarkKind;
  /** Inclusive; empty for the first key of all. */
  readonly start: Uint8Array;
  /** Exclusive; undefined for past the last key of all. */
  readonly end: Uint8Array | undefined;
  /** Microseconds. */
  readonly timestamp: number;
  readonly seq: number;
  /** Since which seq its bounds are these: its own, or that of the last erasure that moved one of them. */
  readonly boundsSeq: number;
}

/** Whether no key can be in the range. */
export function isEmptyRange(start: Uint8Array, end: Uint8Array | undefined): boolean {
  return end !== undefined && compareBytes(start, end) >= 0;
}

/** Order by (timestamp, seq): of two marks on a key the later in this order counts. */
export function compareMarks(a: RangeMark, b: RangeMark): number {
  return a.timestamp - b.timestamp || a.seq - b.seq;
}

/**
 * What erasures, ascending by seq, leave of a mark: itself where they move neither of its bounds, and undefined where they
 * leave no key. Those that its bounds have seen already mean nothing to it, so that it does not matter how often this is
 * asked. A mark on no key, which has no bounds that were ever a caller's, stays.
 */
export function withoutErased(mark: RangeMark, erasures: readonly Erasure[]): RangeMark | undefined {
  if (isEmptyRange(mark.start, mark.end)) return mark;
  let left = mark;
  for (const erasure of erasures) {
    if (erasure.seq > left.boundsSeq) left = moved(left, erasure);
  }
  return left !== mark && isEmptyRange(left.start, left.end) ? undefined : left;
}

/**
 * A bound that lies in the erased range moves out of it. One that spans the range keeps its bounds, which hold no byte of
 * the erased keys, where another one in their place would.
 */
function moved(mark: RangeMark, { start, end, seq }: Erasure): RangeMark {
  const isErased = (bound: Uint8Array): boolean =>
    compareBytes(start, bound) <= 0 && (end === undefined || compareBytes(bound, end) < 0);
  const startMoves = isErased(mark.start);
  const endMoves = mark.end !== undefined && isErased(mark.end) && compareBytes(mark.end, start) > 0;
  if (!startMoves && !endMoves) return mark;
  // Behind an erased range without an end there is no key left.
  const first = startMoves ? (end ?? start) : mark.start;
  const last = endMoves || (startMoves && end === undefined) ? start : mark.end;
  return { ...mark, start: first, end: last, boundsSeq: seq };
}
