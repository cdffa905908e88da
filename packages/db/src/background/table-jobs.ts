import { flushedKeys, keysApart } from "../compaction/appending.ts";
import type { CompactionJob, CompactionResult, TableSettings } from "../compaction/job.ts";
import { areCertain, type KeyFloor, type MergedSpan, type OutsideLayer, planFloors } from "../compaction/key-floors.ts";
import { Pacer } from "../compaction/pacer.ts";
import { spanOf } from "../compaction/stretches.ts";
import type { Layers, LiveMemtable } from "../layers.ts";
import { learnTables } from "../manifest/learn-tables.ts";
import type { TableFile } from "../manifest/table-file.ts";
import type { TableMeta } from "../manifest/table-meta.ts";
import type { VersionEdit } from "../manifest/version-edit.ts";
import type { VersionSet } from "../manifest/version-set.ts";
import type { Settings } from "../options.ts";
import type { Pins } from "../read/pins.ts";
import type { Horizons } from "../retention/horizons.ts";
import { AbandonedTables } from "./abandoned-tables.ts";
import { Debt } from "./debt.ts";

/** Output tables that a job may need beyond its share of the input bytes. */
const OUTPUTS_SPARE = 16;
/**
 * A table of level 0 may be so many times as large as others: a memtable of usual size becomes one table, so that reads
 * look into one, and tables of level 0 count flushes.
 */
const LEVEL0_TABLE_FACTOR = 4;

/** What jobs ask of the store around them. */
export interface TableJobsHost {
  readonly directory: string;
  readonly settings: Settings;
  readonly layers: Layers;
  readonly versions: VersionSet;
  readonly pins: Pins;
  /** The horizons in force. */
  horizons(): Horizons | undefined;
  /** The seqs and timestamps given out so far, for the footers of tables. */
  counters(): { readonly lastSeq: number; readonly lastAssigned: number; readonly publishedSeq: number };
  openTable(meta: TableMeta): TableFile;
  /** Numbers of tables that no version needs any more, while their files may still be there. */
  obsoleteTables(): readonly number[];
  /** Memory or tables have changed: writes that wait may go on. */
  changed(): void;
}

/** What a flush or a merge is made of. */
export interface JobInputs {
  readonly memtables: readonly LiveMemtable[];
  readonly tables: readonly number[];
  readonly outputLevel: number;
  readonly inputBytes: number;
  readonly dropsRetracts: boolean;
  /** Writers wait for it. */
  readonly urgent: boolean;
  /** It was asked for, and what it writes will last: it may take longer to write less. */
  readonly dense: boolean;
}

/**
 * Has the worker turn memtables and tables into new tables, and installs what came of it. A job that fails leaves nothing
 * that counts.
 */
export class TableJobs {
  readonly pacer: Pacer;
  /** Tables, by number, of which more may go than their footers say: when they were written not all could be cut. */
  readonly uncut: Set<number> = new Set();
  readonly #host: TableJobsHost;
  readonly #abandoned: AbandonedTables;

  constructor(host: TableJobsHost) {
    const { directory, settings, layers, versions } = host;
    const { picker, level0SlowTables } = settings.tuning;
    const debt = new Debt(layers, () => versions.current, picker);
    const bounds = { level0Begin: picker.level0Tables, level0Full: level0SlowTables };
    this.#host = host;
    this.pacer = new Pacer(settings.components.loopDelay, () => debt.now(), bounds);
    this.#abandoned = new AbandonedTables(settings.components.fileSystem, directory, settings.logger);
  }

  /**
   * Has a job run. Undefined where its outcome must not be used: meanwhile somebody pinned an old seq that it did not
   * know of, and it dropped what that seq shows.
   */
  async run(inputs: JobInputs): Promise<CompactionResult | undefined> {
    const { directory, settings, versions, pins, layers } = this.#host;
    const outputsMax = Math.ceil(inputs.inputBytes / settings.tuning.tables.tableBytesMax) * 2 + OUTPUTS_SPARE;
    // The worker knows tables by their numbers alone; here it is seen that they are the ones that the manifest describes.
    await learnTables(versions.current, ({ number }) => inputs.tables.includes(number));
    const firstOutput = await versions.reserveFileNumbers(outputsMax);
    const view = layers.view.acquire();
    let result: CompactionResult | undefined;
    try {
      const known = pins.seqs();
      const horizons = this.horizons();
      const floors = this.floorsOf(inputs.memtables, inputs.tables);
      const job: CompactionJob = {
        directory,
        memtables: inputs.memtables.map((live) => live.memtable.transfer()),
        tables: inputs.tables,
        firstOutput,
        outputsMax,
        outputLevel: inputs.outputLevel,
        pins: known,
        dropsRetracts: inputs.dropsRetracts,
        floors,
        erasures: layers.erasures?.list ?? [],
        keysApart: this.#keysApart(inputs.memtables),
        settings: this.#tableSettings(inputs),
        provenance: this.provenance(inputs.tables, horizons),
        urgent: inputs.urgent,
        pace: this.pacer.words,
      };
      const outcome = await this.#atPace(() => settings.components.runner.run(job));
      if (pins.raiseFloor(outcome.seqFloor, known)) result = outcome;
      if (!areCertain(floors, horizons)) for (const { number } of outcome.tables) this.uncut.add(number);
    } finally {
      view.release();
      if (result === undefined) await this.#abandoned.remove(firstOutput, outputsMax);
    }
    return result;
  }

  /** The horizons by which a merge may cut: those of the oldest reads that go on. */
  horizons(): Horizons | undefined {
    return this.#host.pins.lowestHorizons(this.#host.horizons());
  }

  /** How far a merge of these would cut its keys' histories now. */
  floorsOf(memtables: readonly LiveMemtable[], tables: readonly number[]): readonly KeyFloor[] {
    const horizons = this.horizons();
    if (horizons === undefined) return planFloors(undefined, undefined, []);
    const { layers, versions } = this.#host;
    const metas = versions.current.tables().map(({ file }) => file.meta);
    const inside = new Set(tables);
    const outside: OutsideLayer[] = metas
      .filter(({ number }) => !inside.has(number))
      .map((meta) => ({ ...meta, span: meta, hasRetracts: meta.retractCount > 0 }));
    for (const live of layers.live) {
      const { memtable, replayedMinTimestamp } = live;
      const isInside = memtables.includes(live);
      const minTimestamp = Math.min(replayedMinTimestamp, isInside ? Number.POSITIVE_INFINITY : memtable.minTimestamp);
      const hasRetracts = memtable.hasRetracts && !isInside;
      outside.push({ span: undefined, minTimestamp, maxSeq: memtable.maxSeq, hasRetracts });
    }
    return planFloors(
      horizons,
      mergedSpan(
        memtables,
        metas.filter(({ number }) => inside.has(number)),
      ),
      outside,
    );
  }

  #keysApart(memtables: readonly LiveMemtable[]): readonly Uint8Array[] {
    const tables = this.#host.versions.current.tables().map(({ file }) => file.meta);
    return memtables.flatMap(({ memtable }) => keysApart(tables, flushedKeys(memtable)));
  }

  #tableSettings({ outputLevel, dense }: JobInputs): TableSettings {
    const { tables } = this.#host.settings.tuning;
    const factor = outputLevel > 0 ? 1 : LEVEL0_TABLE_FACTOR;
    return { ...tables, dense, tableBytesMax: tables.tableBytesMax * factor };
  }

  async #atPace<T>(run: () => Promise<T>): Promise<T> {
    const end = this.pacer.begin();
    try {
      return await run();
    } finally {
      end();
    }
  }

  /** Puts an edit, and the tables that a job has made for it, into the manifest and in front of readers. */
  async install(edit: VersionEdit, result?: CompactionResult, flushed?: LiveMemtable): Promise<void> {
    const { versions, layers, pins } = this.#host;
    const opened = new Map<number, TableFile>();
    try {
      for (const meta of result?.tables ?? []) opened.set(meta.number, this.#openTable(meta));
      // Raised by every merge whose outcome is used, this one included.
      const { seqFloor } = pins;
      const version = await versions.logAndApply({ ...edit, seqFloor }, (number) => opened.get(number)!);
      layers.install(version, flushed);
      // A table that changes its level is removed and added.
      const stays = new Set((edit.added ?? []).map(({ meta }) => meta.number));
      for (const number of edit.removed ?? []) if (!stays.has(number)) this.uncut.delete(number);
    } catch (error) {
      await this.#abandon(result?.tables ?? [], error);
    } finally {
      for (const file of opened.values()) file.release();
    }
    this.#host.changed();
  }

  /** Held until the version that names it holds it too, so that it is closed where none comes to do so. */
  #openTable(meta: TableMeta): TableFile {
    const file = this.#host.openTable(meta);
    file.acquire();
    return file;
  }

  /** Numbers of tables that came to nothing, and whose files may still be there. */
  get abandoned(): readonly number[] {
    return this.#abandoned.numbers;
  }

  /** Tries again to remove them. */
  removeAbandoned(): Promise<void> {
    return this.#abandoned.removeStuck();
  }

  /** Removes what there is of `count` tables that come to nothing, unless the manifest may name them. */
  async abandon(first: number, count: number): Promise<void> {
    if (!this.#host.versions.isIndeterminate) await this.#abandoned.removeForGood(first, count);
  }

  /** Tables that could not be installed come to nothing, unless the manifest may name them after all. */
  async #abandon(tables: readonly TableMeta[], cause: unknown): Promise<never> {
    if (!this.#host.versions.isIndeterminate) {
      for (const { number } of tables) await this.#abandoned.remove(number, 1);
    }
    throw cause;
  }

  /** What tables that are made now say of where they come from. */
  provenance(inputs: readonly number[], horizons: Horizons | undefined): CompactionJob["provenance"] {
    const { numbers } = this.#host.versions;
    const { lastSeq, lastAssigned } = this.#host.counters();
    return {
      inputs,
      obsolete: [...this.#host.obsoleteTables(), ...this.#abandoned.numbers],
      incarnation: numbers.incarnation,
      logNumber: numbers.logNumber,
      nextSeq: lastSeq + 1,
      lastAssigned,
      seqFloor: numbers.seqFloor,
      horizons: horizons?.entries ?? [],
      erasedSeq: this.#host.layers.erasures?.lastSeq ?? 0,
    };
  }
}

function mergedSpan(memtables: readonly LiveMemtable[], tables: readonly TableMeta[]): MergedSpan | undefined {
  const filled = memtables.filter(({ memtable }) => memtable.entryCount > 0);
  const spans = [...filled.map(({ memtable }) => flushedKeys(memtable)), ...tables];
  if (spans.length === 0) return undefined;
  const seqs = [...filled.map(({ memtable }) => memtable.minSeq), ...tables.map(({ minSeq }) => minSeq)];
  return { ...spanOf(spans), minSeq: Math.min(...seqs) };
}
