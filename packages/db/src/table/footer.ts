import { KvtsError } from "@kvts/common";
import { crc32 } from "../format/checksum.ts";
import { ByteReader, ByteWriter } from "../format/coding.ts";
import { corruption } from "../format/corruption.ts";
import { SECTION_ALIGNMENT, TABLE_FORMAT_VERSION } from "./format.ts";

/**
 * The last bytes of a table file. Their size, and what stands at 32 and behind, is the same in every format version.
 *
 * | offset | size | meaning |
 * |---|---|---|
 * | 0 | 8 | where blocks and extents end |
 * | 8 | 4 | bytes of range tombstones: set aside, 0 |
 * | 12 | 4 | bytes of the filter, with its envelope |
 * | 16 | 4 | bytes of the index |
 * | 20 | 4 | bytes of the properties |
 * | 24 | 8 | zero |
 * | 32 | 4 | format version |
 * | 36 | 4 | CRC-32 of bytes 0–35 |
 * | 40 | 8 | "kvts.sst" |
 */
export const FOOTER_BYTES = 48;

const CRC_OFFSET = 36;
const MAGIC = new TextEncoder().encode("kvts.sst");

export interface Footer {
  /** Where blocks and extents end. */
  readonly dataBytes: number;
  /** Bytes with their envelopes. */
  readonly filterBytes: number;
  readonly indexBytes: number;
  readonly propertiesBytes: number;
}

/** Where each section begins: behind the data, each at a multiple of SECTION_ALIGNMENT. */
export interface SectionOffsets {
  readonly filter: number;
  readonly index: number;
  readonly properties: number;
  readonly footer: number;
}

export function sectionOffsets(footer: Footer): SectionOffsets {
  const filter = aligned(footer.dataBytes);
  const index = aligned(filter + footer.filterBytes);
  const properties = aligned(index + footer.indexBytes);
  return { filter, index, properties, footer: aligned(properties + footer.propertiesBytes) };
}

export function encodeFooter(footer: Footer): Uint8Array {
  const writer = new ByteWriter(FOOTER_BYTES);
  writer.u64(footer.dataBytes);
  writer.u32(0);
  writer.u32(footer.filterBytes);
  writer.u32(footer.indexBytes);
  writer.u32(footer.propertiesBytes);
  writer.u64(0);
  writer.u32(TABLE_FORMAT_VERSION);
  writer.u32(crc32(writer.view()));
  writer.bytes(MAGIC);
  return writer.view();
}

/**
 * @param bytes the last bytes of `file`, which stand at `offset`.
 * @throws CORRUPTION; UNIMPLEMENTED for a table of a newer format.
 */
export function decodeFooter(bytes: Uint8Array, file: string, offset: number): Footer {
  const reader = new ByteReader(bytes, file, offset);
  const dataBytes = reader.u64();
  const rangeTombstonesBytes = reader.u32();
  const filterBytes = reader.u32();
  const indexBytes = reader.u32();
  const propertiesBytes = reader.u32();
  const reserved = reader.u64();
  const version = reader.u32();
  const crc = reader.u32();
  const magic = reader.bytes(MAGIC.length);
  if (!MAGIC.every((byte, i) => byte === magic[i])) throw corruption(file, offset, "it does not end like a table");
  if (crc !== crc32(bytes.subarray(0, CRC_OFFSET)))
    throw corruption(file, offset, "its footer's checksum does not match");
  if (version > TABLE_FORMAT_VERSION || rangeTombstonesBytes !== 0 || reserved !== 0) throw newerFormat(file, version);
  const footer = { dataBytes, filterBytes, indexBytes, propertiesBytes };
  if (version === 0 || sectionOffsets(footer).footer !== offset) {
    throw corruption(file, offset, "its footer contradicts its length");
  }
  return footer;
}

function newerFormat(file: string, version: number): KvtsError {
  return new KvtsError(
    "UNIMPLEMENTED",
    `${file} was written by a newer kvts (table format ${version}, this one reads up to ${TABLE_FORMAT_VERSION}); ` +
      "open the store with that version.",
    { details: { file, version, versionMax: TABLE_FORMAT_VERSION } },
  );
}

function aligned(offset: number): number {
  return Math.ceil(offset / SECTION_ALIGNMENT) * SECTION_ALIGNMENT;
}
