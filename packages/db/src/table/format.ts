import { limits } from "@kvts/common";

/**
 * The sizes and positions of an SSTable; docs/format.md describes them for readers of the bytes.
 *
 * A table is a sequence of envelopes (envelope.ts): blocks and chunks of extents in any order, then filter, index and
 * properties, each at a multiple of {@link SECTION_ALIGNMENT}, then the footer.
 */
export const TABLE_FORMAT_VERSION = 1;

/**
 * A cache frame, and so the most bytes that a block has in memory: one value of 8 KiB fits with its key. Blocks of long
 * keys, and of one version, may be larger (jumbo).
 */
export const FRAME_BYTES: number = 8.5 * 1024;

/** A jumbo block is allowed so many times the bytes of its longest key, or keys would be mostly repetition. */
const KEYS_PER_JUMBO_BLOCK = 4;

/** Most bytes of a block with several versions whose longest key has `keyBytes`. */
export function blockBytesMax(keyBytes: number): number {
  const jumbo = keyBytes * KEYS_PER_JUMBO_BLOCK;
  return jumbo > FRAME_BYTES ? (jumbo + 3) & ~3 : FRAME_BYTES;
}

/** No block has more bytes in memory: as many as the longest keys may fill, or one of those and a value. */
export const BLOCK_BYTES_MAX: number = blockBytesMax(limits.keyBytesMax);

/**
 * Bodies of LZ4 may refer to a dictionary, so that each block need not learn anew what values have in common: the last
 * bytes of the body of block {@link DICTIONARY_BLOCK}, for the blocks behind it. A table that has no more is too small
 * for it to pay.
 */
export const DICTIONARY_BYTES = 1024;
export const DICTIONARY_BLOCK = 8;

/** Value bytes in every chunk of an extent but the last. */
export const EXTENT_CHUNK_BYTES: number = 1024 * 1024;

export const SECTION_ALIGNMENT = 8;

// What an envelope holds.
export const KIND_BLOCK = 1;
export const KIND_EXTENT = 2;
// 3 is set aside for range tombstones.
export const KIND_FILTER = 4;
export const KIND_INDEX = 5;
export const KIND_PROPERTIES = 6;

// A block in memory: header, slots and a sentinel slot, version records, keys (length word, padded bytes), values.
export const KEY_COUNT = 0;
export const VERSION_COUNT = 1;
/** Bytes that all keys of the block share. */
export const COMMON_BYTES = 2;
export const FLAGS = 3;
/** Byte offset of the first value. */
export const VALUES_OFFSET = 4;
export const BLOCK_HEADER_WORDS = 5;

/** FLAGS: the first group began in an earlier block. */
export const FLAG_CONTINUED = 1;
/** FLAGS: the last group goes on in the next block. */
export const FLAG_GOES_ON = 2;

export const SLOT_WORDS = 4;
/** The four key bytes behind the common ones, big-endian and biased. */
export const SLOT_PREFIX = 0;
export const SLOT_HASH = 1;
/** Byte offset of the key's length word; the sentinel's is VALUES_OFFSET. */
export const SLOT_KEY = 2;
/** Index of the group's first version record; the sentinel's is VERSION_COUNT. */
export const SLOT_VERSION = 3;
/** The sentinel's prefix and hash. */
export const SENTINEL = 0x7fffffff;
