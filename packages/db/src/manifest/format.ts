/**
 * A manifest is a header and then records, one an edit, each at a multiple of 8 bytes; the first is a snapshot of the
 * whole state. Numbers are little-endian. docs/format.md shows the bytes.
 */
export const MANIFEST_FORMAT_VERSION = 1;

/** "KVTSMANI" */
export const MANIFEST_MAGIC: Uint8Array = new TextEncoder().encode("KVTSMANI");

// Header: magic, format version (u32), zero (u32), manifest number (u64), incarnation (16 bytes), zero (u32), CRC-32 of
// all that (u32).
export const HEADER_CRC_OFFSET = 44;
export const MANIFEST_HEADER_BYTES = 48;

// Record: CRC-32 of the next 12 bytes, going on from the header's (u32); CRC-32 of the payload (u32); payload length
// (u32); how many records precede it (u32); payload: an encoded edit; zeros up to the alignment.
export const RECORD_HEADER_BYTES = 16;
export const RECORD_ALIGNMENT = 8;
