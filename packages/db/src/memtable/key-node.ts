/**
 * A key node: what the arena keeps for each distinct key, the key's words behind it.
 *
 * Versions lie in chunks. The newest chunk hangs on the node itself, so that reading and appending the newest version
 * touch nothing else; older ones, where there are any, stand in a directory (version-chunks.ts).
 */
/** Bytes in the key. */
export const NODE_KEY_LENGTH = 0;
/** The newest chunk; the next word is its count, the same pair as in a directory entry. */
export const NODE_CHUNK = 1;
/** Versions in the newest chunk, 1 at least. */
export const NODE_COUNT = 2;
/** Size class of the newest chunk: it has room for 2^class versions. */
export const NODE_CLASS = 3;
/** The directory of older chunks; undefined while there are none. */
export const NODE_DIRECTORY = 4;
export const NODE_DIRECTORY_CLASS = 5;
/** Chunks in the directory. */
export const NODE_OLDER = 6;
/** First word of the key, aligned and zero-padded. */
export const NODE_KEY = 7;
