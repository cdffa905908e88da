import { type Clock, invalidArgument, type Logger, limits, silentLogger, systemClock } from "@kvts/common";
import type { CompactionRunner, TableSettings } from "./compaction/job.ts";
import type { PickerSettings } from "./compaction/picker.ts";
import { WorkerRunner } from "./compaction/runner.ts";
import type { FileSystem } from "./env/file-system.ts";
import { type LoopDelay, systemLoopDelay } from "./env/loop-delay.ts";
import { nodeFileSystem } from "./env/node-file-system.ts";
import { systemRandomBytes } from "./env/random.ts";
import { type Scheduler, systemScheduler } from "./env/scheduler.ts";
import { MEMORY_BYTES_DEFAULT, MEMORY_BYTES_MIN, type MemoryShares, shareMemory } from "./memory-shares.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const FEED_AGE_MS_DEFAULT = 7 * 24 * 3600 * 1000;

export interface OpenOptions<F extends "string" | "bytes" = "string" | "bytes"> {
  /** The form in which keys are given back. Default `"string"`. */
  readonly keys?: F;
  /**
   * When a write is acknowledged: `"sync"` (default), once it is on disk; `"buffered"`, once the operating system has
   * it (it survives a killed process, not a power cut).
   */
  readonly durability?: "sync" | "buffered";
  /** Whether an empty or missing directory becomes a new store. Default true. */
  readonly createIfMissing?: boolean;
  /** Open although the clock stands more than an hour from the last run's. For one boot with a bad clock. */
  readonly acceptClock?: boolean;
  /**
   * Bytes of memory that the store may hold, all together: memtables, blocks of tables and what leads to them, the worker
   * and writes under way. Default 256 MiB, at least 32 MiB.
   */
  readonly memoryBytes?: number;
  /** Bytes a memtable holds before it is flushed, in place of its share of `memoryBytes`. 256 KiB to 1 GiB. */
  readonly memtableBytes?: number;
  /** Bytes of decompressed blocks kept in memory, in place of their share of `memoryBytes`. At least 64 KiB. */
  readonly blockCacheBytes?: number;
  /**
   * Room kept on the disk, in bytes, so that flushes and merges go on when it is full; 0 for none. It is taken once the
   * tables take four times as much. Default 64 MiB.
   */
  readonly reserveBytes?: number;
  /**
   * Bytes of log kept for the change feed after memory needs them no more, so that a watch may go on from an earlier seq;
   * 0 for none: then it goes back as far as memory does. Default 0.
   */
  readonly feedBytes?: number;
  /** Milliseconds that such log is kept at most. Default 7 days. */
  readonly feedAgeMs?: number;
  /** How long a write waits for compaction to catch up before it fails with UNAVAILABLE. Default 10,000. */
  readonly stallTimeoutMs?: number;
  /** How blocks of tables are compressed. Default `"lz4"`. */
  readonly compression?: "none" | "lz4" | "zstd";
  /** Bytes a second at which tables are read again in the background, to find damage early. Default 0: not at all. */
  readonly scrubBytesPerSecond?: number;
  readonly logger?: Logger;
  /** For tests and unusual hosts: sizes and parts of the machinery. */
  readonly tuning?: Partial<Tuning>;
  readonly components?: Partial<Components>;
}

/** Sizes that decide how the engine works, never what it answers. */
export interface Tuning {
  /** Preallocated log segments. 64 MiB: room for any 32 MiB memtable, so a segment ends with its memtable. */
  readonly logSegmentBytes: number;
  /** A commit group takes no further write beyond this; 1 MiB keeps one group's work well below 10 ms. */
  readonly groupBytesMax: number;
  /** Writes that wait for the log; beyond it callers wait. */
  readonly pendingBytesMax: number;
  /** Frozen memtables beside which no further one may freeze: with two arenas in the budget, the third has to wait. */
  readonly frozenMemtablesMax: number;
  /** Fences and filters of tables in memory. */
  readonly indexBytesMax: number;
  /** Tables in level 0 at which each commit is slowed by a millisecond, and at which writes stall. */
  readonly level0SlowTables: number;
  readonly level0StallTables: number;
  /** Milliseconds without a write after which level 0 is merged although it is not full; 0 for never. */
  readonly restMs: number;
  readonly tables: TableSettings;
  readonly picker: PickerSettings;
  /** The manifest starts a new file beyond this. */
  readonly manifestBytesMax: number;
  /** Keys that one restore changes at most as a batch; what changes more is an ingest of tables. */
  readonly restoreOperationsMax: number;
  /** Request ids that are remembered at most, 52 bytes each; with more within ten minutes the oldest are forgotten. */
  readonly requestIdsMax: number;
  /** Bytes that wait for the watchers of one range, and the most of one event; who falls further behind reads the log. */
  readonly watchQueueBytesMax: number;
  /** The same for all of them together. */
  readonly watchQueuesBytesMax: number;
}

/** Everything outside the engine that it uses. */
export interface Components {
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly runner: CompactionRunner;
  /** How late the event loop is, which sets the pace of the runner. */
  readonly loopDelay: LoopDelay;
  /** 16 random bytes for a store's incarnation. */
  readonly randomBytes: () => Uint8Array;
}

/** Options with every default filled in. */
export interface Settings {
  readonly keys: "string" | "bytes";
  readonly durability: "sync" | "buffered";
  readonly createIfMissing: boolean;
  readonly acceptClock: boolean;
  readonly memoryBytes: number;
  readonly memory: MemoryShares;
  readonly stallTimeoutMs: number;
  readonly reserveBytes: number;
  readonly scrubBytesPerSecond: number;
  readonly feedBytes: number;
  readonly feedAgeMs: number;
  readonly logger: Logger;
  readonly tuning: Tuning;
  readonly components: Components;
}

/** @throws INVALID_ARGUMENT */
export function resolveOptions(options: OpenOptions): Settings {
  const compression = oneOf(options.compression, ["lz4", "none", "zstd"], "compression");
  const memoryBytes = atLeast(options.memoryBytes ?? MEMORY_BYTES_DEFAULT, MEMORY_BYTES_MIN, "memoryBytes");
  const memory = memoryShares(memoryBytes, options);
  return Object.freeze({
    keys: oneOf(options.keys, ["string", "bytes"], "keys"),
    durability: oneOf(options.durability, ["sync", "buffered"], "durability"),
    createIfMissing: options.createIfMissing ?? true,
    acceptClock: options.acceptClock ?? false,
    memoryBytes,
    memory,
    reserveBytes: atLeast(options.reserveBytes ?? 64 * MIB, 0, "reserveBytes"),
    stallTimeoutMs: atLeast(options.stallTimeoutMs ?? 10_000, 1, "stallTimeoutMs"),
    scrubBytesPerSecond: atLeast(options.scrubBytesPerSecond ?? 0, 0, "scrubBytesPerSecond"),
    feedBytes: atLeast(options.feedBytes ?? 0, 0, "feedBytes"),
    feedAgeMs: atLeast(options.feedAgeMs ?? FEED_AGE_MS_DEFAULT, 1, "feedAgeMs"),
    logger: options.logger ?? silentLogger,
    tuning: Object.freeze({
      logSegmentBytes: 64 * MIB,
      groupBytesMax: MIB,
      pendingBytesMax: memory.inFlightBytes,
      indexBytesMax: memory.indexBytes,
      frozenMemtablesMax: 1,
      level0SlowTables: 12,
      level0StallTables: 24,
      restMs: 100,
      tables: { tableBytesMax: 16 * MIB, compression },
      picker: { level0Tables: 4, level1BytesMax: 128 * MIB, levelFactor: 10, pickBytesMax: 512 * MIB },
      manifestBytesMax: 4 * MIB,
      restoreOperationsMax: limits.batchOperationsMax,
      requestIdsMax: 512 * 1024,
      watchQueueBytesMax: MIB,
      watchQueuesBytesMax: 32 * MIB,
      ...options.tuning,
    }),
    components: Object.freeze({
      fileSystem: nodeFileSystem,
      clock: systemClock,
      scheduler: systemScheduler,
      runner: options.components?.runner ?? new WorkerRunner(),
      loopDelay: systemLoopDelay,
      randomBytes: systemRandomBytes,
      ...options.components,
    }),
  });
}

function memoryShares(memoryBytes: number, { memtableBytes, blockCacheBytes }: OpenOptions): MemoryShares {
  const shares = shareMemory(memoryBytes);
  const memtable = within(memtableBytes ?? shares.memtableBytes, 256 * KIB, 1024 * MIB, "memtableBytes");
  return Object.freeze({
    ...shares,
    // An arena is made of whole words, two at a time.
    memtableBytes: Math.ceil(memtable / 8) * 8,
    blockCacheBytes: atLeast(blockCacheBytes ?? shares.blockCacheBytes, 64 * KIB, "blockCacheBytes"),
  });
}

function oneOf<T extends string>(given: T | undefined, allowed: readonly [T, ...T[]], name: string): T {
  if (given === undefined) return allowed[0];
  if (allowed.includes(given)) return given;
  throw invalidArgument(`${name} is ${allowed.map((one) => `"${one}"`).join(" or ")}, not ${JSON.stringify(given)}`);
}

function within(given: number, least: number, most: number, name: string): number {
  if (Number.isSafeInteger(given) && given >= least && given <= most) return given;
  throw invalidArgument(`${name} is a whole number from ${least} to ${most}, not ${given}`);
}

function atLeast(given: number, least: number, name: string): number {
  if (Number.isSafeInteger(given) && given >= least) return given;
  throw invalidArgument(`${name} is a whole number of at least ${least}, not ${given}`);
}
