import { isKvtsError, KvtsError } from "@kvts/common";
import { AbandonedTables } from "./abandoned-tables.ts";
import type { CompactionJob, CompactionResult } from "./compaction/job.ts";
import { Pacer } from "./compaction/pacer.ts";
import {
  dropsRetracts,
  type Pick,
  pickAtRest,
  pickCompaction,
  pickEverything,
  pickForReads,
} from "./compaction/picker.ts";
import { Debt } from "./debt.ts";
import { storeError } from "./io-error.ts";
import type { Layers, LiveMemtable } from "./layers.ts";
import type { TableFile } from "./manifest/table-file.ts";
import type { TableMeta } from "./manifest/table-meta.ts";
import type { VersionEdit } from "./manifest/version-edit.ts";
import type { VersionSet } from "./manifest/version-set.ts";
import type { Settings } from "./options.ts";
import type { Pins } from "./read/pins.ts";
import { RestWatch } from "./rest-watch.ts";

/** Waits between tries of a job that failed, doubling up to the last. */
const RETRY_MS_FIRST = 50;
const RETRY_MS_MAX = 5_000;
/** Output tables that a job may need beyond its share of the input bytes. */
const OUTPUTS_SPARE = 16;

/** A memtable at least so full is worth a table of its own when nobody writes. */
export const REST_FILL_MIN = 0.25;

/** Counted since the store was opened. */
export interface BackgroundCounts {
  flushes: number;
  compactions: number;
  moves: number;
  failures: number;
  flushedBytes: number;
  compactionReadBytes: number;
  compactionWrittenBytes: number;
}

/** What background work asks of the store around it. */
export interface BackgroundHost {
  readonly directory: string;
  readonly settings: Settings;
  readonly layers: Layers;
  readonly versions: VersionSet;
  readonly pins: Pins;
  /** The seqs and timestamps given out so far, for the footers of tables. */
  counters(): { readonly lastSeq: number; readonly lastAssigned: number; readonly publishedSeq: number };
  openTable(meta: TableMeta): TableFile;
  /** Numbers of tables that no version needs any more, while their files may still be there. */
  obsoleteTables(): readonly number[];
  /** Logs below this number are not needed any more; they go when nothing is being synced. */
  releaseLogs(oldestLog: number): void;
  /** Memory or tables have changed: writes that wait may go on. */
  changed(): void;
  /** Freezes the active memtable, between two groups. */
  freeze(): void;
  /** Nothing can be installed any more: the manifest is in doubt. */
  failed(): void;
}

interface Wanted {
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Flushes frozen memtables and compacts tables: decides what to run, has it run, and installs the outcome. One flush and
 * one compaction run at a time; a flush takes only what is published. A job that fails leaves nothing that counts, and is
 * tried again under new file numbers.
 */
export class Background {
  readonly counts: BackgroundCounts = {
    flushes: 0,
    compactions: 0,
    moves: 0,
    failures: 0,
    flushedBytes: 0,
    compactionReadBytes: 0,
    compactionWrittenBytes: 0,
  };
  readonly #host: BackgroundHost;
  readonly #resumeKeys: (Uint8Array | undefined)[] = [];
  #flushing: Promise<void> | undefined;
  #compacting: Promise<void> | undefined;
  /** Callers of `flushAll` and `compactAll`. */
  #flushesWanted: Wanted[] = [];
  #mergesWanted: Wanted[] = [];
  #lastError: KvtsError | undefined;
  /** Begins nothing any more: the store closes, or its manifest is in doubt. */
  #stopped = false;
  readonly #restWatch: RestWatch;
  /** Nobody writes: what is not pressing may be merged. */
  #isAtRest = false;
  /** A table that has to be read is damaged: merging it again would only fail again. */
  #mergesBroken: KvtsError | undefined;

  readonly #abandoned: AbandonedTables;
  readonly pacer: Pacer;

  constructor(host: BackgroundHost) {
    const { directory, settings, layers, versions } = host;
    const { picker, level0SlowTables } = settings.tuning;
    const debt = new Debt(layers, () => versions.current, picker);
    const bounds = { level0Begin: picker.level0Tables, level0Full: level0SlowTables };
    this.#host = host;
    const { components, tuning } = settings;
    this.#restWatch = new RestWatch(components.scheduler, tuning.restMs, () => host.counters().lastSeq);
    this.pacer = new Pacer(settings.components.loopDelay, () => debt.now(), bounds);
    this.#abandoned = new AbandonedTables(settings.components.fileSystem, directory, settings.logger);
  }

  /** The latest failure that has not been made good; for `stats`. */
  get lastError(): KvtsError | undefined {
    return this.#lastError;
  }

  /** Starts whatever there is to do. Call it after every change of memory or tables. */
  poke(): void {
    if (this.#stopped) return;
    this.#flushing ??= this.#work(() => this.#flushOldest(), this.#flushesWanted).finally(() => {
      this.#flushing = undefined;
      this.#settleFlushes();
      if (this.#isFlushDue()) this.poke();
    });
    if (this.#mergesBroken !== undefined) return;
    this.#compacting ??= this.#work(() => this.#compactOnce(), this.#mergesWanted).finally(() => {
      this.#compacting = undefined;
      this.#isAtRest = false;
      if (this.#mergesWanted.length > 0) this.poke();
      else this.awaitRest();
    });
  }

  /**
   * Waits until nobody writes, then flushes and merges what would otherwise wait for more: reads find fewer tables, and
   * the next open less to replay.
   */
  awaitRest(): void {
    this.#restWatch.watch(
      () => !this.#stopped && (this.#isFlushWorthIt() || this.#isMergeWorthIt()),
      () => {
        if (this.#isFlushWorthIt()) return this.#host.freeze();
        this.#isAtRest = true;
        this.poke();
      },
    );
  }

  #isFlushWorthIt(): boolean {
    const { layers } = this.#host;
    return layers.frozen.length === 0 && layers.activeFill >= REST_FILL_MIN;
  }

  #isMergeWorthIt(): boolean {
    if (this.#compacting !== undefined || this.#mergesBroken !== undefined) return false;
    return pickAtRest(this.#levels(), this.#host.settings.tuning.picker) !== undefined;
  }

  /** Resolves once every memtable that is frozen now is in a table. */
  flushAll(): Promise<void> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      this.#flushesWanted.push({ resolve, reject });
      this.poke();
    });
  }

  /** Resolves once all tables have been merged. */
  compactAll(): Promise<void> {
    const refusal = this.#mergesBroken ?? this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      this.#mergesWanted.push({ resolve, reject });
      this.poke();
    });
  }

  /** Begins nothing more, and waits for what runs. */
  async close(): Promise<void> {
    this.#stopped = true;
    await Promise.allSettled([this.#flushing, this.#compacting, this.#restWatch.close()]);
    this.#refuseWanted();
  }

  /** Repeats `step` until it finds nothing to do; after a failure it waits and tries again. */
  async #work(step: () => Promise<boolean>, wanted: Wanted[]): Promise<void> {
    const { scheduler } = this.#host.settings.components;
    let retryMs = RETRY_MS_FIRST;
    // On a turn of its own, so that whoever poked goes on first.
    await Promise.resolve();
    while (!this.#stopped) {
      try {
        if (!(await step())) return;
        retryMs = RETRY_MS_FIRST;
        this.#lastError = undefined;
      } catch (error) {
        this.#failed(error, wanted);
        if (this.#mergesBroken !== undefined && wanted === this.#mergesWanted) return;
        await scheduler.delay(retryMs);
        retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
      }
    }
  }

  #failed(error: unknown, wanted: Wanted[]): void {
    this.counts.failures++;
    this.#lastError = storeError(error);
    this.#host.settings.logger.error({ err: error }, "background work failed");
    for (const { reject } of wanted.splice(0)) reject(this.#lastError);
    if (isKvtsError(error, "CORRUPTION") && wanted === this.#mergesWanted) this.#mergesBroken = this.#lastError;
    if (!this.#host.versions.isIndeterminate) return;
    this.#stopped = true;
    this.#refuseWanted();
    this.#host.failed();
  }

  /** What has been asked for and will not be done any more. */
  #refuseWanted(): void {
    for (const { reject } of [...this.#flushesWanted.splice(0), ...this.#mergesWanted.splice(0)])
      reject(this.#refusal());
  }

  #refusal(): KvtsError | undefined {
    if (!this.#stopped) return undefined;
    return this.#lastError ?? new KvtsError("CLOSED", "the store is closed; open it again to use it");
  }

  #settleFlushes(): void {
    if (this.#host.layers.frozen.length > 0) return;
    for (const { resolve } of this.#flushesWanted.splice(0)) resolve();
  }

  #isFlushDue(): boolean {
    const oldest = this.#host.layers.frozen[0];
    return oldest !== undefined && oldest.memtable.maxSeq <= this.#host.counters().publishedSeq;
  }

  /** Writes the oldest frozen memtable to level 0. */
  async #flushOldest(): Promise<boolean> {
    if (!this.#isFlushDue()) return false;
    const { layers, versions } = this.#host;
    const live = layers.frozen[0]!;
    const result = await this.#run({
      memtables: [live],
      tables: [],
      outputLevel: 0,
      inputBytes: live.memtable.bytesUsed,
      dropsRetracts: false,
      urgent: true,
    });
    if (result === undefined) return true;
    const logNumber = layers.oldestLogWithout(live);
    await this.#install({ logNumber, added: result.tables.map((meta) => ({ level: 0, meta })) }, result, live);
    this.counts.flushes++;
    this.counts.flushedBytes += result.bytesWritten;
    this.#host.releaseLogs(versions.numbers.logNumber);
    this.poke();
    return true;
  }

  /** Runs the most pressing compaction, or the one that was asked for. */
  async #compactOnce(): Promise<boolean> {
    const levels = this.#levels();
    const everything = this.#mergesWanted.splice(0);
    try {
      const { picker } = this.#host.settings.tuning;
      const { level0Probes } = this.#host.versions.current;
      const pick =
        everything.length > 0
          ? pickEverything(levels)
          : (pickCompaction(levels, picker, this.#resumeKeys) ??
            pickForReads(levels, picker, level0Probes) ??
            (this.#isAtRest ? pickAtRest(levels, picker) : undefined));
      if (pick === undefined) {
        for (const { resolve } of everything) resolve();
        return false;
      }
      const done = pick.move ? await this.#move(pick) : await this.#merge(pick, levels);
      if (!done) this.#mergesWanted.unshift(...everything);
      else for (const { resolve } of everything) resolve();
      return true;
    } catch (error) {
      for (const { reject } of everything) reject(storeError(error));
      throw error;
    }
  }

  /** Moves tables a level down as they are. */
  async #move(pick: Pick<TableMeta>): Promise<boolean> {
    await this.#install({
      removed: pick.inputs.map((meta) => meta.number),
      added: pick.inputs.map((meta) => ({ level: pick.outputLevel, meta })),
    });
    this.counts.moves++;
    this.#remember(pick);
    return true;
  }

  async #merge(pick: Pick<TableMeta>, levels: readonly (readonly TableMeta[])[]): Promise<boolean> {
    const result = await this.#run({
      memtables: [],
      tables: pick.inputs.map((meta) => meta.number),
      outputLevel: pick.outputLevel,
      inputBytes: pick.inputs.reduce((sum, meta) => sum + meta.rawBytes + meta.fileBytes, 0),
      dropsRetracts: dropsRetracts(levels, pick.inputs),
      urgent: false,
    });
    if (result === undefined) return false;
    const removed = pick.inputs.map((meta) => meta.number);
    await this.#install({ removed, added: result.tables.map((meta) => ({ level: pick.outputLevel, meta })) }, result);
    this.counts.compactions++;
    this.counts.compactionReadBytes += result.bytesRead;
    this.counts.compactionWrittenBytes += result.bytesWritten;
    this.#remember(pick);
    return true;
  }

  /**
   * Has a merge run. Undefined where its outcome must not be used: meanwhile somebody pinned an old seq that it did not
   * know of, and it dropped what that seq shows.
   */
  async #run(inputs: {
    memtables: readonly LiveMemtable[];
    tables: readonly number[];
    outputLevel: number;
    inputBytes: number;
    dropsRetracts: boolean;
    urgent: boolean;
  }): Promise<CompactionResult | undefined> {
    const { directory, settings, versions, pins, layers } = this.#host;
    const outputsMax = Math.ceil(inputs.inputBytes / settings.tuning.tables.tableBytesMax) * 2 + OUTPUTS_SPARE;
    const firstOutput = await versions.reserveFileNumbers(outputsMax);
    const view = layers.view.acquire();
    let result: CompactionResult | undefined;
    try {
      const known = pins.seqs();
      const job: CompactionJob = {
        directory,
        memtables: inputs.memtables.map((live) => live.memtable.transfer()),
        tables: inputs.tables,
        firstOutput,
        outputsMax,
        outputLevel: inputs.outputLevel,
        pins: known,
        dropsRetracts: inputs.dropsRetracts,
        settings: settings.tuning.tables,
        provenance: this.#provenance(inputs.tables),
        urgent: inputs.urgent,
        pace: this.pacer.words,
      };
      const outcome = await this.#atPace(() => settings.components.runner.run(job));
      if (pins.raiseFloor(outcome.seqFloor, known)) result = outcome;
    } finally {
      view.release();
      if (result === undefined) await this.#abandoned.remove(firstOutput, outputsMax);
    }
    return result;
  }

  async #atPace<T>(run: () => Promise<T>): Promise<T> {
    const end = this.pacer.begin();
    try {
      return await run();
    } finally {
      end();
    }
  }

  async #install(edit: VersionEdit, result?: CompactionResult, flushed?: LiveMemtable): Promise<void> {
    const { versions, layers, pins } = this.#host;
    const opened = new Map<number, TableFile>();
    try {
      for (const meta of result?.tables ?? []) opened.set(meta.number, this.#openTable(meta));
      // Raised by every merge whose outcome is used, this one included.
      const { seqFloor } = pins;
      const version = await versions.logAndApply({ ...edit, seqFloor }, (number) => opened.get(number)!);
      layers.install(version, flushed);
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

  /** Tables that could not be installed come to nothing, unless the manifest may name them after all. */
  async #abandon(tables: readonly TableMeta[], cause: unknown): Promise<never> {
    if (!this.#host.versions.isIndeterminate) {
      for (const { number } of tables) await this.#abandoned.remove(number, 1);
    }
    throw cause;
  }

  /** Goes round a level's tables in turn. */
  #remember(pick: Pick<TableMeta>): void {
    this.#resumeKeys[pick.outputLevel - 1] = pick.resumeKey;
  }

  #levels(): TableMeta[][] {
    return this.#host.versions.current.levels.map((level) => level.files.map((file) => file.meta));
  }

  #provenance(inputs: readonly number[]): CompactionJob["provenance"] {
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
      horizons: [],
      erasures: [],
    };
  }
}
