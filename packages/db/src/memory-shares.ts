const MIB = 1024 * 1024;

/** Below this the worker alone would leave too little to work with. */
export const MEMORY_BYTES_MIN: number = 32 * MIB;
export const MEMORY_BYTES_DEFAULT: number = 256 * MIB;

/** Bytes that each part of the engine may hold. */
export interface MemoryShares {
  /** Of one memtable; two exist at a time. */
  readonly memtableBytes: number;
  /** Decompressed blocks. */
  readonly blockCacheBytes: number;
  /** Fences and filters of tables. */
  readonly indexBytes: number;
  /** The compaction worker, which takes what it needs: it is counted, not bounded. */
  readonly workerBytes: number;
  /** Writes that wait for the log. */
  readonly inFlightBytes: number;
}

/** A log segment has room for a memtable of this size, and a larger one would only make flushes longer. */
const MEMTABLE_BYTES_MAX = 32 * MIB;
const WORKER_BYTES_MIN = 12 * MIB;
const WORKER_BYTES_MAX = 24 * MIB;
const IN_FLIGHT_BYTES_MIN = 2 * MIB;
const IN_FLIGHT_BYTES_MAX = 12 * MIB;
/** Ten gigabytes of tables, of a hundred million keys, have fences and filters of so much of a gigabyte. */
const INDEX_SHARE = 3 / 32;
const IN_FLIGHT_SHARE = 3 / 64;

/**
 * Divides a budget. Memtables, worker and writes in flight grow with it up to what is of use to them; all that goes beyond
 * holds blocks, and the fences and filters that lead to them.
 */
export function shareMemory(memoryBytes: number): MemoryShares {
  const memtableBytes = wholeWords(Math.min(memoryBytes / 8, MEMTABLE_BYTES_MAX));
  const workerBytes = within(memoryBytes * INDEX_SHARE, WORKER_BYTES_MIN, WORKER_BYTES_MAX);
  const inFlightBytes = within(memoryBytes * IN_FLIGHT_SHARE, IN_FLIGHT_BYTES_MIN, IN_FLIGHT_BYTES_MAX);
  const indexBytes = Math.floor(memoryBytes * INDEX_SHARE);
  const blockCacheBytes = memoryBytes - 2 * memtableBytes - workerBytes - inFlightBytes - indexBytes;
  return { memtableBytes, blockCacheBytes, indexBytes, workerBytes, inFlightBytes };
}

/** An arena is made of pairs of words. */
function wholeWords(bytes: number): number {
  return Math.floor(bytes / 8) * 8;
}

function within(bytes: number, least: number, most: number): number {
  return Math.floor(Math.min(most, Math.max(least, bytes)));
}
