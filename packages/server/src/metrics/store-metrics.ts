import type { StatValue, StoreStats } from "@kvts/common";
import type { Exposition } from "./exposition.ts";

/** A figure of the store's that is a metric, by its path in the figures. */
interface StoreMetric {
  readonly path: string;
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly help: string;
  /** What the figure is multiplied by: metrics are in seconds. */
  readonly factor?: number;
}

const ms = 1e-3;

const metrics: readonly StoreMetric[] = [
  gauge("seq", "kvts_store_seq", "Seq of the newest visible commit."),
  gauge("writable", "kvts_store_writable", "1 while writes are taken, 0 after a failed sync."),
  gauge("budget.bytesMax", "kvts_store_memory_limit_bytes", "Memory that the store may use."),
  gauge("memory.activeEntries", "kvts_store_memtable_entries", "Entries in the memtable that fills."),
  gauge("memory.frozenMemtables", "kvts_store_memtables_frozen", "Memtables that wait for their flush."),
  counter("writes.operations", "kvts_store_operations_written_total", "Operations written."),
  counter("writes.userBytes", "kvts_store_user_bytes_written_total", "Bytes of keys, values and timestamps written."),
  counter("writes.logBytes", "kvts_store_log_bytes_written_total", "Bytes written to the log."),
  counter("writes.tableBytes", "kvts_store_table_bytes_written_total", "Bytes written to tables."),
  counter("log.syncs", "kvts_store_log_syncs_total", "Syncs of the log."),
  counter("log.syncMs", "kvts_store_log_sync_seconds_total", "Time spent in syncs of the log.", ms),
  gauge("log.segments", "kvts_store_log_segments", "Segments of the log."),
  counter("blockCache.hits", "kvts_store_block_cache_hits_total", "Blocks found in the cache."),
  counter("blockCache.misses", "kvts_store_block_cache_misses_total", "Blocks read from files."),
  counter("blockCache.evictions", "kvts_store_block_cache_evictions_total", "Blocks that made room for others."),
  gauge("blockCache.bytes", "kvts_store_block_cache_bytes", "Bytes of blocks in the cache."),
  counter("background.flushes", "kvts_store_flushes_total", "Memtables written to tables."),
  counter("background.compactions", "kvts_store_compactions_total", "Merges of tables."),
  counter("background.failures", "kvts_store_background_failures_total", "Flushes and merges that failed."),
  counter("background.flushedBytes", "kvts_store_flushed_bytes_total", "Bytes written by flushes."),
  counter("background.compactionReadBytes", "kvts_store_compaction_read_bytes_total", "Bytes read by merges."),
  counter("background.compactionWrittenBytes", "kvts_store_compaction_written_bytes_total", "Bytes written by merges."),
  counter("stalls", "kvts_store_write_stalls_total", "Writes that had to wait for flushes or merges."),
  gauge("snapshots.pins", "kvts_store_snapshots", "Seqs held by snapshots and pages."),
  gauge("snapshots.oldestAgeMs", "kvts_store_oldest_snapshot_age_seconds", "Age of the oldest of them.", ms),
  gauge("requestIds.count", "kvts_store_request_ids", "Request ids remembered."),
  gauge("feed.bytes", "kvts_store_feed_bytes", "Bytes of log that are kept for watchers."),
  gauge("feed.watchers", "kvts_store_feed_watchers", "Watchers of the change feed."),
  gauge("operations.running", "kvts_operations_running", "Operations under way, such as erasures."),
  counter("operations.failed", "kvts_operations_failed_total", "Operations that failed."),
  gauge("scrub.damagedTables", "kvts_store_damaged_tables", "Tables in which damage was found."),
  counter("scrub.bytes", "kvts_store_scrubbed_bytes_total", "Bytes of tables read again to find damage."),
];

function gauge(path: string, name: string, help: string, factor = 1): StoreMetric {
  return { path, name, type: "gauge", help, factor };
}

function counter(path: string, name: string, help: string, factor = 1): StoreMetric {
  return { path, name, type: "counter", help, factor };
}

const levelMetrics = [
  ["tables", "kvts_store_level_tables", "Tables in each level."],
  ["fileBytes", "kvts_store_level_file_bytes", "Bytes of the tables in each level."],
  ["entries", "kvts_store_level_entries", "Entries in each level."],
] as const;

/** What is exposed of a store that has all figures. */
export const storeMetricNames: readonly string[] = [
  ...metrics.map(({ name }) => name),
  ...levelMetrics.map(([, name]) => name),
];

/** The figures of a store, as far as it has them: which there are depends on the kind of store. */
export function exposeStore(out: Exposition, stats: StoreStats): void {
  for (const { path, name, type, help, factor = 1 } of metrics) {
    const value = figureAt(stats, path);
    if (value === undefined) continue;
    out.family(name, type, help);
    out.sample(name, value * factor);
  }
  const levels = at(stats, "tables.levels");
  if (!Array.isArray(levels)) return;
  for (const [field, name, help] of levelMetrics) {
    out.family(name, "gauge", help);
    for (const level of levels as readonly StatValue[]) {
      out.sample(name, figureAt(level, field) ?? 0, { level: String(figureAt(level, "level")) });
    }
  }
}

function figureAt(stats: StatValue | StoreStats, path: string): number | undefined {
  const value = at(stats, path);
  if (typeof value === "boolean") return value ? 1 : 0;
  return typeof value === "number" ? value : undefined;
}

function at(stats: StatValue | StoreStats, path: string): StatValue | undefined {
  return path
    .split(".")
    .reduce<StatValue | undefined>(
      (value, name) => (typeof value === "object" && !Array.isArray(value) ? (value as Subject)[name] : undefined),
      stats as StatValue,
    );
}

interface Subject {
  readonly [name: string]: StatValue;
}
