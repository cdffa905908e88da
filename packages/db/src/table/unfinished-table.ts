import type { WritableFile } from "../env/file-system.ts";
import type { Compression } from "./compression.ts";
import { encodeFooter } from "./footer.ts";
import { KIND_PROPERTIES, SECTION_ALIGNMENT } from "./format.ts";
import { encodeProperties, type TableContents, type TableProperties, type TableProvenance } from "./properties.ts";
import { type Stamp, stampContents } from "./stamp.ts";
import { TableOutput } from "./table-output.ts";

/** Properties and footer of most tables; larger ones go out in more than one write. */
const TAIL_BYTES = 4 * 1024;

/** A table but for its properties and footer. */
export interface TableBody {
  readonly fileNumber: number;
  readonly level: number;
  readonly compression: Compression;
  readonly dictionary: Uint8Array;
  readonly contents: TableContents;
  /** Bytes with their envelopes; the first, where blocks and extents end. */
  readonly dataBytes: number;
  readonly filterBytes: number;
  readonly indexBytes: number;
}

/** A table that lacks nothing but its properties and footer: it means nothing to anybody until it has them. */
export class UnfinishedTable {
  readonly #file: WritableFile;
  readonly #body: TableBody;
  #fileBytes: number;

  /** @param position bytes of the file so far, all of them handed to the operating system. */
  constructor(file: WritableFile, body: TableBody, position: number) {
    this.#file = file;
    this.#body = body;
    this.#fileBytes = position;
  }

  /** Bytes of the file so far. */
  get fileBytes(): number {
    return this.#fileBytes;
  }

  /** Writes what is missing, at once; syncing and closing the file are the caller's. */
  finish(provenance: TableProvenance, stamp?: Stamp): TableProperties {
    const { dataBytes, filterBytes, indexBytes, contents, ...body } = this.#body;
    const stamped = stamp === undefined ? contents : stampContents(contents, stamp);
    const properties = { ...body, ...stamped, provenance, ...(stamp && { stamp }) };
    const output = new TableOutput(this.#file, body.fileNumber, "none", this.#fileBytes, TAIL_BYTES);
    output.align(SECTION_ALIGNMENT);
    const propertiesBytes = output.addPlain(KIND_PROPERTIES, encodeProperties(properties));
    output.align(SECTION_ALIGNMENT);
    output.addBytes(encodeFooter({ dataBytes, filterBytes, indexBytes, propertiesBytes }));
    output.flush();
    this.#fileBytes = output.position;
    return properties;
  }
}
