import type { OpenOptions, Tuning } from "../options.ts";
import type { Random } from "./random.ts";

const KIB = 1024;

/** Options for a store, components apart. */
export type StoreSettings = Omit<OpenOptions<"bytes">, "components" | "tuning"> & { readonly tuning: Partial<Tuning> };

/**
 * Settings as small as they can be, so that a few hundred writes go through everything that a large store goes through:
 * a memtable ends with its log segment, a level with a few kilobytes, a manifest with a few edits.
 */
export function tinySettings(random: Random): StoreSettings {
  const compression = random.pick(["none", "lz4", "zstd"] as const);
  return {
    keys: "bytes",
    compression,
    durability: random.chance(0.75) ? "sync" : "buffered",
    memtableBytes: 256 * KIB,
    blockCacheBytes: 64 * KIB,
    stallTimeoutMs: 3_600_000,
    feedBytes: random.pick([0, 20 * KIB, 64 * KIB * KIB]),
    feedAgeMs: random.pick([60_000, 100 * 365 * 24 * 3_600_000]),
    tuning: {
      logSegmentBytes: random.pick([4, 4, 8, 32, 512]) * KIB,
      groupBytesMax: random.pick([1, 2 * KIB, KIB * KIB]),
      pendingBytesMax: random.pick([KIB, 16 * KIB * KIB]),
      frozenMemtablesMax: random.pick([1, 1, 3]),
      level0SlowTables: random.pick([2, 12]),
      level0StallTables: random.pick([3, 24]),
      tables: { tableBytesMax: random.pick([1, KIB, 8 * KIB, 64 * KIB]), compression },
      picker: {
        level0Tables: 2,
        level1BytesMax: random.pick([1, 3, 10, 100]) * KIB,
        levelFactor: random.pick([2, 4]),
        pickBytesMax: random.pick([1, 4 * KIB, KIB * KIB]),
      },
      manifestBytesMax: random.pick([1, 2 * KIB, 4 * KIB * KIB]),
      watchQueueBytesMax: random.pick([1, KIB, KIB * KIB]),
      watchQueuesBytesMax: random.pick([KIB, KIB * KIB]),
      indexBytesMax: random.pick([1, 2 * KIB, KIB * KIB]),
      restoreOperationsMax: random.pick([0, 0, 5, 10_000]),
    },
  };
}
