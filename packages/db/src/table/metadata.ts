import { corruption } from "../format/corruption.ts";
import { ENVELOPE_BYTES, openEnvelope } from "./envelope.ts";
import { Fences } from "./fences.ts";
import { Filter } from "./filter.ts";
import { decodeFooter, FOOTER_BYTES, type Footer, type SectionOffsets, sectionOffsets } from "./footer.ts";
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
  const sections = readSectionsSync(bytes);
  // First of all: the others are bound to the number that they tell.
  const properties = sections.properties();
  return {
    properties,
    filter: sections.filter(),
    fences: sections.fences(),
    dataBytes: sections.footer.dataBytes,
    memoryBytes: sections.bytes.length,
  };
}

/** The sections, none of them looked into yet. @throws CORRUPTION; UNIMPLEMENTED */
export function readSectionsSync(bytes: TableBytes): MetadataSections {
  const tail = tailOf(bytes);
  bytes.readSync(tail, tail.length, bytes.size - tail.length);
  const sections = new MetadataSections(tail, bytes);
  bytes.readSync(sections.bytes, sections.unreadBytes, sections.offsets.filter);
  return sections;
}

/** The sections, none of them looked into yet, without holding the event loop. @throws CORRUPTION; UNIMPLEMENTED */
export async function readSections(bytes: TableBytes): Promise<MetadataSections> {
  const tail = tailOf(bytes);
  await bytes.read(tail, tail.length, bytes.size - tail.length);
  const sections = new MetadataSections(tail, bytes);
  await bytes.read(sections.bytes, sections.unreadBytes, sections.offsets.filter);
  return sections;
}

/** Memory for the end of a table's file. */
function tailOf({ path, size }: TableBytes): Uint8Array {
  if (size < FOOTER_BYTES) throw corruption(path, 0, `a table has at least ${FOOTER_BYTES} bytes, this file ${size}`);
  return new Uint8Array(Math.min(size, TAIL_BYTES));
}

/** Filter, index and properties as they are stored, each opened by itself. */
export class MetadataSections {
  readonly footer: Footer;
  readonly offsets: SectionOffsets;
  /** The file from the filter up to the footer. */
  readonly bytes: Uint8Array;
  /** How many of them, at the start, are still to be read. */
  readonly unreadBytes: number;
  readonly #path: string;
  readonly #file: TableBytes;

  /** @param tail the last bytes of the file. @throws CORRUPTION; UNIMPLEMENTED */
  constructor(tail: Uint8Array, file: TableBytes) {
    const { path, size } = file;
    this.#path = path;
    this.#file = file;
    this.footer = decodeFooter(tail.subarray(tail.length - FOOTER_BYTES), path, size - FOOTER_BYTES);
    this.offsets = sectionOffsets(this.footer);
    const start = this.offsets.filter;
    const tailStart = size - tail.length;
    // Sections begin at multiples of eight in the file, and so in a buffer that begins with one.
    this.bytes = new Uint8Array(this.offsets.footer - start);
    this.unreadBytes = Math.min(Math.max(0, tailStart - start), this.bytes.length);
    this.bytes.set(tail.subarray(Math.max(0, start - tailStart), tail.length - FOOTER_BYTES), this.unreadBytes);
  }

  /** @throws CORRUPTION */
  filter(): Filter {
    const offset = this.offsets.filter;
    const words = this.#words(this.#open(KIND_FILTER, offset, this.footer.filterBytes), offset);
    return Filter.decode(words, this.#path, offset);
  }

  /** @throws CORRUPTION */
  fences(): Fences {
    const offset = this.offsets.index;
    const words = this.#words(this.#open(KIND_INDEX, offset, this.footer.indexBytes), offset);
    return new Fences(words, this.footer.dataBytes, this.#path, offset);
  }

  /** To be read before the others, which are bound to the number that the properties tell. @throws CORRUPTION */
  properties(): TableProperties {
    const offset = this.offsets.properties;
    const bytes = this.#open(KIND_PROPERTIES, offset, this.footer.propertiesBytes);
    const properties = decodeProperties(bytes, this.#path, offset + ENVELOPE_BYTES);
    this.#file.number = properties.fileNumber;
    this.#file.dictionary = properties.dictionary.length > 0 ? properties.dictionary : undefined;
    this.#file.stamp = properties.stamp;
    return properties;
  }

  #open(kind: number, offset: number, length: number): Uint8Array {
    const from = offset - this.offsets.filter;
    return openEnvelope(this.bytes.subarray(from, from + length), kind, this.#path, this.#file.number, offset);
  }

  #words(bytes: Uint8Array, offset: number): Int32Array<ArrayBuffer> {
    if (bytes.length % 4 !== 0) throw corruption(this.#path, offset, "it is no whole number of words");
    return new Int32Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length / 4);
  }
}
