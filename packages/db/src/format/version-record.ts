/**
 * The version record: six 32-bit words, the same in memtable chunks and in table blocks.
 *
 * | word | name | meaning |
 * |---|---|---|
 * | 0 | TS_HI | timestamp / 2^32 |
 * | 1 | TS_LO | timestamp mod 2^32, biased |
 * | 2 | SEQ_HI | seq / 2^32 |
 * | 3 | SEQ_LO | seq mod 2^32, biased |
 * | 4 | POINTER | byte offset of the value, from the base of the arena or block; 4-byte aligned |
 * | 5 | META | bits 0–2 kind, bit 3 expiry, bit 4 extent, bits 5–31 value length in bytes |
 *
 * "Biased" is `^ 0x80000000`: a signed comparison of the words then orders as the unsigned numbers do, and every word
 * stays a small integer. Records of one key ascend by (timestamp, seq).
 *
 * With the expiry bit, `expiresAt` stands in the two words at POINTER (high, biased low) and what POINTER would
 * otherwise point at follows it. With the extent bit, a descriptor stands there in place of the value's bytes; its form
 * belongs to the layer that holds the record (memtable/extents.ts, table/extent.ts). Bits 5–31 hold the length of the
 * value itself in either case; values have at most 2^26 bytes.
 */
export const VERSION_WORDS = 6;
export const VERSION_BYTES = 24;
export const TS_HI = 0;
export const TS_LO = 1;
export const SEQ_HI = 2;
export const SEQ_LO = 3;
export const POINTER = 4;
export const META = 5;

export const KIND_PUT = 0;
export const KIND_DELETE = 1;
/** Hides the lower seqs at its own timestamp. */
export const KIND_RETRACT = 2;
/** Only in the log: a tombstone on every key of a range. In memory and in files it is a range mark (marks/). */
export const KIND_DELETE_RANGE = 3;
export const KIND_MASK = 7;
export const META_EXPIRES = 8;
export const META_EXTENT = 16;
export const META_LENGTH_SHIFT = 5;

/** Values longer than this lie in an extent, outside arenas and blocks. */
export const INLINE_VALUE_BYTES_MAX: number = 8 * 1024;

const BIAS = 0x80000000;
const TWO32 = 4294967296;

/** The high word of a timestamp or seq. */
export function highWord(n: number): number {
  return (n / TWO32) | 0;
}

/** The biased low word of a timestamp or seq. */
export function lowWord(n: number): number {
  // `n >>> 0` is n modulo 2^32 for every integer below 2^53.
  return (n >>> 0) ^ BIAS;
}

/** The number whose words {@link highWord} and {@link lowWord} gave. */
export function joinWords(high: number, low: number): number {
  return high * TWO32 + ((low ^ BIAS) >>> 0);
}

/** Fills in one record at the start of `record`: a delete. Returns it. */
export function writeTombstone(record: Int32Array, timestamp: number, seq: number): Int32Array {
  record[TS_HI] = highWord(timestamp);
  record[TS_LO] = lowWord(timestamp);
  record[SEQ_HI] = highWord(seq);
  record[SEQ_LO] = lowWord(seq);
  record[POINTER] = 0;
  record[META] = KIND_DELETE;
  return record;
}

/** Greater than the high word of any timestamp or seq: a bound that excludes nothing. */
export const HIGH_WORD_MAX = 0x7fffffff;
export const LOW_WORD_MAX = 0x7fffffff;

/** The largest timestamp and seq: 2^53 − 1. */
export const NUMBER_MAX: number = Number.MAX_SAFE_INTEGER;

/**
 * The last of `count` records from word `first` whose timestamp is at most (tsHi, tsLo) and whose seq is at most
 * (seqHi, seqLo): its index, or −1. Seq bounds rarely hide anything, so after a binary search by timestamp it steps back.
 */
export function findVersion(
  i32: Int32Array,
  first: number,
  count: number,
  tsHi: number,
  tsLo: number,
  seqHi: number,
  seqLo: number,
): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = first + middle * VERSION_WORDS;
    const hi = i32[at]!;
    if (hi < tsHi || (hi === tsHi && i32[at + TS_LO]! <= tsLo)) low = middle + 1;
    else high = middle;
  }
  for (let index = low - 1; index >= 0; index--) {
    const at = first + index * VERSION_WORDS;
    const hi = i32[at + SEQ_HI]!;
    if (hi < seqHi || (hi === seqHi && i32[at + SEQ_LO]! <= seqLo)) return index;
  }
  return -1;
}
