import type { WritableFile } from "../env/file-system.ts";
import { COMPRESSION_NONE, type Compression, compress, compressionId } from "./compression.ts";
import { ENVELOPE_BYTES, fillEnvelope, moveEnvelope } from "./envelope.ts";
import { KIND_BLOCK } from "./format.ts";

const BUFFER_BYTES = 256 * 1024;

/** A table file being written front to back, gathered into large writes. */
export class TableOutput {
  readonly #file: WritableFile;
  readonly #number: number;
  readonly #compression: number;
  readonly #buffer: Uint8Array<ArrayBuffer>;
  readonly #header: Uint8Array<ArrayBuffer> = new Uint8Array(ENVELOPE_BYTES);
  #buffered = 0;
  #written: number;

  /**
   * @param number the table's, to which its envelopes are bound.
   * @param from bytes that the file has already.
   */
  constructor(
    file: WritableFile,
    number: number,
    compression: Compression,
    from: number = 0,
    bufferBytes: number = BUFFER_BYTES,
  ) {
    this.#written = from;
    this.#buffer = new Uint8Array(bufferBytes);
    this.#file = file;
    this.#number = number;
    this.#compression = compressionId(compression);
  }

  /** Bytes so far, and so the offset of what comes next. */
  get position(): number {
    return this.#written + this.#buffered;
  }

  /** Adds `raw`, compressed as the table is. Returns the bytes that it takes with its envelope. */
  addCompressed(kind: number, raw: Uint8Array<ArrayBuffer>): number {
    const stored = compress(this.#compression, raw);
    if (stored === undefined) return this.addPlain(kind, raw);
    return this.#add(kind, this.#compression, raw.length, stored);
  }

  /**
   * Adds a block: `columns` as they are, and `body`, compressed as the table is, with what of it is in `dictionary`.
   * @param blockBytes bytes that the block takes in memory.
   */
  addBlock(columns: Uint8Array, body: Uint8Array<ArrayBuffer>, blockBytes: number, dictionary?: Uint8Array): number {
    const stored = compress(this.#compression, body, dictionary);
    const compression = stored === undefined ? COMPRESSION_NONE : this.#compression;
    return this.#add(KIND_BLOCK, compression, blockBytes, columns, stored ?? body);
  }

  /** Adds `raw` as it is. Returns the bytes that it takes with its envelope. */
  addPlain(kind: number, raw: Uint8Array): number {
    return this.#add(kind, COMPRESSION_NONE, raw.length, raw);
  }

  /** Adds a whole envelope that stood at `offset` of table `number`. It is changed: it belongs here now. */
  addMoved(envelope: Uint8Array, number: number, offset: number): void {
    moveEnvelope(envelope, number, offset, this.#number, this.position);
    this.addBytes(envelope);
  }

  /** Adds bytes that need no envelope, or have theirs. */
  addBytes(bytes: Uint8Array): void {
    if (bytes.length > this.#buffer.length - this.#buffered) this.flush();
    if (bytes.length > this.#buffer.length) {
      this.#file.writeSync(bytes, this.#written);
      this.#written += bytes.length;
      return;
    }
    this.#buffer.set(bytes, this.#buffered);
    this.#buffered += bytes.length;
  }

  /** Zero bytes up to the next multiple of `alignment`. */
  align(alignment: number): void {
    const over = this.position % alignment;
    if (over > 0) this.addBytes(new Uint8Array(alignment - over));
  }

  /** Hands everything to the operating system. */
  flush(): void {
    if (this.#buffered === 0) return;
    this.#file.writeSync(this.#buffer.subarray(0, this.#buffered), this.#written);
    this.#written += this.#buffered;
    this.#buffered = 0;
  }

  #add(kind: number, compression: number, rawBytes: number, ...payload: readonly Uint8Array[]): number {
    const from = this.position;
    fillEnvelope(this.#header, kind, compression, rawBytes, this.#number, from, ...payload);
    this.addBytes(this.#header);
    for (const part of payload) this.addBytes(part);
    return this.position - from;
  }
}
