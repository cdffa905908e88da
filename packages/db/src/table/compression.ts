import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { loadNativePackage } from "../env/native-package.ts";

/** How blocks and extents of a table are compressed; what gains too little is stored as it is. */
export type Compression = "none" | "lz4" | "zstd";

// Compression ids on disk.
export const COMPRESSION_NONE = 0;
/** One LZ4 block, without a frame. */
export const COMPRESSION_LZ4 = 1;
/** One Zstandard frame. */
export const COMPRESSION_ZSTD = 2;

const ZSTD_LEVEL = 3;
/** What saves less than this share of the raw bytes is not worth decompressing. */
const SAVED_SHARE_MIN = 1 / 8;
/** The compressor puts the raw length in front of an LZ4 block; on disk the envelope has it already. */
const LZ4_LENGTH_BYTES = 4;

interface Lz4 {
  compressSync(data: Buffer, dictionary?: Buffer): Buffer;
  uncompressSync(data: Uint8Array, dictionary?: Uint8Array): Buffer;
}

let lz4: Lz4 | undefined;

/**
 * The native LZ4 compressor. Loading it takes about 15 ms, so that waits for the first block that needs it, or for
 * whoever wants to know early.
 * @throws UNIMPLEMENTED where this platform has none.
 */
export function loadLz4(): Lz4 {
  lz4 ??= loadNativePackage("lz4-napi") as Lz4;
  return lz4;
}

export function isCompression(id: number): boolean {
  return id === COMPRESSION_NONE || id === COMPRESSION_LZ4 || id === COMPRESSION_ZSTD;
}

export function compressionId(compression: Compression): number {
  if (compression === "none") return COMPRESSION_NONE;
  return compression === "lz4" ? COMPRESSION_LZ4 : COMPRESSION_ZSTD;
}

export function compressionName(id: number): Compression {
  if (id === COMPRESSION_NONE) return "none";
  return id === COMPRESSION_LZ4 ? "lz4" : "zstd";
}

/**
 * `raw` compressed, or undefined where that saves too little.
 * @param dictionary what LZ4 may refer to as if it stood before `raw`; {@link decompress} needs the same.
 */
export function compress(id: number, raw: Uint8Array<ArrayBuffer>, dictionary?: Uint8Array): Uint8Array | undefined {
  if (id === COMPRESSION_NONE) return undefined;
  const stored = id === COMPRESSION_LZ4 ? compressLz4(raw, dictionary) : compressZstd(raw);
  return stored.length <= raw.length * (1 - SAVED_SHARE_MIN) ? stored : undefined;
}

/**
 * Decompresses what lies in `bytes` from `offset` to the end; undefined where it cannot be decompressed. No more than
 * `rawBytes` come out of it. The four bytes before `offset` may be overwritten: LZ4 is to be told there what comes out.
 */
export function decompress(
  id: number,
  bytes: Uint8Array,
  offset: number,
  rawBytes: number,
  dictionary?: Uint8Array,
): Uint8Array | undefined {
  const native = id === COMPRESSION_LZ4 ? loadLz4() : undefined;
  try {
    if (native !== undefined) {
      for (let i = 0; i < LZ4_LENGTH_BYTES; i++) bytes[offset - LZ4_LENGTH_BYTES + i] = rawBytes >>> (i * 8);
      return native.uncompressSync(bytes.subarray(offset - LZ4_LENGTH_BYTES), dictionary);
    }
    return zstdDecompressSync(bytes.subarray(offset), { maxOutputLength: rawBytes });
  } catch {
    // The decompressors say nothing more than that; the caller knows the file and reports CORRUPTION.
    return undefined;
  }
}

function compressLz4(raw: Uint8Array<ArrayBuffer>, dictionary: Uint8Array | undefined): Uint8Array {
  return loadLz4()
    .compressSync(bufferOf(raw), dictionary && bufferOf(dictionary))
    .subarray(LZ4_LENGTH_BYTES);
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}

function compressZstd(raw: Uint8Array<ArrayBuffer>): Uint8Array {
  return zstdCompressSync(raw, { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } });
}
