/** What a lookup in one layer answers. */
export type Lookup = typeof ABSENT | typeof FOUND | typeof MISS;
/** The layer does not hold it. */
export const ABSENT = 0;
/** The answer is in the object that the caller passed in. */
export const FOUND = 1;
/** A block has to be loaded first; {@link BlockDemand} says which. Nothing else has changed: load it and ask again. */
export const MISS = 2;

/**
 * How a lookup may obtain blocks that are not in the cache, and which one it lacked.
 * A synchronous reader sets `sync` and never sees MISS. An asynchronous one awaits `table.load(block)` and repeats the
 * lookup from a point that it can return to.
 */
export class BlockDemand<T = unknown> {
  readonly sync: boolean;
  /** Set with MISS: the table to load from, and the block's index in it, or INDEX_BLOCK. */
  table: T | undefined = undefined;
  block = 0;

  constructor(sync: boolean) {
    this.sync = sync;
  }
}

/**
 * A stretch of one key's version records that lies contiguous in one typed array: a memtable chunk, or a key's part of
 * one table block. Filled in by a layer, reused by the reader.
 *
 * `i32` and `u8` are views of the same buffer. Record k starts at word `first + k * VERSION_WORDS`; a record's POINTER
 * counts bytes from `base`. The bytes are lent: they stay as they are until the holder pins nothing any more (tables,
 * see `unpin`) or inserts into the memtable; never keep a run across an `await`.
 */
export class VersionRun {
  i32: Int32Array = EMPTY_I32;
  u8: Uint8Array = EMPTY_U8;
  first = 0;
  count = 0;
  base = 0;
  /** False where the layer knows that the key has no older (newer) versions outside this run. */
  hasPrevious = true;
  hasNext = true;
  /** Layer-private position: memtable node and chunk, or block index and slot. */
  node = 0;
  part = 0;
  /** The cache frame that this run pins, or −1, and the pin counts by frame of the cache that it belongs to. */
  frame = -1;
  pins: Int32Array = EMPTY_I32;

  /** Becomes a run of one record that stands at the start of `i32`, has no payload, and belongs to no layer. */
  setRecord(i32: Int32Array): void {
    this.release();
    this.i32 = i32;
    this.u8 = EMPTY_U8;
    this.first = 0;
    this.count = 1;
    this.base = 0;
    this.hasPrevious = false;
    this.hasNext = false;
  }

  /** Gives up the pinned frame, if any: the bytes may change from here on. */
  release(): void {
    if (this.frame < 0) return;
    this.pins[this.frame]!--;
    this.frame = -1;
  }
}

const EMPTY_I32 = new Int32Array(0);
const EMPTY_U8 = new Uint8Array(0);
