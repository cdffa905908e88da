import { KvtsError } from "@kvts/common";
import { type BlockCache, NOT_CACHED } from "./block-cache.ts";
import { ENVELOPE_BYTES } from "./envelope.ts";
import { FRAME_BYTES } from "./format.ts";
import type { TableBytes } from "./table-bytes.ts";
import type { IndexParts } from "./table-index.ts";

const BUFFER_BYTES = FRAME_BYTES + ENVELOPE_BYTES;
/** Buffers kept for later reads: a megabyte, more than a thread pool reads at a time. */
const BUFFERS_MAX = 64;
const buffers: Uint8Array[] = [];

/** Keeps a loaded block in memory until it is released; may be released twice. */
export class BlockPin implements Disposable {
  readonly #cache: BlockCache;
  readonly #counts: Int32Array;
  readonly #index: number;
  #held = true;

  /** Takes over one of `counts[index]`. */
  constructor(cache: BlockCache, counts: Int32Array, index: number) {
    this.#cache = cache;
    this.#counts = counts;
    this.#index = index;
  }

  release(): void {
    if (!this.#held) return;
    this.#held = false;
    this.#counts[this.#index]!--;
    this.#cache.trim();
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/** A read under way. */
interface Flight {
  /** Callers that wait for it; their pins are taken the moment it arrives. */
  waiters: number;
  /** Where those pins are counted. */
  counts: Int32Array;
  index: number;
  done: Promise<void>;
}

/**
 * Brings blocks of one table into the cache. A loaded block is pinned in the same turn in which it arrives, once for
 * each caller that waits for it: however small the cache and whoever else loads, it is there when they look again.
 */
export class BlockLoader {
  readonly #bytes: TableBytes;
  readonly #cache: BlockCache;
  readonly #frames: Int32Array;
  readonly #flights: Map<number, Flight> = new Map();
  #closed = false;

  constructor(bytes: TableBytes, cache: BlockCache, frames: Int32Array) {
    this.#bytes = bytes;
    this.#cache = cache;
    this.#frames = frames;
  }

  async load(block: number, index: IndexParts): Promise<BlockPin> {
    if (this.#frames[block] !== NOT_CACHED) return this.#pin(block);
    let flight = this.#flights.get(block);
    if (flight === undefined) {
      flight = { waiters: 0, counts: this.#cache.pins, index: 0, done: Promise.resolve() };
      this.#flights.set(block, flight);
      flight.done = this.#read(block, flight, index);
    }
    flight.waiters++;
    await flight.done;
    return new BlockPin(this.#cache, flight.counts, flight.index);
  }

  loadSync(block: number, index: IndexParts): BlockPin {
    this.bringSync(block, index);
    return this.#pin(block);
  }

  /** Reads a block that is not in memory, at once; no one pins it yet. */
  bringSync(block: number, index: IndexParts): void {
    if (this.#frames[block] !== NOT_CACHED) return;
    const length = index.fences.storedBytes(block);
    const buffer = takeBuffer(length);
    this.#bytes.readSync(buffer, length, index.fences.offset(block));
    this.#place(block, buffer.subarray(0, length), index);
    giveBuffer(buffer);
  }

  /** From here on nothing is entered into the cache any more. */
  close(): void {
    this.#closed = true;
  }

  async #read(block: number, flight: Flight, index: IndexParts): Promise<void> {
    const length = index.fences.storedBytes(block);
    const buffer = takeBuffer(length);
    try {
      await this.#bytes.read(buffer, length, index.fences.offset(block));
      if (this.#closed) throw closedDuringRead(this.#bytes.path);
      // A synchronous reader may have been faster.
      if (this.#frames[block] === NOT_CACHED) this.#place(block, buffer.subarray(0, length), index);
      flight.index = this.#cache.pinIndex(this.#frames[block]!);
      flight.counts = this.#cache.pinCounts(this.#frames[block]!);
      flight.counts[flight.index]! += flight.waiters;
    } finally {
      this.#flights.delete(block);
      giveBuffer(buffer);
    }
  }

  #place(block: number, envelope: Uint8Array, { blocks }: IndexParts): void {
    const blockBytes = blocks.blockBytes(block, envelope);
    const cache = this.#cache;
    const frame = blockBytes <= FRAME_BYTES ? cache.takeFrame() : -1;
    if (frame < 0) {
      const { i32, u8 } = blocks.viewOf(block, envelope, blockBytes);
      cache.installOutside(i32, u8, this.#frames, block);
      return;
    }
    blocks.unpack(block, envelope, blockBytes, cache.i32, cache.u8, frame * (FRAME_BYTES / 4));
    cache.install(frame, this.#frames, block);
  }

  #pin(block: number): BlockPin {
    const entry = this.#frames[block]!;
    const counts = this.#cache.pinCounts(entry);
    const index = this.#cache.pinIndex(entry);
    counts[index]!++;
    return new BlockPin(this.#cache, counts, index);
  }
}

export function closedDuringRead(path: string): KvtsError {
  return new KvtsError("CLOSED", `${path} was closed while it was being read; open the store again`);
}

function takeBuffer(length: number): Uint8Array {
  return length > BUFFER_BYTES ? new Uint8Array(length) : (buffers.pop() ?? new Uint8Array(BUFFER_BYTES));
}

function giveBuffer(buffer: Uint8Array): void {
  if (buffer.length === BUFFER_BYTES && buffers.length < BUFFERS_MAX) buffers.push(buffer);
}
