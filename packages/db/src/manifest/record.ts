import { crc32 } from "../format/checksum.ts";
import { ByteReader, ByteWriter } from "../format/coding.ts";
import { corruption, writtenByNewerVersion } from "../format/corruption.ts";
import { incarnationBytes } from "../format/incarnation.ts";
import {
  HEADER_CRC_OFFSET,
  MANIFEST_FORMAT_VERSION,
  MANIFEST_HEADER_BYTES,
  MANIFEST_MAGIC,
  RECORD_ALIGNMENT,
  RECORD_HEADER_BYTES,
} from "./format.ts";

/** The header of manifest `number`; `incarnation` is 32 hex digits. */
export function encodeManifestHeader(number: number, incarnation: string): Uint8Array {
  const out = new ByteWriter(MANIFEST_HEADER_BYTES);
  out.bytes(MANIFEST_MAGIC);
  out.u32(MANIFEST_FORMAT_VERSION);
  out.u32(0);
  out.u64(number);
  out.bytes(incarnationBytes(incarnation));
  out.u32(0);
  out.u32(crc32(out.view()));
  return new Uint8Array(out.view());
}

/** Checks a header. Returns what the records' checksums go on from. @throws CORRUPTION */
export function checkManifestHeader(bytes: Uint8Array, number: number, file: string): number {
  const reader = new ByteReader(bytes, file);
  const magic = reader.bytes(MANIFEST_MAGIC.length);
  if (!magic.every((byte, at) => byte === MANIFEST_MAGIC[at]))
    throw corruption(file, 0, "it does not begin as a manifest");
  const version = reader.u32();
  reader.u32();
  const at = reader.position;
  const low = reader.u32();
  const high = reader.u32();
  reader.bytes(HEADER_CRC_OFFSET - reader.position);
  const checksum = reader.u32();
  if (checksum !== crc32(bytes.subarray(0, HEADER_CRC_OFFSET))) {
    throw corruption(file, 0, "the checksum of its header does not match");
  }
  if (version !== MANIFEST_FORMAT_VERSION) {
    throw writtenByNewerVersion(file, MANIFEST_MAGIC.length, `manifest format ${version}`);
  }
  const named = high * 2 ** 32 + low;
  if (named !== number) throw corruption(file, at, `it is manifest ${named} under another name`);
  return checksum;
}

/** A record with `payload`, the `index`th of its file. `seed` is the header's checksum. */
export function encodeRecord(payload: Uint8Array, index: number, seed: number): Uint8Array {
  const out = new ByteWriter(RECORD_HEADER_BYTES + payload.length + RECORD_ALIGNMENT);
  out.u32(0);
  out.u32(crc32(payload));
  out.u32(payload.length);
  out.u32(index);
  out.setU32(0, crc32(out.view().subarray(4), seed));
  out.bytes(payload);
  out.align(RECORD_ALIGNMENT);
  return out.view();
}

/** The index of the record whose header stands at `offset`; undefined where none does. */
export function recordIndexAt(view: DataView, bytes: Uint8Array, offset: number, seed: number): number | undefined {
  if (offset + RECORD_HEADER_BYTES > bytes.length) return undefined;
  // Cheap checks first: this is asked of every place behind damage. No record is empty, and none goes beyond the file.
  const length = view.getUint32(offset + 8, true);
  if (length === 0 || length > bytes.length) return undefined;
  const checksum = view.getUint32(offset, true);
  if (checksum !== crc32(bytes.subarray(offset + 4, offset + RECORD_HEADER_BYTES), seed)) return undefined;
  return view.getUint32(offset + 12, true);
}

/** The payload of the record whose header stands at `offset`; undefined where it is not whole. */
export function recordPayloadAt(view: DataView, bytes: Uint8Array, offset: number): Uint8Array | undefined {
  const start = offset + RECORD_HEADER_BYTES;
  const end = start + view.getUint32(offset + 8, true);
  if (end > bytes.length) return undefined;
  const payload = bytes.subarray(start, end);
  return view.getUint32(offset + 4, true) === crc32(payload) ? payload : undefined;
}

export function alignRecord(bytes: number): number {
  return Math.ceil(bytes / RECORD_ALIGNMENT) * RECORD_ALIGNMENT;
}
