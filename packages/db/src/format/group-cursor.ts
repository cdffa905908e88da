import type { KeyBuffer } from "./key-buffer.ts";
import type { BlockDemand, Lookup, VersionRun } from "./version-run.ts";

/**
 * Walks the distinct keys of one layer in byte order. Movements answer FOUND (on a key), ABSENT (off the end, `valid`
 * is false) or MISS (a block has to be loaded; the position is undefined until the next `seek…`).
 */
export interface GroupCursor<T = unknown> {
  readonly valid: boolean;
  /** The current key, aligned and zero-padded; lent until the cursor moves. */
  readonly keyI32: Int32Array;
  readonly keyWord: number;
  readonly keyLength: number;
  seekFirst(demand: BlockDemand<T>): Lookup;
  seekLast(demand: BlockDemand<T>): Lookup;
  /** To the first key ≥ `key`. */
  seek(key: KeyBuffer, demand: BlockDemand<T>): Lookup;
  /** To the last key < `key`. */
  seekBefore(key: KeyBuffer, demand: BlockDemand<T>): Lookup;
  next(demand: BlockDemand<T>): Lookup;
  previous(demand: BlockDemand<T>): Lookup;
  /** The current key's run that holds its last version with timestamp ≤ the bound; its first run where none is. */
  locate(tsHi: number, tsLo: number, run: VersionRun, demand: BlockDemand<T>): Lookup;
  /** The current key's oldest run. */
  firstRun(run: VersionRun, demand: BlockDemand<T>): Lookup;
  /** The run of the same key that follows `run` (newer versions), or precedes it. */
  nextRun(run: VersionRun, demand: BlockDemand<T>): Lookup;
  previousRun(run: VersionRun, demand: BlockDemand<T>): Lookup;
  /** Gives up what the cursor pins. */
  close(): void;
}
