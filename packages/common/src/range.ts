import { copyBytes } from "./bytes.ts";
import { invalidArgument } from "./errors.ts";
import { checkFields } from "./fields.ts";
import { encodeBound } from "./keys.ts";
import type { Range } from "./store.ts";

/** Keys from `start` (inclusive; empty for the first) to `end` (exclusive; `undefined` for past the last), bytewise. */
export interface ResolvedRange {
  readonly start: Uint8Array;
  readonly end: Uint8Array | undefined;
}

const first = new Uint8Array(0);

/**
 * A range in its one internal form, in memory of its own. A start at or after the end is an empty range, not an error.
 * @throws INVALID_ARGUMENT where prefix and start or end come together, or a field is unknown
 * @throws TOO_LARGE where an end is longer than a key can be
 */
export function resolveRange(range: Range = {}): ResolvedRange {
  checkFields(range, ["prefix", "start", "end"], "a range");
  const { prefix, start, end } = range;
  if (prefix === undefined) {
    return {
      start: start === undefined ? first : copyBytes(encodeBound(start, "range start")),
      end: end === undefined ? undefined : copyBytes(encodeBound(end, "range end")),
    };
  }
  if (start !== undefined || end !== undefined) {
    throw invalidArgument("a range is given by prefix, or by start and end; leave one of the two forms out");
  }
  const bytes = copyBytes(encodeBound(prefix, "prefix"));
  return { start: bytes, end: prefixEnd(bytes) };
}

/** The least key above every key with `prefix`; `undefined` when there is none (a prefix of 0xff bytes, or empty). */
export function prefixEnd(prefix: Uint8Array): Uint8Array | undefined {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 0xff) length--;
  if (length === 0) return undefined;
  const end = copyBytes(prefix.subarray(0, length));
  end[length - 1]! += 1;
  return end;
}
