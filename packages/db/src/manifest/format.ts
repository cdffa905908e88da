/**
 * A manifest is a header and then records, one an edit; docs/format.md shows the bytes.
 *
 * Header: the magic (8 bytes), format version (u32), CRC-32 of those 12 bytes (u32).
 * Record: CRC-32 (u32) of all that follows it in the record, payload length (u32), payload: an encoded edit.
 */
export const MANIFEST_MAGIC: Uint8Array = new TextEncoder().encode("KVTSMANI");
export const MANIFEST_FORMAT_VERSION = 1;
export const MANIFEST_HEADER_BYTES = 16;
export const RECORD_HEADER_BYTES = 8;
