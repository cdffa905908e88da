import { isKvtsError, KvtsError, type Logger } from "@kvts/common";
import type { CommitQueue } from "./commit-queue.ts";
import type { CompactionJob, CompactionResult } from "./compaction/job.ts";
import { dropsRetracts, type Pick, pickCompaction, pickEverything } from "./compaction/picker.ts";
import type { Layers, LiveMemtable } from "./layers.ts";
import type { TableMeta } from "./manifest/table-meta.ts";
import type { VersionSet } from "./manifest/version-set.ts";
import type { Settings } from "./options.ts";
import type { Pins } from "./read/pins.ts";
import type { WriteGate } from "./write-gate.ts";

/** Waits between tries of a job that failed, doubling up to the last. */
const RETRY_MS_FIRST = 100;
const RETRY_MS_MAX = 10_000;

export interface BackgroundStats {
  flushes: number;
  compactions: number;
  moves: number;
  bytesFlushed: number;
  bytesRead: number;
  bytesWritten: number;
  failures: number;
}

/**
 * Flushes frozen memtables and compacts tables: decides what to run, has it run, installs the outcome. At most one flush
 * and one compaction run at a time; a flush takes only what is published.
 */
export class Background {
  readonly stats: BackgroundStats = {
    flushes: 0,
    compactions: 0,
    moves: 0,
    bytesFlushed: 0,
    bytesRead: 0,
    bytesWritten: 0,
    failures: 0,
  };
  readonly #directory: string;
  readonly #settings: Settings;
  readonly #layers: Layers;
  readonly #versions: VersionSet;
  readonly #queue: () => CommitQueue;
  readonly #pins: Pins;
  readonly #gate: WriteGate;
  readonly #logsFreed: (oldestLog: number) => Promise<void>;
  readonly #logger: Logger;
  readonly #resumeKeys: (Uint8Array | undefined)[] = [];
  #flushing: Promise<void> | undefined;
  #compacting: Promise<void> | undefined;
  /** Callers of `compact`, served by the next full merge. */
  #everythingWanted: { resolve(): void; reject(error: unknown): void }[] = [];
  #closed = false;
}
