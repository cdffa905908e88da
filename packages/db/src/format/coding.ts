import { corruption } from "./corruption.ts";
import { NUMBER_MAX } from "./version-record.ts";

const TWO32 = 4294967296;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Appends numbers and bytes to a buffer that grows. Everything is little-endian. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView<ArrayBuffer>;
  #length = 0;

  constructor(capacityBytes = 256) {
    this.#bytes = new Uint8Array(capacityBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  u8(n: number): void {
    // Taken first, here and below: it may replace the memory.
    const at = this.#take(1);
    this.#bytes[at] = n;
  }

  u32(n: number): void {
    const at = this.#take(4);
    this.#view.setUint32(at, n, true);
  }

  /** A non-negative integer up to 2^53 − 1, in eight bytes. */
  u64(n: number): void {
    const at = this.#take(8);
    this.#view.setUint32(at, n >>> 0, true);
    this.#view.setUint32(at + 4, (n / TWO32) | 0, true);
  }

  /** A non-negative integer up to 2^53 − 1, seven bits a byte, lowest first; the high bit says that more follow. */
  varint(n: number): void {
    let rest = n;
    while (rest >= 0x80) {
      this.u8((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.u8(rest);
  }

  /** The bytes alone; their reader knows how many. */
  bytes(bytes: Uint8Array): void {
    const at = this.#take(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** A varint length, then the bytes. */
  blob(bytes: Uint8Array): void {
    this.varint(bytes.length);
    this.bytes(bytes);
  }

  /** A varint length, then the text in UTF-8. */
  text(text: string): void {
    this.blob(encoder.encode(text));
  }

  /** Zero bytes up to the next multiple of `alignment`. */
  align(alignment: number): void {
    const over = this.#length % alignment;
    if (over === 0) return;
    const at = this.#take(alignment - over);
    this.#bytes.fill(0, at, this.#length);
  }

  /** Replaces the four bytes at `offset`, which were written before. */
  setU32(offset: number, n: number): void {
    if (offset + 4 > this.#length) throw new Error(`setU32 at ${offset} is beyond the ${this.#length} bytes written`);
    this.#view.setUint32(offset, n, true);
  }

  /** What has been written: a view, good until the writer is used again. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Forgets what has been written and keeps the memory. */
  clear(): void {
    this.#length = 0;
  }

  /** Room for `count` more bytes; returns where they go. */
  #take(count: number): number {
    const at = this.#length;
    const end = at + count;
    if (end > this.#bytes.length) this.#grow(end);
    this.#length = end;
    return at;
  }

  #grow(atLeast: number): void {
    const bytes = new Uint8Array(Math.max(atLeast, this.#bytes.length * 2, 64));
    bytes.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

/**
 * Reads what {@link ByteWriter} wrote. Every read is checked against the end, so that damaged bytes surface as
 * CORRUPTION with file and offset, never as a RangeError.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #file: string;
  readonly #base: number;
  #position = 0;

  /** @param base where in `file` the first of `bytes` stands; errors count from there. */
  constructor(bytes: Uint8Array, file: string, base = 0) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#file = file;
    this.#base = base;
  }

  /** Bytes read so far. */
  get position(): number {
    return this.#position;
  }

  get remaining(): number {
    return this.#bytes.length - this.#position;
  }

  u8(): number {
    return this.#bytes[this.#take(1)]!;
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  /** @throws CORRUPTION also for a number above 2^53 − 1. */
  u64(): number {
    const at = this.#take(8);
    const n = this.#view.getUint32(at + 4, true) * TWO32 + this.#view.getUint32(at, true);
    if (n > NUMBER_MAX) throw this.#corrupt(at, "a number is larger than any that is written");
    return n;
  }

  /** @throws CORRUPTION also for a number above 2^53 − 1 and for one with needless bytes. */
  varint(): number {
    const at = this.#position;
    let n = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.u8();
      n += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (n > NUMBER_MAX || (byte === 0 && i > 0)) break;
        return n;
      }
      scale *= 0x80;
    }
    throw this.#corrupt(at, "a number is not in the form that is written");
  }

  /** A view of the next `length` bytes. */
  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** A view of bytes written by {@link ByteWriter.blob}. */
  blob(): Uint8Array {
    return this.bytes(this.varint());
  }

  text(): string {
    const at = this.#position;
    const bytes = this.blob();
    try {
      return decoder.decode(bytes);
    } catch {
      throw this.#corrupt(at, "a text is not UTF-8");
    }
  }

  /** Passes the zero bytes that {@link ByteWriter.align} wrote. */
  align(alignment: number): void {
    const over = this.#position % alignment;
    if (over === 0) return;
    const at = this.#position;
    for (const byte of this.bytes(alignment - over)) if (byte !== 0) throw this.#corrupt(at, "padding is not zero");
  }

  /** @throws CORRUPTION where bytes are left over. */
  end(): void {
    if (this.remaining > 0) throw this.#corrupt(this.#position, `${this.remaining} bytes are left over`);
  }

  #take(count: number): number {
    const at = this.#position;
    // `count` may come from damaged bytes and be any number; the difference stays exact, a sum might not.
    if (count > this.#bytes.length - at) throw this.#corrupt(at, "it ends too early");
    this.#position = at + count;
    return at;
  }

  #corrupt(at: number, problem: string): Error {
    return corruption(this.#file, this.#base + at, problem);
  }
}
