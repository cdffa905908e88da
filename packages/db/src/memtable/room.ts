import {
  ARENA_BYTES_MIN,
  blockWords,
  CHUNK_CLASS_MAX,
  CHUNK_WORDS,
  FREE,
  HEADER_WORDS,
  TREE_HEIGHT,
  TREE_NODES,
} from "./arena.ts";
import { NODE_KEY } from "./key-node.ts";
import { INNER_WORDS } from "./ordered-index.ts";
import { FIRST_DIRECTORY_CLASS, LAST_CHUNK_CLASS } from "./version-chunks.ts";

/** Words of one operation besides key, value and version chunk: node, padding of key and value, expiry or descriptor. */
const FIXED_WORDS = NODE_KEY + 2 + 4;
/**
 * Words of version chunks that an operation can come to cost, apart from the one that its key has outgrown when a batch
 * begins: chunks double, and a split leaves halves, so that each is paid for by the versions that filled it.
 */
const CHUNK_WORDS_AMORTIZED = 48;
/** A tree node splits once it holds 48 entries, which leaves 24 in it. */
const KEYS_PER_TREE_NODE_MIN = 12;
/** What a single insert asks for beyond what it then takes. */
const SLACK_WORDS = 2 * blockWords(LAST_CHUNK_CLASS);

/** A bound on the arena words that `operations` inserts of `bytes` key and inline value bytes take. */
export function roomNeeded(i32: Int32Array, operations: number, bytes: number): number {
  return (
    Math.ceil(bytes / 4) +
    operations * (FIXED_WORDS + CHUNK_WORDS_AMORTIZED) +
    outgrownWords(i32, operations) +
    treeWords(i32, operations) +
    SLACK_WORDS
  );
}

/** What replaces full chunks and directories: no more than all of them twice over. */
function outgrownWords(i32: Int32Array, operations: number): number {
  const grownClass = Math.min(i32[CHUNK_CLASS_MAX]! + 1, LAST_CHUNK_CLASS);
  const chunks = Math.min(operations * blockWords(grownClass), 2 * i32[CHUNK_WORDS]!);
  // A directory doubles once it is full, and each of its entries stands for a chunk of 768 words.
  return chunks + operations * blockWords(FIRST_DIRECTORY_CLASS) + (i32[FREE]! >>> 6);
}

function treeWords(i32: Int32Array, operations: number): number {
  const levels = i32[TREE_HEIGHT]! + 2;
  const splits = Math.min(operations * levels, i32[TREE_NODES]! + Math.ceil(operations / KEYS_PER_TREE_NODE_MIN));
  return (splits + 2 * levels) * INNER_WORDS;
}

/**
 * Bytes of an arena, new and empty, in which so many inserts surely find room.
 * @param bytes keys and inline values together; extent values count nothing.
 */
export function arenaBytesFor(operations: number, bytes: number): number {
  const perOperation = FIXED_WORDS + CHUNK_WORDS_AMORTIZED + Math.ceil(INNER_WORDS / KEYS_PER_TREE_NODE_MIN);
  const words = HEADER_WORDS + Math.ceil(bytes / 4) + operations * perOperation + 8 * INNER_WORDS + SLACK_WORDS;
  // One word in 16 at most is the hash index.
  return Math.max(ARENA_BYTES_MIN, Math.ceil(words / 15) * 16 * 4);
}
