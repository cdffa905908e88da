import { limits } from "@kvts/common";
import { corruption } from "../format/corruption.ts";
import { META, META_EXPIRES, META_LENGTH_SHIFT, POINTER, VERSION_WORDS } from "../format/version-record.ts";
import type { VersionRun } from "../format/version-run.ts";
import { checkEnvelope, ENVELOPE_BYTES, openEnvelope, storedBytesAt } from "./envelope.ts";
import { EXTENT_CHUNK_BYTES, KIND_EXTENT } from "./format.ts";
import type { TableBytes } from "./table-bytes.ts";

/** Words of `expiresAt` at a record's pointer. */
export const EXPIRY_WORDS = 2;

/**
 * Words of an extent's descriptor, which stands where the value of a record would: the file offset of the first chunk
 * (low word, high word), and the bytes of all chunks, envelopes included.
 */
export const EXTENT_DESCRIPTOR_WORDS = 3;

const TWO32 = 4294967296;

/** A long value in memory. */
export interface MemoryExtent {
  /** Bytes of the value. */
  readonly length: number;
  /** Fills `into` with the value's bytes from `from` on, of which there are enough. */
  copyTo(into: Uint8Array, from: number): void;
}

/** A layer whose records may point at extents. */
export interface ExtentSource {
  /** The extent of record `index` of `run`, which has META_EXTENT. */
  extentAt(run: VersionRun, index: number): MemoryExtent | TableExtent;
}

/**
 * An extent in a table file. It holds its own location, so that it can be read when its record's block is long gone,
 * as long as the table is open.
 */
export class TableExtent {
  /** Bytes of the value. */
  readonly length: number;
  /** Bytes of all chunks, envelopes included. */
  readonly storedBytes: number;
  readonly #bytes: TableBytes;
  readonly #position: number;

  /** @throws CORRUPTION where the descriptor cannot be true. */
  constructor(bytes: TableBytes, dataBytes: number, run: VersionRun, index: number) {
    const i32 = run.i32;
    const at = run.first + index * VERSION_WORDS;
    const meta = i32[at + META]!;
    const word = ((run.base + i32[at + POINTER]!) >>> 2) + ((meta & META_EXPIRES) === 0 ? 0 : EXPIRY_WORDS);
    this.length = meta >>> META_LENGTH_SHIFT;
    this.storedBytes = i32[word + 2]! >>> 0;
    this.#bytes = bytes;
    this.#position = (i32[word + 1]! >>> 0) * TWO32 + (i32[word]! >>> 0);
    if (this.#position + this.storedBytes > dataBytes) {
      throw corruption(bytes.path, Math.min(this.#position, dataBytes), "an extent is said to reach beyond the data");
    }
    if (this.length > limits.valueBytesMax) {
      throw corruption(bytes.path, this.#position, "an extent is said to be longer than any value");
    }
  }

  /** The value, owned by the caller. No more than one chunk (1 MiB) is worked on in one turn. @throws CORRUPTION */
  async read(): Promise<Uint8Array> {
    const value = new ExtentValue(this.length);
    await this.#walk((envelope, chunks) => value.add(chunks.open(envelope)));
    return value.bytes;
  }

  /** Reads it as {@link read} does, keeping one chunk at a time. @throws CORRUPTION */
  async verify(): Promise<void> {
    await this.#walk((envelope, chunks) => void chunks.open(envelope));
  }

  /** The value, owned by the caller. @throws CORRUPTION */
  readSync(): Uint8Array {
    const value = new ExtentValue(this.length);
    this.#walkSync((envelope, chunks) => value.add(chunks.open(envelope)));
    return value.bytes;
  }

  /**
   * Hands on the chunks as they are stored, their checksums verified, without decompressing; each with the number of the
   * table and the offset to which it is bound. `write` may keep and change them. @throws CORRUPTION
   */
  copySync(write: (envelope: Uint8Array, number: number, offset: number) => void): void {
    this.#walkSync((envelope, chunks) => {
      chunks.check(envelope);
      write(envelope, this.#bytes.number, chunks.position);
    });
  }

  async #walk(visit: (envelope: Uint8Array, chunks: Chunks) => void): Promise<void> {
    const chunks = this.#chunks();
    while (chunks.filledBytes < this.length) {
      await this.#bytes.read(chunks.header, ENVELOPE_BYTES, chunks.position);
      const envelope = chunks.envelope();
      await this.#bytes.read(envelope, envelope.length, chunks.position);
      visit(envelope, chunks);
      chunks.pass(envelope);
    }
    chunks.expectEnd();
  }

  #walkSync(visit: (envelope: Uint8Array, chunks: Chunks) => void): void {
    const chunks = this.#chunks();
    while (chunks.filledBytes < this.length) {
      this.#bytes.readSync(chunks.header, ENVELOPE_BYTES, chunks.position);
      const envelope = chunks.envelope();
      this.#bytes.readSync(envelope, envelope.length, chunks.position);
      visit(envelope, chunks);
      chunks.pass(envelope);
    }
    chunks.expectEnd();
  }

  #chunks(): Chunks {
    return new Chunks(this.#bytes, this.#position, this.storedBytes, this.length);
  }
}

/** A value being put together. It takes memory once a chunk was what it should be, since its length may lie. */
class ExtentValue {
  bytes: Uint8Array = EMPTY;
  readonly #length: number;
  #filledBytes = 0;

  constructor(length: number) {
    this.#length = length;
  }

  add(chunk: Uint8Array): void {
    if (this.bytes === EMPTY) this.bytes = new Uint8Array(this.#length);
    this.bytes.set(chunk, this.#filledBytes);
    this.#filledBytes += chunk.length;
  }
}

const EMPTY = new Uint8Array(0);

/** A walk through the chunks of one extent: what comes next, and whether it is what it should be. */
class Chunks {
  readonly header: Uint8Array = new Uint8Array(ENVELOPE_BYTES);
  /** File offset of the next chunk. */
  position: number;
  /** Value bytes in the chunks passed so far. */
  filledBytes = 0;
  readonly #path: string;
  readonly #number: number;
  readonly #end: number;
  readonly #length: number;

  constructor({ path, number }: TableBytes, position: number, storedBytes: number, length: number) {
    this.#path = path;
    this.#number = number;
    this.position = position;
    this.#end = position + storedBytes;
    this.#length = length;
  }

  /** Memory for the chunk whose header was read. */
  envelope(): Uint8Array {
    const storedBytes = storedBytesAt(this.header);
    const left = this.#end - this.position - ENVELOPE_BYTES;
    if (storedBytes > left || storedBytes > EXTENT_CHUNK_BYTES) {
      throw corruption(this.#path, this.position, "a chunk is longer than its extent");
    }
    return new Uint8Array(ENVELOPE_BYTES + storedBytes);
  }

  /** The part of the value that a chunk holds. */
  open(envelope: Uint8Array): Uint8Array {
    const raw = openEnvelope(envelope, KIND_EXTENT, this.#path, this.#number, this.position);
    if (raw.length !== this.#nextBytes()) throw this.#wrongLength();
    return raw;
  }

  /** The checks of {@link open} without decompressing. */
  check(envelope: Uint8Array): void {
    if (checkEnvelope(envelope, KIND_EXTENT, this.#path, this.#number, this.position) !== this.#nextBytes())
      throw this.#wrongLength();
  }

  pass(envelope: Uint8Array): void {
    this.filledBytes += this.#nextBytes();
    this.position += envelope.length;
  }

  /** @throws CORRUPTION where chunks are left over. */
  expectEnd(): void {
    if (this.position !== this.#end) throw this.#wrongLength();
  }

  #nextBytes(): number {
    return Math.min(EXTENT_CHUNK_BYTES, this.#length - this.filledBytes);
  }

  #wrongLength(): Error {
    return corruption(this.#path, this.position, "an extent's chunks do not add up to its value");
  }
}
