import { crc32 } from "../format/checksum.ts";
import { corruption } from "../format/corruption.ts";
import { COMPRESSION_NONE, decompress, isCompression } from "./compression.ts";
import { BLOCK_BYTES_MAX, KIND_BLOCK, KIND_PROPERTIES } from "./format.ts";

const TWO32 = 4294967296;

/**
 * What every structure in a table but the footer is wrapped in.
 *
 * | offset | size | meaning |
 * |---|---|---|
 * | 0 | 4 | CRC-32 of everything from offset 4 to the payload's end, XORed with placeMask |
 * | 4 | 1 | compression id; of a block, it is that of its body (packed-block.ts) |
 * | 5 | 1 | kind (format.ts) |
 * | 6 | 2 | zero |
 * | 8 | 4 | stored bytes: the payload's length |
 * | 12 | 4 | raw bytes: its length when decompressed; of a block, the bytes that it takes in memory |
 * | 16 | | payload |
 */
export const ENVELOPE_BYTES = 16;

/** What is compressed is never larger than this; what is not has no limit. Blocks have one of their own. */
const COMPRESSED_RAW_BYTES_MAX = 1024 * 1024;

/** Writes the bytes that precede a payload, given in parts, into `header`. It will stand at `offset` of table `number`. */
export function fillEnvelope(
  header: Uint8Array<ArrayBuffer>,
  kind: number,
  compression: number,
  rawBytes: number,
  number: number,
  offset: number,
  ...payload: readonly Uint8Array[]
): void {
  const view = new DataView(header.buffer, header.byteOffset, ENVELOPE_BYTES);
  view.setUint8(4, compression);
  view.setUint8(5, kind);
  view.setUint16(6, 0);
  view.setUint32(
    8,
    payload.reduce((bytes, part) => bytes + part.length, 0),
    true,
  );
  view.setUint32(12, rawBytes, true);
  const crc = payload.reduce((before, part) => crc32(part, before), crc32(header.subarray(4, ENVELOPE_BYTES)));
  view.setUint32(0, crc ^ placeMask(kind, number, offset), true);
}

/** Binds an envelope that was whole at `offset` of table `number` to another place, without looking at its payload. */
export function moveEnvelope(
  envelope: Uint8Array,
  number: number,
  offset: number,
  toNumber: number,
  toOffset: number,
): void {
  const kind = envelope[5]!;
  const view = new DataView(envelope.buffer, envelope.byteOffset, ENVELOPE_BYTES);
  const mask = placeMask(kind, number, offset) ^ placeMask(kind, toNumber, toOffset);
  view.setUint32(0, view.getUint32(0, true) ^ mask, true);
}

/** The payload's length as an envelope's header has it, unchecked. */
export function storedBytesAt(header: Uint8Array): number {
  return u32At(header, 8);
}

/** The compression id as an envelope's header has it. */
export function compressionAt(header: Uint8Array): number {
  return header[4]!;
}

/**
 * Checks an envelope that should fill `bytes` exactly, and gives its payload, decompressed: a view of `bytes` where it
 * was not compressed, else good until anything is compressed or decompressed again. For all kinds but blocks, which are
 * packed too (block-unpacker.ts).
 * @param offset where in `file`, which is table `number`, the envelope begins.
 * @throws CORRUPTION
 */
export function openEnvelope(
  bytes: Uint8Array,
  kind: number,
  file: string,
  number: number,
  offset: number,
): Uint8Array {
  const rawBytes = checkEnvelope(bytes, kind, file, number, offset);
  const compression = bytes[4]!;
  if (compression === COMPRESSION_NONE) return bytes.subarray(ENVELOPE_BYTES);
  const raw = decompress(compression, bytes.subarray(ENVELOPE_BYTES), rawBytes);
  if (raw?.length !== rawBytes) throw corruption(file, offset, "what was compressed there cannot be decompressed");
  return raw;
}

/** The checks of {@link openEnvelope} without decompressing. Returns the raw length. @throws CORRUPTION */
export function checkEnvelope(bytes: Uint8Array, kind: number, file: string, number: number, offset: number): number {
  const fail = (problem: string) => corruption(file, offset, problem);
  const storedBytes = bytes.length - ENVELOPE_BYTES;
  if (storedBytes < 0 || u32At(bytes, 8) !== storedBytes) throw fail("what is there has another length than recorded");
  const mask = placeMask(bytes[5]!, number, offset);
  if ((u32At(bytes, 0) ^ mask) >>> 0 !== crc32(bytes.subarray(4))) throw fail("its checksum does not match");
  if (bytes[5] !== kind) throw fail(`something of kind ${bytes[5]} is there instead of kind ${kind}`);
  if (!isCompression(bytes[4]!) || bytes[6] !== 0 || bytes[7] !== 0) throw fail("it has a form that is not known");
  const rawBytes = u32At(bytes, 12);
  if (!mayHave(rawBytes, kind, bytes[4]!, storedBytes)) throw fail("its lengths contradict");
  return rawBytes;
}

function mayHave(rawBytes: number, kind: number, compression: number, storedBytes: number): boolean {
  if (kind === KIND_BLOCK) return rawBytes <= BLOCK_BYTES_MAX && rawBytes % 4 === 0;
  return compression === COMPRESSION_NONE ? rawBytes === storedBytes : rawBytes <= COMPRESSED_RAW_BYTES_MAX;
}

/**
 * What the checksum of an envelope at `offset` of table `number` is XORed with: another word at every other place. A
 * block or chunk that a disk or a program has put elsewhere then fails there, though not a bit of it is wrong.
 * Properties tell the number themselves, so they are bound to their offset alone. The words are mixed as MurmurHash3 does.
 */
export function placeMask(kind: number, number: number, offset: number): number {
  const bound = kind === KIND_PROPERTIES ? 0 : number;
  let mask = mixed(0, bound);
  mask = mixed(mask, bound / TWO32);
  mask = mixed(mask, offset);
  mask = mixed(mask, offset / TWO32);
  mask = Math.imul(mask ^ (mask >>> 16), 0x85ebca6b);
  mask = Math.imul(mask ^ (mask >>> 13), 0xc2b2ae35);
  return (mask ^ (mask >>> 16)) >>> 0;
}

/** One round, with `n` modulo 2^32. */
function mixed(hash: number, n: number): number {
  let k = Math.imul(n >>> 0, 0xcc9e2d51);
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  const h = hash ^ k;
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

function u32At(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}
