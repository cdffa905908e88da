// The index: header, columns (a word a block each), heads (start word and length in bytes each), head words, tail words,
// and where keys have many versions two more columns, the newest timestamps.
export const INDEX_BLOCK_COUNT = 0;
/** Bytes that all separators, and all keys of the table, share; they stand at the start of the head words. */
export const INDEX_COMMON_BYTES = 1;
export const INDEX_HEAD_COUNT = 2;
export const INDEX_HEAD_WORDS = 3;
export const INDEX_TAIL_WORDS = 4;
export const INDEX_HEADER_WORDS = 5;

/** The eight bytes behind the common ones, as two biased big-endian words. */
export const COLUMN_PREFIX = 0;
export const COLUMN_PREFIX_NEXT = 1;
/** The first record's timestamp where the block begins inside a group, else {@link FIRST_OF_GROUP} twice. */
export const COLUMN_TS_HI = 2;
export const COLUMN_TS_LO = 3;
/** File offset of the block's envelope. */
export const COLUMN_OFFSET_LOW = 4;
export const COLUMN_OFFSET_HIGH = 5;
/** Bytes of the block with its envelope. */
export const COLUMN_STORED_BYTES = 6;
export const COLUMN_HEAD = 7;
export const COLUMN_TAIL_WORD = 8;
/** Bits 0–15: bytes of the tail. Above them the flags. */
export const COLUMN_TAIL_LENGTH = 9;
export const INDEX_COLUMNS = 10;

/** The greatest timestamp in each block, high words and then low words. */
export const NEWEST_COLUMNS = 2;
/** Versions a key from which on these columns are there: where a block holds many keys, none of them is told by it. */
export const NEWEST_VERSIONS_MIN = 8;

export const TAIL_LENGTH_MASK = 0xffff;
/** The block begins inside a group. */
export const FENCE_CONTINUED: number = 1 << 16;
/** The block holds one key only. */
export const FENCE_SINGLE: number = 1 << 17;
export const FENCE_FLAGS: number = FENCE_CONTINUED | FENCE_SINGLE;

/** Below every timestamp's words: such a block is the right one however old the version that is looked for. */
export const FIRST_OF_GROUP = -0x80000000;
