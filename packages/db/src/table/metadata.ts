import { corruption } from "../format/corruption.ts";
import { ENVELOPE_BYTES, openEnvelope } from "./envelope.ts";
import { Fences } from "./fences.ts";
import { Filter } from "./filter.ts";
import { decodeFooter, FOOTER_BYTES, sectionOffsets } from "./footer.ts";
import { KIND_FILTER, KIND_INDEX, KIND_PROPERTIES } from "./format.ts";
import { decodeProperties, type TableProperties } from "./properties.ts";
import type { TableBytes } from "./table-bytes.ts";

/** Read from the end of the file in one go: enough for the metadata of a small table, and the footer of any. */
const TAIL_BYTES = 16 * 1024;

/** What a table keeps in memory. */
export interface Metadata {
  readonly properties: TableProperties;
  readonly filter: Filter;
  readonly fences: Fences;
  /** Where blocks and extents end. */
  readonly dataBytes: number;
  /** Bytes of memory that filter and fences take. */
  readonly memoryBytes: number;
}

/** Reads everything behind the data, in two reads at most. @throws CORRUPTION; UNIMPLEMENTED for a newer format. */
export function readMetadata(bytes: TableBytes): Metadata {
  const { path, size } = bytes;
  if (size < FOOTER_BYTES) throw corruption(path, 0, `a table has at least ${FOOTER_BYTES} bytes, this file ${size}`);
  const tailBytes = Math.min(size, TAIL_BYTES);
  const tail = new Uint8Array(tailBytes);
  bytes.readSync(tail, tailBytes, size - tailBytes);
  const footer = decodeFooter(tail.subarray(tailBytes - FOOTER_BYTES), path, size - FOOTER_BYTES);
  const offsets = sectionOffsets(footer);
  const start = offsets.filter;
  // Sections begin at multiples of eight in the file, and so in a buffer that begins with one.
  const sections = new Uint8Array(offsets.footer - start);
  const unread = Math.max(0, size - tailBytes - start);
  bytes.readSync(sections, Math.min(unread, sections.length), start);
  sections.set(tail.subarray(Math.max(0, start - (size - tailBytes)), tailBytes - FOOTER_BYTES), unread);
  const open = (kind: number, offset: number, length: number) =>
    openEnvelope(sections.subarray(offset - start, offset - start + length), kind, path, offset);
  const filter = open(KIND_FILTER, offsets.filter, footer.filterBytes);
  const index = open(KIND_INDEX, offsets.index, footer.indexBytes);
  const properties = open(KIND_PROPERTIES, offsets.properties, footer.propertiesBytes);
  return {
    properties: decodeProperties(properties, path, offsets.properties + ENVELOPE_BYTES),
    filter: Filter.decode(wordsOf(filter, path, offsets.filter), path, offsets.filter),
    fences: new Fences(wordsOf(index, path, offsets.index), footer.dataBytes, path, offsets.index),
    dataBytes: footer.dataBytes,
    memoryBytes: sections.length,
  };
}

function wordsOf(bytes: Uint8Array, path: string, offset: number): Int32Array<ArrayBuffer> {
  if (bytes.length % 4 !== 0) throw corruption(path, offset, "it is no whole number of words");
  return new Int32Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length / 4);
}
