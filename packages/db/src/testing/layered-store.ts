import { deepEqual } from "node:assert/strict";
import type { CompactionResult } from "../compaction/job.ts";
import { NO_FLOORS } from "../compaction/key-floors.ts";
import { unpaced } from "../compaction/pacer.ts";
import { dropsRetracts } from "../compaction/picker.ts";
import { runJob } from "../compaction/run-job.ts";
import { Fairness } from "../env/fairness.ts";
import { tableFileName } from "../format/filenames.ts";
import { TableFile } from "../manifest/table-file.ts";
import { type TableMeta, tableMeta } from "../manifest/table-meta.ts";
import { Version } from "../manifest/version.ts";
import { ARENA_BYTES_MIN, Arena } from "../memtable/arena.ts";
import type { Memtable } from "../memtable/memtable.ts";
import { Pins } from "../read/pins.ts";
import { EngineReader } from "../read/reader.ts";
import { View } from "../read/view.ts";
import { BlockCache } from "../table/block-cache.ts";
import { Table } from "../table/table.ts";
import { MemoryFileSystem } from "./memory-file-system.ts";
import { memtableOf, type WrittenVersion } from "./memtable-writer.ts";
import { groupVersions, PROVENANCE, writeTable } from "./table-writer.ts";

const DIRECTORY = "s";

export interface MergeOptions {
  readonly pins?: readonly number[];
  readonly outputLevel?: number;
  readonly tableBytesMax?: number;
}

/**
 * A store of layers alone: versions lie where a test has put them. They are read with the engine's readers, through a
 * cache of four blocks unless told otherwise, and merged by the engine's jobs.
 */
export class LayeredStore {
  readonly #fileSystem: MemoryFileSystem = new MemoryFileSystem();
  readonly #cache: BlockCache;
  /** Newest first. */
  readonly #memtables: Memtable[] = [];
  #tables: { level: number; file: TableFile }[] = [];
  #view: View | undefined;
  #nextNumber = 1;

  constructor(cacheBytes: number = 64 * 1024) {
    this.#cache = new BlockCache(cacheBytes);
    this.#fileSystem.makeDirectory(DIRECTORY);
  }

  /** How often a block has been looked into, by reads and cursors together. */
  get blockLookups(): number {
    return this.#cache.hits + this.#cache.misses;
  }

  addMemtable(versions: readonly WrittenVersion[]): void {
    this.#memtables.unshift(memtableOf(Arena.allocate(4 * ARENA_BYTES_MIN), versions));
    this.#changed();
  }

  /** The number of a new table in a level. */
  addTable(level: number, versions: readonly WrittenVersion[]): number {
    const fileNumber = this.#nextNumber++;
    const path = tableFileName(DIRECTORY, fileNumber);
    const file = this.#fileSystem.create(path);
    const properties = writeTable(file, groupVersions(versions), { fileNumber, level });
    this.#open(level, tableMeta(properties, file.size()));
    file.close();
    return fileNumber;
  }

  /** What is known of the tables, by level. */
  levels(): TableMeta[][] {
    return this.#current().version.levels.map(({ files }) => files.map(({ meta }) => meta));
  }

  /** Reads what there is at `seq`, by a clock that says `now`. */
  reader(seq: number, now = 0): EngineReader<Uint8Array> {
    const pins = new Pins(() => 0, 0);
    return new EngineReader<Uint8Array>(
      {
        view: () => this.#current(),
        seq: () => seq,
        horizons: () => undefined,
        pin: (pinned) => pins.pin(pinned),
        now: () => now,
        moment: () => now,
        nextTurn: () => Promise.resolve(),
        manyReads: () => {},
        fairness: new Fairness(),
      },
      "bytes",
    );
  }

  /** Merges tables, by number, and puts what comes out in their place. */
  async merge(numbers: readonly number[], options: MergeOptions = {}): Promise<CompactionResult> {
    const { pins = [], outputLevel = 0, tableBytesMax = 1024 * 1024 } = options;
    const levels = this.levels();
    const inputs = levels.flat().filter(({ number }) => numbers.includes(number));
    const outputsMax = 1000;
    const job = {
      directory: DIRECTORY,
      memtables: [],
      tables: numbers,
      firstOutput: this.#nextNumber,
      outputsMax,
      outputLevel,
      pins,
      dropsRetracts: dropsRetracts(levels, inputs),
      floors: NO_FLOORS,
      erasures: [],
      keysApart: [],
      settings: { tableBytesMax, compression: "none" as const },
      provenance: PROVENANCE,
      urgent: false,
      pace: unpaced(),
    };
    this.#nextNumber += outputsMax;
    const result = await runJob(this.#fileSystem, job, () => Promise.resolve());
    const replaced = this.#tables.filter(({ file }) => numbers.includes(file.meta.number));
    this.#tables = this.#tables.filter((table) => !replaced.includes(table));
    for (const meta of result.tables) this.#open(outputLevel, meta);
    this.#changed();
    for (const { file } of replaced) file.release();
    return result;
  }

  /** Closes the tables. Nobody may be reading, and so no block may be pinned any more. */
  close(): void {
    deepEqual([...this.#cache.pins], [...this.#cache.pins].fill(0), "blocks that are pinned and not read");
    this.#changed();
    for (const { file } of this.#tables.splice(0)) file.release();
  }

  #open(level: number, meta: TableMeta): void {
    const table = Table.open(this.#fileSystem.open(tableFileName(DIRECTORY, meta.number)), meta.number, this.#cache);
    const file = new TableFile(meta, table, ({ table: unused }) => void unused.close());
    // Held here, beside the views.
    file.acquire();
    this.#tables.push({ level, file });
    this.#changed();
  }

  #changed(): void {
    this.#view?.release();
    this.#view = undefined;
  }

  #current(): View {
    if (this.#view !== undefined) return this.#view;
    const version = Version.of(this.#tables);
    const shared = this.#memtables.map((memtable) => ({ memtable, acquire: () => {}, release: () => {} }));
    this.#view = new View(shared, version);
    version.release();
    return this.#view;
  }
}
