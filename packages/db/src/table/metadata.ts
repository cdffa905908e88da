import { corruption } from "../format/corruption.ts";
import { ENVELOPE_BYTES, openEnvelope } from "./envelope.ts";
import { Fences } from "./fences.ts";
import { Filter } from "./filter.ts";
import { decodeFooter, FOOTER_BYTES, type Footer, type SectionOffsets, sectionOffsets } from "./footer.ts";
import { KIND_FILTER, KIND_INDEX, KIND_PROPERTIES } from "./format.ts";
import { decodeProperties, type TableProperties } from "./properties.ts";
import type { TableBytes } from "./table-bytes.ts";

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

/** All of it. @throws CORRUPTION */
export function metadataOf(sections: MetadataSections): Metadata {
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

/** The end of the file. @throws CORRUPTION; UNIMPLEMENTED for a table of a newer format */
export function readFooterSync(bytes: TableBytes): Footer {
  const end = new Uint8Array(FOOTER_BYTES);
  bytes.readSync(end, FOOTER_BYTES, footerOffset(bytes));
  return decodeFooter(end, bytes.path, footerOffset(bytes));
}

/** {@link readFooterSync} without holding the event loop. */
export async function readFooter(bytes: TableBytes): Promise<Footer> {
  const end = new Uint8Array(FOOTER_BYTES);
  await bytes.read(end, FOOTER_BYTES, footerOffset(bytes));
  return decodeFooter(end, bytes.path, footerOffset(bytes));
}

function footerOffset({ path, size }: TableBytes): number {
  if (size < FOOTER_BYTES) throw corruption(path, 0, `a table has at least ${FOOTER_BYTES} bytes, this file ${size}`);
  return size - FOOTER_BYTES;
}

/** The sections, none of them looked into yet. @throws CORRUPTION; the system's error */
export function readSectionsSync(bytes: TableBytes, footer: Footer): MetadataSections {
  const sections = new MetadataSections(bytes, footer);
  bytes.readSync(sections.bytes, sections.bytes.length, sections.offsets.filter);
  return sections;
}

/** {@link readSectionsSync} without holding the event loop. */
export async function readSections(bytes: TableBytes, footer: Footer): Promise<MetadataSections> {
  const sections = new MetadataSections(bytes, footer);
  await bytes.read(sections.bytes, sections.bytes.length, sections.offsets.filter);
  return sections;
}

/** Filter, index and properties as they are stored, each opened by itself. */
export class MetadataSections {
  readonly footer: Footer;
  readonly offsets: SectionOffsets;
  /** The file from the filter up to the footer. */
  readonly bytes: Uint8Array;
  readonly #path: string;
  readonly #file: TableBytes;

  /** To be read into `bytes`. */
  constructor(file: TableBytes, footer: Footer) {
    this.#path = file.path;
    this.#file = file;
    this.footer = footer;
    this.offsets = sectionOffsets(footer);
    // Sections begin at multiples of eight in the file, and so in a buffer that begins with one.
    this.bytes = new Uint8Array(this.offsets.footer - this.offsets.filter);
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
