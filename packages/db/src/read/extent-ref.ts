import { META, META_EXPIRES, META_LENGTH_SHIFT, POINTER, VERSION_WORDS } from "../format/version-record.ts";
import type { VersionRun } from "../format/version-run.ts";
import { Memtable } from "../memtable/memtable.ts";
import type { Layer } from "./view.ts";

/** A value that lies outside arenas and blocks, to be read once the synchronous stretch is over. */
export interface ExtentRef {
  readonly length: number;
  readSync(): Uint8Array;
  /** The same without holding the event loop. The layer's view must be held until it resolves. */
  read(): Promise<Uint8Array>;
}

/** Copied from memory in one go, about half a millisecond's work. */
const COPY_BYTES_MAX = 4 * 1024 * 1024;

/** The extent that record `index` of `run` points at. Stays valid after the run, as long as the layer does. */
export function extentOf(layer: Layer, run: VersionRun, index: number, nextTurn: () => Promise<void>): ExtentRef {
  if (!(layer instanceof Memtable)) return layer.extentAt(run, index);
  const at = run.first + index * VERSION_WORDS;
  const meta = run.i32[at + META]!;
  const descriptor = run.base + run.i32[at + POINTER]! + ((meta & META_EXPIRES) === 0 ? 0 : 8);
  const length = meta >>> META_LENGTH_SHIFT;
  return {
    length,
    readSync() {
      const value = new Uint8Array(length);
      layer.readExtent(descriptor, length, 0, value);
      return value;
    },
    async read() {
      const value = new Uint8Array(length);
      for (let from = 0; from < length; from += COPY_BYTES_MAX) {
        if (from > 0) await nextTurn();
        layer.readExtent(descriptor, length, from, value.subarray(from, from + COPY_BYTES_MAX));
      }
      return value;
    },
  };
}
