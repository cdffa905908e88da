import { invariant } from "@kvts/common";
import { systemScheduler } from "../env/scheduler.ts";
import { type Arena, EXTENT_BYTE, EXTENT_SLAB } from "./arena.ts";

/** Bytes in one slab. Values start at multiples of 8 and go on in the next slab where one ends. */
export const SLAB_BYTES: number = 1024 * 1024;
/** A record's pointer leads to [slab, byte in the slab] in place of an extent value's bytes. */
export const DESCRIPTOR_WORDS = 2;

/** Gives out and takes back slabs of {@link SLAB_BYTES}. */
export interface SlabPool {
  acquireSlab(): SharedArrayBuffer;
}

/**
 * The values of a memtable that are too long for its arena. They lie one behind the other in one space of bytes, cut
 * into slabs of equal size: dropped SharedArrayBuffers stay resident until every thread has collected them, so slabs
 * are pooled and reused, and a long value is no single piece of memory. An address is a byte of that space.
 * How far the space is filled stands in the arena's header; the slabs travel beside the arena.
 */
export class Extents {
  readonly slabs: SharedArrayBuffer[];
  readonly #views: Uint8Array[];
  readonly #i32: Int32Array;
  readonly #pool: SlabPool | undefined;

  /** Without a pool for reading only. */
  constructor(arena: Arena, slabs: readonly SharedArrayBuffer[], pool?: SlabPool) {
    this.slabs = [...slabs];
    this.#views = slabs.map((slab) => new Uint8Array(slab));
    this.#i32 = arena.i32;
    this.#pool = pool;
  }

  /** Bytes given out. */
  get bytesUsed(): number {
    return this.#i32[EXTENT_SLAB]! * SLAB_BYTES + this.#i32[EXTENT_BYTE]!;
  }

  /** The address of `length` new bytes, their contents undefined. */
  allocate(length: number): number {
    const address = this.bytesUsed;
    const end = address + Math.ceil(length / 8) * 8;
    while (this.slabs.length * SLAB_BYTES < end) {
      invariant(this.#pool !== undefined, "MT2: an attached memtable is only read");
      const slab = this.#pool.acquireSlab();
      this.slabs.push(slab);
      this.#views.push(new Uint8Array(slab));
    }
    this.#i32[EXTENT_SLAB] = Math.floor(end / SLAB_BYTES);
    this.#i32[EXTENT_BYTE] = end % SLAB_BYTES;
    return address;
  }

  /** A view of the bytes at an address: at most `length`, and as many as lie in one slab. */
  piece(address: number, length: number): Uint8Array {
    const byte = address % SLAB_BYTES;
    return this.#views[Math.floor(address / SLAB_BYTES)]!.subarray(byte, Math.min(byte + length, SLAB_BYTES));
  }

  write(address: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const piece = this.piece(address + done, bytes.length - done);
      piece.set(bytes.subarray(done, done + piece.length));
      done += piece.length;
    }
  }

  read(address: number, into: Uint8Array): void {
    for (let done = 0; done < into.length; ) {
      const piece = this.piece(address + done, into.length - done);
      into.set(piece, done);
      done += piece.length;
    }
  }
}

/** One value in extents, where it lies. */
export class ExtentValue {
  /** Bytes in the value. */
  readonly length: number;
  readonly #extents: Extents;
  readonly #address: number;

  constructor(extents: Extents, address: number, length: number) {
    this.#extents = extents;
    this.#address = address;
    this.length = length;
  }

  /** The value's bytes from `from` on, below its length, as many as lie in one slab. Lent as the memtable is. */
  piece(from: number): Uint8Array {
    return this.#extents.piece(this.#address + from, this.length - from);
  }

  /** Fills `into` with the value's bytes from `from` on, of which there are enough. */
  copyTo(into: Uint8Array, from = 0): void {
    this.#extents.read(this.#address + from, into);
  }

  /** A copy of the value, owned by the caller. */
  readSync(): Uint8Array {
    const bytes = new Uint8Array(this.length);
    this.copyTo(bytes);
    return bytes;
  }

  /** The same a piece a turn, so that a long value does not hold the event loop. The memtable is held meanwhile. */
  async read(): Promise<Uint8Array> {
    const bytes = new Uint8Array(this.length);
    for (let at = 0; at < this.length; ) {
      if (at > 0) await systemScheduler.nextTurn();
      const piece = this.piece(at);
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }
}
