import { crc32 } from "../format/checksum.ts";
import { corruption } from "../format/corruption.ts";
import { COMPRESSION_NONE, decompress, isCompression } from "./compression.ts";

/**
 * What every structure in a table but the footer is wrapped in.
 *
 * | offset | size | meaning |
 * |---|---|---|
 * | 0 | 4 | CRC-32 of everything from offset 4 to the payload's end |
 * | 4 | 1 | compression id |
 * | 5 | 1 | kind (format.ts) |
 * | 6 | 2 | zero |
 * | 8 | 4 | stored bytes: the payload's length |
 * | 12 | 4 | raw bytes: its length when decompressed |
 * | 16 | | payload |
 */
export const ENVELOPE_BYTES = 16;

/** What is compressed is never larger than this; what is not has no limit. */
const COMPRESSED_RAW_BYTES_MAX = 1024 * 1024;

/** Writes the bytes that precede `payload` into `header`. */
export function fillEnvelope(
  header: Uint8Array<ArrayBuffer>,
  kind: number,
  compression: number,
  rawBytes: number,
  payload: Uint8Array,
): void {
  const view = new DataView(header.buffer, header.byteOffset, ENVELOPE_BYTES);
  view.setUint8(4, compression);
  view.setUint8(5, kind);
  view.setUint16(6, 0);
  view.setUint32(8, payload.length, true);
  view.setUint32(12, rawBytes, true);
  view.setUint32(0, crc32(payload, crc32(header.subarray(4, ENVELOPE_BYTES))), true);
}

/** The payload's length as an envelope's header has it, unchecked. */
export function storedBytesAt(header: Uint8Array): number {
  return u32At(header, 8);
}

/**
 * Checks an envelope that should fill `bytes` exactly, and gives its payload, decompressed: a view of `bytes` where it
 * was not compressed.
 * @param offset where in `file` the envelope begins.
 * @throws CORRUPTION
 */
export function openEnvelope(bytes: Uint8Array, kind: number, file: string, offset: number): Uint8Array {
  const rawBytes = checkEnvelope(bytes, kind, file, offset);
  const compression = bytes[4]!;
  if (compression === COMPRESSION_NONE) return bytes.subarray(ENVELOPE_BYTES);
  const raw = decompress(compression, bytes, ENVELOPE_BYTES, rawBytes);
  if (raw?.length !== rawBytes) throw corruption(file, offset, "what was compressed there cannot be decompressed");
  return raw;
}

/** The checks of {@link openEnvelope} without decompressing. Returns the raw length. @throws CORRUPTION */
export function checkEnvelope(bytes: Uint8Array, kind: number, file: string, offset: number): number {
  const fail = (problem: string) => corruption(file, offset, problem);
  const storedBytes = bytes.length - ENVELOPE_BYTES;
  if (storedBytes < 0 || u32At(bytes, 8) !== storedBytes) throw fail("what is there has another length than recorded");
  if (u32At(bytes, 0) !== crc32(bytes.subarray(4))) throw fail("its checksum does not match");
  if (bytes[5] !== kind) throw fail(`something of kind ${bytes[5]} is there instead of kind ${kind}`);
  if (!isCompression(bytes[4]!) || bytes[6] !== 0 || bytes[7] !== 0) throw fail("it has a form that is not known");
  const rawBytes = u32At(bytes, 12);
  const compressed = bytes[4] !== COMPRESSION_NONE;
  if (compressed ? rawBytes > COMPRESSED_RAW_BYTES_MAX : rawBytes !== storedBytes) throw fail("its lengths contradict");
  return rawBytes;
}

function u32At(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}
