import { compareBytes } from "@kvts/common";

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
