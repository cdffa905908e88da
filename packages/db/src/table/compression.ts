import { Lz4 } from "./lz4.ts";

// As node-file-system.ts asks for node:fs.
const zlib: typeof import("node:zlib") = process.getBuiltinModule("node:zlib");
const { constants, zstdCompressSync, zstdDecompressSync } = zlib;

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
let lz4: Lz4 | undefined;

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
 * `raw` compressed, or undefined where that saves too little. Good until the next call of this or {@link decompress}.
 * @param dictionary what LZ4 may refer to as if it stood before `raw`; {@link decompress} needs the same.
 */
export function compress(id: number, raw: Uint8Array, dictionary?: Uint8Array): Uint8Array | undefined {
  if (id === COMPRESSION_NONE) return undefined;
  const stored = id === COMPRESSION_LZ4 ? loadLz4().compress(raw, dictionary) : compressZstd(raw);
  return stored.length <= raw.length * (1 - SAVED_SHARE_MIN) ? stored : undefined;
}

/**
 * `stored` decompressed, good until the next call of this or {@link compress}; undefined where it cannot be decompressed.
 * No more than `rawBytes` come out of it.
 */
export function decompress(
  id: number,
  stored: Uint8Array,
  rawBytes: number,
  dictionary?: Uint8Array,
): Uint8Array | undefined {
  if (id === COMPRESSION_LZ4) return loadLz4().decompress(stored, rawBytes, dictionary);
  try {
    return zstdDecompressSync(stored, { maxOutputLength: rawBytes });
  } catch {
    // It says nothing more than that; the caller knows the file and reports CORRUPTION.
    return undefined;
  }
}

/** Made for the first block that needs it: a store may have none. */
function loadLz4(): Lz4 {
  lz4 ??= new Lz4();
  return lz4;
}

function compressZstd(raw: Uint8Array): Uint8Array {
  return zstdCompressSync(raw, { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } });
}
