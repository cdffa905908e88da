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
 * What erasures leave of a mark, ascending by key: pieces with its timestamp and seq. The mark itself where they leave all
 * of it. One on no key, which has no bounds that were ever a caller's, stays.
 */
export function withoutErased(mark: RangeMark, erasures: readonly Erasure[]): readonly RangeMark[] {
  let pieces: readonly RangeMark[] = [mark];
  if (isEmptyRange(mark.start, mark.end)) return pieces;
  for (const erasure of erasures) {
    if (erasure.seq > mark.seq) pieces = pieces.flatMap((piece) => outside(piece, erasure));
  }
  return pieces;
}

/** Whether a mark may follow another in a file: by seq, and pieces of one mark by key. */
export function follows(mark: RangeMark, before: RangeMark): boolean {
  if (mark.seq !== before.seq) return mark.seq > before.seq;
  return before.end !== undefined && compareBytes(before.end, mark.start) <= 0;
}

/** What of a piece lies before an erased range, and what behind it. */
function outside(piece: RangeMark, { start, end }: Erasure): readonly RangeMark[] {
  if (isEmptyRange(start, end)) return [piece];
  const isBehind = piece.end !== undefined && compareBytes(piece.end, start) <= 0;
  const isAhead = end !== undefined && compareBytes(end, piece.start) <= 0;
  if (isBehind || isAhead) return [piece];
  const left: RangeMark[] = [];
  if (compareBytes(piece.start, start) < 0) left.push({ ...piece, end: start });
  if (end !== undefined && (piece.end === undefined || compareBytes(end, piece.end) < 0)) {
    left.push({ ...piece, start: end });
  }
  return left;
}
