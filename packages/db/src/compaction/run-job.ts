import { invariant } from "@kvts/common";
import type { FileSystem, WritableFile } from "../env/file-system.ts";
import { Erasures } from "../erase/erasures.ts";
import { tableFileName } from "../format/filenames.ts";
import { equalKeys, hashKey } from "../format/key-buffer.ts";
import type { VersionRun } from "../format/version-run.ts";
import { type TableMeta, tableMeta } from "../manifest/table-meta.ts";
import { Memtable } from "../memtable/memtable.ts";
import { BlockCache } from "../table/block-cache.ts";
import type { ExtentSource } from "../table/extent.ts";
import { FRAME_BYTES } from "../table/format.ts";
import { type KeyWords, keyWordsOf } from "../table/key-words.ts";
import { Table } from "../table/table.ts";
import { TableBuilder } from "../table/table-builder.ts";
import type { CompactionJob, CompactionResult } from "./job.ts";
import { FloorCursor } from "./key-floors.ts";
import { Merge, type MergeInput, type MergeSink } from "./merge.ts";
import { Retention } from "./retention.ts";

/** Versions merged between two looks at whether something else should go first. */
const VERSIONS_PER_STEP = 1024;
/** The merge reads each input in order, so a few frames an input are plenty. */
const CACHE_FRAMES_PER_INPUT = 4;

/**
 * Runs one job to its end: reads the inputs, writes the merged tables, syncs them and their directory.
 * @param pause awaited between steps.
 */
export async function runJob(
  fileSystem: FileSystem,
  job: CompactionJob,
  pause: () => Promise<void>,
): Promise<CompactionResult> {
  const inputs = await openInputs(fileSystem, job);
  const retention = new Retention(job.pins, job.dropsRetracts);
  const output = new TableOutput(fileSystem, job);
  const floors = job.floors.length === 0 ? undefined : new FloorCursor(job.floors);
  const merge = new Merge<ExtentSource>(inputs.sources, retention, floors, Erasures.of(job.erasures));
  try {
    while (merge.step(output, VERSIONS_PER_STEP)) {
      await output.finishFullTables();
      await pause();
    }
    await output.finish();
    await fileSystem.syncDirectory(job.directory);
    return {
      tables: output.tables,
      seqFloor: retention.seqFloor,
      erased: merge.erased,
      bytesRead: inputs.bytes,
      bytesWritten: output.tables.reduce((sum, table) => sum + table.fileBytes, 0),
    };
  } catch (error) {
    await output.discard();
    throw error;
  } finally {
    merge.close();
    await inputs.close();
  }
}

interface Inputs {
  readonly sources: readonly MergeInput<ExtentSource>[];
  readonly bytes: number;
  close(): Promise<void>;
}

async function openInputs(fileSystem: FileSystem, job: CompactionJob): Promise<Inputs> {
  const cache = new BlockCache((job.tables.length + 1) * CACHE_FRAMES_PER_INPUT * FRAME_BYTES);
  const tables: Table[] = [];
  let bytes = 0;
  const sources: MergeInput<ExtentSource>[] = [];
  try {
    for (const transfer of job.memtables) {
      const memtable = Memtable.attach(transfer);
      sources.push({ cursor: memtable.cursor(), extents: memtable });
      bytes += memtable.bytesUsed;
    }
    for (const number of job.tables) {
      const file = fileSystem.open(tableFileName(job.directory, number));
      bytes += file.size;
      const table = Table.open(file, number, cache);
      tables.push(table);
      sources.push({ cursor: table.cursor(), extents: table });
    }
  } catch (error) {
    await closeTables(tables);
    throw error;
  }
  return { sources, bytes, close: () => closeTables(tables) };
}

async function closeTables(tables: readonly Table[]): Promise<void> {
  for (const table of tables) await table.close();
}

interface FullTable {
  readonly builder: TableBuilder;
  readonly file: WritableFile;
}

/** Writes merged keys into as many tables as they need. A key's versions never straddle two tables. */
class TableOutput implements MergeSink<ExtentSource> {
  readonly tables: TableMeta[] = [];
  readonly #fileSystem: FileSystem;
  readonly #job: CompactionJob;
  #file: WritableFile | undefined;
  #builder: TableBuilder | undefined;
  /** Tables that take no further key, in order. */
  readonly #full: FullTable[] = [];
  #used = 0;
  /** Keys still to come that get a table each, ascending. */
  readonly #apart: KeyWords[];
  #isApart = false;

  constructor(fileSystem: FileSystem, job: CompactionJob) {
    this.#fileSystem = fileSystem;
    this.#job = job;
    this.#apart = job.keysApart.map(keyWordsOf);
  }

  startKey(i32: Int32Array, word: number, length: number): void {
    const apart = this.#apart[0];
    this.#isApart = apart !== undefined && equalKeys(apart.i32, apart.word, apart.length, i32, word, length);
    if (this.#isApart) {
      this.#apart.shift();
      if (this.#builder !== undefined) this.#closeTable();
    }
    this.#builder ??= this.#create();
    this.#builder.startKey(i32, word, length, hashKey(i32, word, length));
  }

  addVersions(run: VersionRun, from: number, to: number, extents: ExtentSource): void {
    this.#builder!.addVersions(run, from, to, extents);
  }

  endKey(): void {
    if (this.#isApart || this.#builder!.estimatedBytes >= this.#job.settings.tableBytesMax) this.#closeTable();
  }

  /** Finishes the tables that are full. One that may turn out to be the last waits, since its footer has to say so. */
  async finishFullTables(): Promise<void> {
    const keeps = this.#builder === undefined ? 1 : 0;
    while (this.#full.length > keeps) await this.#finishTable(this.#full.shift()!, false);
  }

  async finish(): Promise<void> {
    if (this.#builder !== undefined) this.#closeTable();
    for (let next = this.#full.shift(); next !== undefined; next = this.#full.shift()) {
      await this.#finishTable(next, this.#full.length === 0);
    }
  }

  /** Removes everything written. */
  async discard(): Promise<void> {
    this.#file?.close();
    for (const { file } of this.#full) file.close();
    for (let offset = 0; offset < this.#used; offset++) {
      await this.#fileSystem.remove(tableFileName(this.#job.directory, this.#job.firstOutput + offset));
    }
  }

  #create(): TableBuilder {
    const { directory, firstOutput, outputsMax, outputLevel, settings } = this.#job;
    invariant(this.#used < outputsMax, "C1: a job has file numbers for all its tables");
    const fileNumber = firstOutput + this.#used++;
    this.#file = this.#fileSystem.create(tableFileName(directory, fileNumber));
    const { compression, dense } = settings;
    return new TableBuilder(this.#file, {
      fileNumber,
      level: outputLevel,
      compression,
      ...(dense === true && { dense }),
    });
  }

  #closeTable(): void {
    this.#full.push({ builder: this.#builder!, file: this.#file! });
    this.#builder = undefined;
    this.#file = undefined;
  }

  async #finishTable({ builder, file }: FullTable, isLastOutput: boolean): Promise<void> {
    const { provenance, firstOutput } = this.#job;
    try {
      const properties = builder.finish({ ...provenance, firstOutput, isLastOutput });
      await file.sync();
      this.tables.push(tableMeta(properties, builder.fileBytes));
    } finally {
      file.close();
    }
  }
}
