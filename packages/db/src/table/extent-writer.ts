import type { VersionRun } from "../format/version-run.ts";
import { type ExtentSource, type MemoryExtent, TableExtent } from "./extent.ts";
import { EXTENT_CHUNK_BYTES, KIND_EXTENT } from "./format.ts";
import type { TableOutput } from "./table-output.ts";
import type { WordList } from "./word-list.ts";

const TWO32 = 4294967296;

/** Writes extents between the blocks of a table, ahead of the block whose record points at them. */
export class ExtentWriter {
  readonly #output: TableOutput;
  #chunk: Uint8Array<ArrayBuffer> | undefined;
  /** Bytes of extents so far, envelopes included. */
  storedBytes = 0;

  constructor(output: TableOutput) {
    this.#output = output;
  }

  /** Writes the extent of a record and adds its descriptor to `values`. Chunks of another table are copied as they are. */
  write(source: ExtentSource, run: VersionRun, index: number, values: WordList): void {
    const position = this.#output.position;
    const extent = source.extentAt(run, index);
    if (extent instanceof TableExtent) {
      extent.copySync((envelope, number, offset) => this.#output.addMoved(envelope, number, offset));
    } else this.#writeValue(extent);
    const storedBytes = this.#output.position - position;
    this.storedBytes += storedBytes;
    values.push(position >>> 0);
    values.push((position / TWO32) | 0);
    values.push(storedBytes);
  }

  #writeValue(extent: MemoryExtent): void {
    // Copied, since it may lie in shared memory, which neither compressors nor file systems take.
    this.#chunk ??= new Uint8Array(EXTENT_CHUNK_BYTES);
    for (let from = 0; from < extent.length; from += EXTENT_CHUNK_BYTES) {
      const chunk = this.#chunk.subarray(0, Math.min(EXTENT_CHUNK_BYTES, extent.length - from));
      extent.copyTo(chunk, from);
      this.#output.addCompressed(KIND_EXTENT, chunk);
    }
  }
}
