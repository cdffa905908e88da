import { invariant } from "@kvts/common";
import type { BlockView } from "./block.ts";
import { FRAME_BYTES } from "./format.ts";

const FRAME_WORDS: number = FRAME_BYTES / 4;

/** Frames that a cache has at least, so that a merge or a scan over a few layers always gets on. */
const FRAMES_MIN = 4;
/** A slab is one ArrayBuffer; frames beyond this would not be addressed by 32-bit bytes any more. */
const SLAB_BYTES_MAX = 2 ** 32 - FRAME_BYTES;
/** Blocks outside the slab may take this share of the slab's bytes, and at least OUTSIDE_BYTES_MIN. */
const OUTSIDE_SHARE = 1 / 16;
const OUTSIDE_BYTES_MIN: number = 1024 * 1024;

/** Frames that are overwritten in one go. */
const SCRUBBED_AT_ONCE = 256;

/** In a frame table: the block is not in memory. */
export const NOT_CACHED = -1;

export interface BlockCacheStats {
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
  /** Bytes held now: used frames, and blocks outside the slab. */
  readonly bytes: number;
  /** Bytes that the slab may hold. */
  readonly bytesMax: number;
}

/** A block in a buffer of its own: one larger than a frame, or one read while every frame was pinned. */
export interface OutsideBlock {
  readonly i32: Int32Array;
  readonly u8: Uint8Array;
  /** The frame table of its file, undefined once that is forgotten. */
  frames: Int32Array | undefined;
  readonly block: number;
  /** One count: loads whose caller has not looked again yet. */
  readonly pins: Int32Array;
  referenced: boolean;
}

/**
 * Decompressed blocks of all tables, in fixed frames of one slab. Each file has a frame table, which maps its blocks to
 * frames, so a hit is two array reads. A frame is reused when the CLOCK hand finds it unpinned and not referenced since
 * its last round; the owner's frame table is then corrected. Nothing is read here: see table.ts.
 *
 * In a frame table, n ≥ 0 is a frame, {@link NOT_CACHED} nothing, and −2 − k the block that `outside(n)` gives.
 */
export class BlockCache {
  readonly i32: Int32Array;
  readonly u8: Uint8Array;
  /** By frame: how many runs, cursors and loads hold it. */
  readonly pins: Int32Array;
  /** By frame: 1 where it was used since the hand passed. */
  readonly referenced: Uint8Array;
  hits = 0;
  misses = 0;
  readonly #frameCount: number;
  /** By frame: the frame table of the file that it belongs to, and the block. */
  readonly #owners: (Int32Array | undefined)[];
  readonly #blocks: Int32Array;
  /** Frames that forgotten files have left, the last of them first to be taken; the hand finds those that are pinned still. */
  readonly #left: Int32Array;
  #leftCount = 0;
  readonly #outside: (OutsideBlock | undefined)[] = [];
  readonly #outsideBytesMax: number;
  #outsideBytes = 0;
  #outsideHand = 0;
  #hand = 0;
  #used = 0;
  #evictions = 0;

  /** @param bytesMax bytes of the slab; four frames (64 KiB) at least are taken. */
  constructor(bytesMax: number) {
    this.#frameCount = Math.max(FRAMES_MIN, Math.floor(Math.min(bytesMax, SLAB_BYTES_MAX) / FRAME_BYTES));
    const slab = new ArrayBuffer(this.#frameCount * FRAME_BYTES);
    this.i32 = new Int32Array(slab);
    this.u8 = new Uint8Array(slab);
    this.pins = new Int32Array(this.#frameCount);
    this.referenced = new Uint8Array(this.#frameCount);
    this.#owners = new Array<Int32Array | undefined>(this.#frameCount).fill(undefined);
    this.#blocks = new Int32Array(this.#frameCount);
    this.#left = new Int32Array(this.#frameCount);
    this.#outsideBytesMax = Math.max(OUTSIDE_BYTES_MIN, slab.byteLength * OUTSIDE_SHARE);
  }

  stats(): BlockCacheStats {
    return {
      hits: this.hits,
      misses: this.misses,
      evictions: this.#evictions,
      bytes: this.#used * FRAME_BYTES + this.#outsideBytes,
      bytesMax: this.u8.length,
    };
  }

  /** A frame table for a file of `blockCount` blocks. */
  register(blockCount: number): Int32Array {
    return new Int32Array(blockCount).fill(NOT_CACHED);
  }

  /** A frame to fill at once and then to {@link install}; −1 where every frame is pinned. */
  takeFrame(): number {
    const count = this.#frameCount;
    while (this.#leftCount > 0) {
      const frame = this.#left[--this.#leftCount]!;
      if (this.#owners[frame] === undefined && this.pins[frame] === 0) return frame;
    }
    for (let steps = 2 * count; steps > 0; steps--) {
      const frame = this.#hand;
      this.#hand = frame + 1 === count ? 0 : frame + 1;
      if (this.pins[frame]! > 0) continue;
      if (this.referenced[frame] !== 0 && this.#owners[frame] !== undefined) {
        this.referenced[frame] = 0;
        continue;
      }
      if (this.#vacate(frame)) this.#evictions++;
      return frame;
    }
    return -1;
  }

  /** Enters a filled frame into its file's table. */
  install(frame: number, frames: Int32Array, block: number): void {
    invariant(frames[block] === NOT_CACHED, "B1: a block is in memory once");
    this.#owners[frame] = frames;
    this.#blocks[frame] = block;
    // A block has to be used once more to survive the hand's first passing: one long scan does not empty the cache.
    this.referenced[frame] = 0;
    this.#used++;
    frames[block] = frame;
  }

  /** Enters a block that has a buffer of its own, and lets go of others beyond the limit. */
  installOutside(i32: Int32Array, u8: Uint8Array, frames: Int32Array, block: number): void {
    invariant(frames[block] === NOT_CACHED, "B1: a block is in memory once");
    this.#shrinkOutside(this.#outsideBytesMax - u8.length);
    const free = this.#outside.indexOf(undefined);
    const at = free < 0 ? this.#outside.length : free;
    this.#outside[at] = { i32, u8, frames, block, pins: new Int32Array(1), referenced: true };
    this.#outsideBytes += u8.length;
    frames[block] = -2 - at;
  }

  /** Points `view` at the block to which a frame table entry other than NOT_CACHED leads, and marks it as used. */
  point(view: BlockView, entry: number): void {
    view.pins = this.pins;
    if (entry >= 0) {
      this.referenced[entry] = 1;
      view.i32 = this.i32;
      view.u8 = this.u8;
      view.base = entry * FRAME_BYTES;
      view.word = entry * FRAME_WORDS;
      view.frame = entry;
      return;
    }
    const outside = this.outside(entry);
    outside.referenced = true;
    view.i32 = outside.i32;
    view.u8 = outside.u8;
    view.base = 0;
    view.word = 0;
    view.frame = -1;
  }

  /** The block outside the slab to which a frame table entry below −1 leads. */
  outside(entry: number): OutsideBlock {
    return this.#outside[-2 - entry]!;
  }

  /** The counts that keep a block in memory, given its frame table entry, and which of them is its. */
  pinCounts(entry: number): Int32Array {
    return entry >= 0 ? this.pins : this.outside(entry).pins;
  }

  pinIndex(entry: number): number {
    return entry >= 0 ? entry : 0;
  }

  /** Lets go of blocks outside the slab beyond their limit: after pins were released. */
  trim(): void {
    if (this.#outsideBytes > this.#outsideBytesMax) this.#shrinkOutside(this.#outsideBytesMax);
  }

  /** Drops all blocks of a file. Pinned ones stay as they are for whoever holds them. */
  forget(frames: Int32Array): void {
    for (let block = 0; block < frames.length; block++) {
      const entry = frames[block]!;
      if (entry >= 0) this.#leave(entry);
      else if (entry !== NOT_CACHED) this.#dropOutside(-2 - entry);
    }
  }

  /** Overwrites what frames still hold of files that are forgotten, from `from` on, a few of them. Returns where to go on; −1 at the end. */
  scrub(from: number): number {
    const end = Math.min(from + SCRUBBED_AT_ONCE, this.#frameCount);
    for (let frame = from; frame < end; frame++) {
      if (this.#owners[frame] === undefined && this.pins[frame] === 0) {
        this.u8.fill(0, frame * FRAME_BYTES, (frame + 1) * FRAME_BYTES);
      }
    }
    return end === this.#frameCount ? -1 : end;
  }

  /** Takes a frame from its file; false where it had none. */
  #vacate(frame: number): boolean {
    const owner = this.#owners[frame];
    if (owner === undefined) return false;
    owner[this.#blocks[frame]!] = NOT_CACHED;
    this.#owners[frame] = undefined;
    this.#used--;
    return true;
  }

  #leave(frame: number): void {
    this.#vacate(frame);
    // Full only where frames were left twice, and the hand has taken them in between.
    if (this.#leftCount < this.#frameCount) this.#left[this.#leftCount++] = frame;
  }

  #shrinkOutside(bytesMax: number): void {
    const list = this.#outside;
    for (let steps = 2 * list.length; steps > 0 && this.#outsideBytes > bytesMax; steps--) {
      this.#outsideHand = (this.#outsideHand + 1) % list.length;
      const candidate = list[this.#outsideHand];
      if (candidate === undefined || candidate.pins[0]! > 0) continue;
      if (candidate.referenced) candidate.referenced = false;
      else {
        this.#dropOutside(this.#outsideHand);
        this.#evictions++;
      }
    }
  }

  #dropOutside(at: number): void {
    const dropped = this.#outside[at]!;
    dropped.frames![dropped.block] = NOT_CACHED;
    dropped.frames = undefined;
    this.#outside[at] = undefined;
    this.#outsideBytes -= dropped.u8.length;
  }
}
