import { KIND_MASK, META_EXPIRES, META_EXTENT } from "../format/version-record.ts";

/**
 * A block as it lies on disk. In memory it is made to be searched (format.ts); on disk whatever follows from something
 * else is left out, and numbers take no more bits than they need. block-packer.ts and block-unpacker.ts lead from one
 * form to the other and back.
 *
 * | part | meaning |
 * |---|---|
 * | head | varints: keys, versions, FLAGS as in memory; then for each column its base (a varint) and its width (one byte) |
 * | columns | bits (bit-columns.ts), one column behind the other, from the next whole word of the payload on |
 * | body | from the next whole word on: what is left of each key, then of each payload, all without padding |
 *
 * A key leaves behind what it does not share with the key before. A payload leaves the value's bytes or the descriptor of
 * its extent; `expiresAt` has a column. The body alone is compressed, and the envelope says how.
 */

// The columns, in this order.
/** By key: how many bytes it shares with the key before. */
export const COLUMN_SHARED = 0;
/** By key: how many bytes follow. */
export const COLUMN_REST = 1;
/** By key: how many versions it has here. */
export const COLUMN_VERSIONS = 2;
/** By version: the lowest five bits of META. */
export const COLUMN_KIND = 3;
/** By version: the length of its value. */
export const COLUMN_LENGTH = 4;
/** By key: its first version's timestamp. */
export const COLUMN_FIRST_TIMESTAMP = 5;
/** By version that is not a key's first: how much later than the version before it is. */
export const COLUMN_LATER = 6;
/** By version: its seq. */
export const COLUMN_SEQ = 7;
/** By version with an expiry: how much later than its timestamp it expires, modulo 2^53. */
export const COLUMN_EXPIRES_AFTER = 8;
export const COLUMN_COUNT = 9;

/** The bits of META that {@link COLUMN_KIND} has; the others are {@link COLUMN_LENGTH}. */
export const KIND_BITS_MASK: number = KIND_MASK | META_EXPIRES | META_EXTENT;

/** {@link COLUMN_EXPIRES_AFTER} from a timestamp and `expiresAt`. */
export function expiresAfter(timestamp: number, expiresAt: number): number {
  const after = expiresAt - timestamp;
  return after >= 0 ? after : Number.MAX_SAFE_INTEGER + after + 1;
}
