import { formatKeepFor, type KvtsError, type StatValue, type StoreStats } from "@kvts/common";
import { spaceAmplification, writeAmplification } from "./amplification.ts";
import type { Background } from "./background/background.ts";
import type { CommitQueue } from "./commit/commit-queue.ts";
import type { Erases } from "./erase/erases.ts";
import type { Feed } from "./feed/feed.ts";
import { memoryUse } from "./memory-use.ts";
import type { Pins } from "./read/pins.ts";
import type { Recovered } from "./recovered.ts";
import type { RetentionKeeper } from "./retention-keeper.ts";
import type { ScrubStats } from "./scrub.ts";

export interface StatsSources extends Recovered {
  readonly pins: Pins;
  readonly queue: CommitQueue;
  readonly retention: RetentionKeeper;
  readonly background: Background;
  readonly scrub: ScrubStats;
  /** Microseconds. */
  readonly openedAt: number;
  readonly stalls: number;
  readonly refusal: KvtsError | undefined;
  readonly feed: Feed;
  readonly erases: Erases;
}

/** The figures that `stats` shows. Counts are since the store was opened; names carry units. */
export function engineStats(sources: StatsSources): StoreStats {
  const { layers, versions, tables, logs, pins, queue, background, requests, requestFiles, markFiles, feed, feedLog } =
    sources;
  const levels = versions.current.levels.map(({ number, files }) => ({
    level: number,
    tables: files.length,
    fileBytes: sum(files, ({ meta }) => meta.fileBytes),
    rawBytes: sum(files, ({ meta }) => meta.rawBytes),
    entries: sum(files, ({ meta }) => meta.entryCount),
  }));
  const { counts } = background;
  const fileBytes = sum(levels, (level) => level.fileBytes);
  const entries = sum(levels, (level) => level.entries);
  const writes = {
    operations: layers.taken.operations,
    userBytes: layers.taken.bytes,
    logBytes: logs.appendedBytes,
    tableBytes: counts.flushedBytes + counts.compactionWrittenBytes,
  };
  return {
    seq: queue.publishedSeq,
    incarnation: versions.numbers.incarnation,
    directory: sources.directory,
    durability: sources.settings.durability,
    lastAssignedTimestamp: queue.lastAssigned,
    seqFloor: pins.seqFloor,
    writable: sources.refusal === undefined,
    memory: {
      activeEntries: layers.active.entryCount,
      activeBytes: layers.active.bytesUsed,
      frozenMemtables: layers.frozen.length,
      pendingBytes: queue.pendingBytes,
    },
    budget: memoryUse(sources),
    tables: {
      count: sum(levels, (level) => level.tables),
      fileBytes,
      entries,
      spaceAmplification: spaceAmplification(fileBytes, entries, writes),
      levels,
    },
    writes: { sinceTimestamp: sources.openedAt, ...writes, amplification: writeAmplification(writes) },
    blockCache: { ...tables.cacheStats() },
    requestIds: { count: requests.table.count, bytes: requests.table.bytes, files: requestFiles.count },
    deletedRanges: { count: layers.marks.count, bytes: layers.marks.bytes, files: markFiles.count },
    log: {
      segments: logs.count,
      activeBytes: logs.writer.offset,
      manifestBytes: versions.manifestBytes,
      syncs: logs.writer.syncs,
      syncMs: Math.round(logs.writer.syncMs),
    },
    feed: {
      oldestSeq: feedLog.floor,
      bytes: feedLog.fileBytes,
      segments: feedLog.segments.length,
      watchers: feed.watcherCount,
      queuedBytes: feed.queuedBytes,
    },
    background: {
      ...counts,
      ...background.pacer.stats(),
      lastError: background.lastError?.message ?? "",
    },
    scrub: { ...sources.scrub },
    erasures: erasureStats(sources),
    stalls: sources.stalls,
    retention: retentionStats(sources),
    snapshots: { pins: pins.count, oldestAgeMs: Math.round(pins.oldestAgeMs()) },
  };
}

/** Erasures whose bytes are not all gone, and how far the pass over the store has come. */
function erasureStats({ erases }: StatsSources): StatValue {
  const { phase = "", bytesDone = 0, bytesTotal = 0 } = erases.progress ?? {};
  return { inForce: erases.count, phase, bytesDone, bytesTotal };
}

/** Prefixes as text; horizons in microseconds, and how far each lies behind the clock. */
function retentionStats({ retention, settings, background }: StatsSources): StatValue {
  const now = settings.components.clock.now();
  const { policies, horizons } = retention.state;
  return {
    policies: policies.map(({ prefix, keepFor }) => ({
      prefix: textOf(prefix),
      keepFor: formatKeepFor(keepFor) ?? "",
    })),
    horizons: horizons.map(({ prefix, timestamp }) => ({
      prefix: textOf(prefix),
      timestamp,
      ageMicros: timestamp === 0 ? 0 : now - timestamp,
    })),
    trims: background.counts.trims,
  };
}

/** What is no UTF-8 shows as replacement characters. */
function textOf(prefix: Uint8Array): string {
  return new TextDecoder().decode(prefix);
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
