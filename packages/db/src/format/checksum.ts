// As node-file-system.ts asks for node:fs.
const zlib: typeof import("node:zlib") = process.getBuiltinModule("node:zlib");
const { crc32: zlibCrc32 } = zlib;

/**
 * CRC-32 (IEEE 802.3, as in zlib) of `bytes`, unsigned.
 * @param seed the checksum of what precedes `bytes`, to go on from it.
 */
export function crc32(bytes: Uint8Array, seed = 0): number {
  return zlibCrc32(bytes, seed);
}
