import { systemScheduler } from "../env/scheduler.ts";
import type { VersionRun } from "../format/version-run.ts";
import { Memtable } from "../memtable/memtable.ts";
import type { MemoryExtent } from "../table/extent.ts";
import type { Layer } from "./view.ts";

/** A value that lies outside arenas and blocks, to be read once the synchronous stretch is over. */
export interface ExtentRef {
  readonly length: number;
  readSync(): Uint8Array;
  /** The same without holding the event loop. The layer's view must be held until it resolves. */
  read(): Promise<Uint8Array>;
}

/** The extent that record `index` of `run` points at. Stays valid after the run, as long as the layer does. */
export function extentOf(layer: Layer, run: VersionRun, index: number): ExtentRef {
  return layer instanceof Memtable ? new ArenaExtent(layer.extentAt(run, index)) : layer.extentAt(run, index);
}

/** Copied from memory in one go: about half a millisecond's work. */
const COPY_BYTES_MAX = 4 * 1024 * 1024;

class ArenaExtent implements ExtentRef {
  readonly length: number;
  readonly #extent: MemoryExtent;

  constructor(extent: MemoryExtent) {
    this.length = extent.length;
    this.#extent = extent;
  }

  readSync(): Uint8Array {
    const value = new Uint8Array(this.length);
    this.#extent.copyTo(value, 0);
    return value;
  }

  async read(): Promise<Uint8Array> {
    const value = new Uint8Array(this.length);
    for (let from = 0; from < this.length; from += COPY_BYTES_MAX) {
      if (from > 0) await systemScheduler.nextTurn();
      this.#extent.copyTo(value.subarray(from, from + COPY_BYTES_MAX), from);
    }
    return value;
  }
}
