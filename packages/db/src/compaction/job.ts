import type { Erasure } from "../erase/erasure.ts";
import type { TableMeta } from "../manifest/table-meta.ts";
import type { MemtableTransfer } from "../memtable/memtable.ts";
import type { Compression } from "../table/compression.ts";
import type { TableProvenance } from "../table/properties.ts";
import type { KeyFloor } from "./key-floors.ts";

/** How tables are written; plain data, so that it travels to the worker. */
export interface TableSettings {
  /** A table is closed at the first key after this many bytes. */
  readonly tableBytesMax: number;
  readonly compression: Compression;
  /** Spends twice the time on compressing for a few bytes in a hundred less. Default false. */
  readonly dense?: boolean;
}

/** What is known of a table's provenance before it is written. */
export type JobProvenance = Omit<TableProvenance, "firstOutput" | "isLastOutput">;

/**
 * One merge, a flush included: plain data that a worker can be sent. It reads only what it names and writes only tables
 * under the numbers that it was given; the manifest's owner decides whether they ever count.
 */
export interface CompactionJob {
  readonly directory: string;
  /** A frozen memtable, whose arena goes by reference; or none. */
  readonly memtables: readonly MemtableTransfer[];
  /** File numbers of the input tables. */
  readonly tables: readonly number[];
  /** Numbers for the output tables, first and how many. */
  readonly firstOutput: number;
  readonly outputsMax: number;
  readonly outputLevel: number;
  /** Pinned seqs, ascending. */
  readonly pins: readonly number[];
  readonly dropsRetracts: boolean;
  /** How far histories are cut: see key-floors.ts. */
  readonly floors: readonly KeyFloor[];
  /** In force: what they hide is left out, whatever is pinned. */
  readonly erasures: readonly Erasure[];
  /** Keys, ascending, that get a table each: see appending.ts. */
  readonly keysApart: readonly Uint8Array[];
  readonly settings: TableSettings;
  /** What each output's footer says of where it comes from, for repair. */
  readonly provenance: JobProvenance;
  /** Flushes go first: writers wait for them. */
  readonly urgent: boolean;
  /** Shared memory by which the store sets how much of its time a worker may use: see pacer.ts. */
  readonly pace: Int32Array;
}

export interface CompactionResult {
  readonly tables: readonly TableMeta[];
  /** See `Retention.seqFloor`. */
  readonly seqFloor: number;
  /** Versions that were left out because they are erased. */
  readonly erased: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** Runs jobs somewhere. A failed job has written nothing that counts; it is retried under new numbers. */
export interface CompactionRunner {
  run(job: CompactionJob): Promise<CompactionResult>;
  /** Bytes of memory that it held when a job last ended, where it has memory of its own. */
  readonly heldBytes?: number;
  /** Waits for what runs, then ends. */
  close(): Promise<void>;
}
