import { compareBytes } from "@kvts/common";

/** Every version of the keys from `start` on and below `end` (to the last key without one) with a lower seq is erased. */
export interface Erasure {
  readonly start: Uint8Array;
  readonly end: Uint8Array | undefined;
  readonly seq: number;
}

/** Whether any key from `smallest` to `largest`, both inclusive, is in the range. */
export function touches({ start, end }: Erasure, smallest: Uint8Array, largest: Uint8Array): boolean {
  return compareBytes(start, largest) <= 0 && (end === undefined || compareBytes(smallest, end) < 0);
}

/** Whether all keys from `smallest` to `largest`, both inclusive, are in the range. */
export function covers({ start, end }: Erasure, smallest: Uint8Array, largest: Uint8Array): boolean {
  return compareBytes(start, smallest) <= 0 && (end === undefined || compareBytes(largest, end) < 0);
}
