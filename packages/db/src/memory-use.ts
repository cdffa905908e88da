import type { StatValue } from "@kvts/common";
import type { CommitQueue } from "./commit/commit-queue.ts";
import type { Recovered } from "./recovered.ts";

export interface MemoryUseSources extends Pick<Recovered, "layers" | "tables" | "settings"> {
  readonly queue: CommitQueue;
}

/** What each part of the engine holds of its share of the budget; for `stats`. */
export function memoryUse({ layers, tables, settings, queue }: MemoryUseSources): StatValue {
  const { memory, memoryBytes, tuning, components } = settings;
  const memtables = [layers.active, ...layers.frozen.map((live) => live.memtable)];
  return {
    bytesMax: memoryBytes,
    memtables: {
      bytes: memtables.reduce((sum, memtable) => sum + memtable.bytesUsed, 0),
      bytesMax: 2 * memory.memtableBytes,
    },
    blocks: { bytes: tables.cacheStats().bytes, bytesMax: memory.blockCacheBytes },
    indexes: { ...tables.indexStats() },
    worker: { bytes: components.runner.heldBytes ?? 0, bytesMax: memory.workerBytes },
    inFlight: { bytes: queue.pendingBytes, bytesMax: tuning.pendingBytesMax },
  };
}
