import { invalidArgument, invariant } from "@kvts/common";
import { HIGH_WORD_MAX, LOW_WORD_MAX } from "../format/version-record.ts";

/**
 * One memtable's memory: a SharedArrayBuffer that holds the whole of its state, so that another thread can read a
 * frozen one by reference. Addresses inside it are word indices (32 bits a word); 0 is the header and stands for
 * "nothing" elsewhere.
 *
 * | words | holds |
 * |---|---|
 * | 0 … HEADER_WORDS − 1 | the header, below |
 * | … | the hash index, one word a slot |
 * | … FREE − 1 | key nodes, keys, version chunks, tree nodes and values as they came |
 *
 * Blocks of 6 · 2^class words (version chunks and their directories) that were outgrown wait in free lists, one a
 * class, linked by their first word. Everything else stays where it is until the arena is formatted again.
 */
export class Arena {
  readonly buffer: SharedArrayBuffer;
  readonly i32: Int32Array;
  readonly u8: Uint8Array;
  /** As the system gave it: clearing it would only make it take memory. */
  #isUntouched = false;

  /** @throws INVALID_ARGUMENT where the size is not one of an arena. */
  constructor(buffer: SharedArrayBuffer) {
    const bytes = buffer.byteLength;
    if (bytes < ARENA_BYTES_MIN || bytes > ARENA_BYTES_MAX || bytes % 8 !== 0) {
      throw invalidArgument(
        `A memtable arena has ${bytes} bytes; give it a multiple of 8 from ${ARENA_BYTES_MIN} to ${ARENA_BYTES_MAX}.`,
        { bytes },
      );
    }
    this.buffer = buffer;
    this.i32 = new Int32Array(buffer);
    this.u8 = new Uint8Array(buffer);
  }

  /** An arena in memory of its own. */
  static allocate(bytes: number): Arena {
    const arena = new Arena(new SharedArrayBuffer(bytes));
    arena.#isUntouched = true;
    return arena;
  }

  get bytes(): number {
    return this.buffer.byteLength;
  }

  /** Makes it empty, whatever it held. */
  format(): void {
    const i32 = this.i32;
    const hashSlots = hashSlotsFor(this.bytes);
    if (!this.#isUntouched) i32.fill(0, 0, HEADER_WORDS + hashSlots);
    this.#isUntouched = false;
    i32[MAGIC] = MAGIC_WORD;
    i32[HASH_SLOTS] = hashSlots;
    i32[FREE] = HEADER_WORDS + hashSlots;
    // Extremes of nothing: the least is above all there can be, the greatest is −1.
    i32[TS_MIN_HI] = HIGH_WORD_MAX;
    i32[TS_MIN_LO] = LOW_WORD_MAX;
    i32[TS_MAX_HI] = -1;
    i32[TS_MAX_LO] = LOW_WORD_MAX;
    i32[SEQ_MIN_HI] = HIGH_WORD_MAX;
    i32[SEQ_MIN_LO] = LOW_WORD_MAX;
    i32[SEQ_MAX_HI] = -1;
    i32[SEQ_MAX_LO] = LOW_WORD_MAX;
  }

  /** Asserts that this is an arena that was formatted, perhaps on another thread. */
  expectFormatted(): void {
    const formatted = this.i32[MAGIC] === MAGIC_WORD && this.i32[HASH_SLOTS] === hashSlotsFor(this.bytes);
    invariant(formatted, "MT3: a memtable is attached to what transfer() gave");
  }

  hasRoom(words: number): boolean {
    return words <= this.i32.length - this.i32[FREE]!;
  }

  /** The first of `words` new words, their contents left over from before. The caller has asked {@link hasRoom}. */
  take(words: number): number {
    const at = this.i32[FREE]!;
    this.i32[FREE] = at + words;
    return at;
  }

  /** A block of {@link blockWords} words, reused where one was given back. The caller has asked {@link hasRoom}. */
  takeBlock(sizeClass: number): number {
    const i32 = this.i32;
    const at = i32[BLOCK_LISTS + sizeClass]!;
    if (at === 0) return this.take(blockWords(sizeClass));
    i32[BLOCK_LISTS + sizeClass] = i32[at]!;
    return at;
  }

  giveBlock(at: number, sizeClass: number): void {
    const i32 = this.i32;
    i32[at] = i32[BLOCK_LISTS + sizeClass]!;
    i32[BLOCK_LISTS + sizeClass] = at;
  }
}

/** Room for the longest key, a tree, and an inline value. */
export const ARENA_BYTES_MIN: number = 256 * 1024;
/** Byte offsets in an arena stay below 2^31. */
export const ARENA_BYTES_MAX: number = 1024 * 1024 * 1024;
export const ARENA_BYTES_DEFAULT: number = 32 * 1024 * 1024;

// Header words.
const MAGIC = 0;
/** Slots in the hash index, a power of two. */
export const HASH_SLOTS = 1;
/** The first word that nobody has taken yet. */
export const FREE = 2;
export const KEY_COUNT = 3;
export const ENTRY_COUNT = 4;
/** What has been inserted so far, of what is rare. */
export const CONTENT_FLAGS = 5;
export const HAS_RETRACTS = 1;
export const HAS_EXPIRIES = 2;
/** Tree: its root node, its levels (0 before the first key), its nodes. */
export const TREE_ROOT = 6;
export const TREE_HEIGHT = 7;
export const TREE_NODES = 8;
/** Version chunks: the greatest class of any so far, and the words of all that are in use. */
export const CHUNK_CLASS_MAX = 9;
export const CHUNK_WORDS = 10;
/** Where the next extent starts: slab and byte in it. */
export const EXTENT_SLAB = 11;
export const EXTENT_BYTE = 12;
export const TS_MIN_HI = 13;
export const TS_MIN_LO = 14;
export const TS_MAX_HI = 15;
export const TS_MAX_LO = 16;
export const SEQ_MIN_HI = 17;
export const SEQ_MIN_LO = 18;
export const SEQ_MAX_HI = 19;
export const SEQ_MAX_LO = 20;
/** Heads of the free lists, one a size class; the largest block has 6 · 2^27 words, more than an arena. */
const BLOCK_LISTS = 32;
export const HEADER_WORDS = 64;

/** "kvm1", lowest address first. */
const MAGIC_WORD = 0x316d766b;
/** A hash slot for so many bytes of arena: more than the smallest entries can fill. */
const BYTES_PER_HASH_SLOT = 64;

/** Words in a block of a size class. */
export function blockWords(sizeClass: number): number {
  return 6 << sizeClass;
}

/** The power of two at or below one slot in 64 bytes. */
function hashSlotsFor(arenaBytes: number): number {
  return 1 << (31 - Math.clz32(arenaBytes / BYTES_PER_HASH_SLOT));
}
