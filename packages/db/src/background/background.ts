import { isKvtsError, KvtsError } from "@kvts/common";
import { areCertain } from "../compaction/key-floors.ts";
import type { Pacer } from "../compaction/pacer.ts";
import {
  dropsRetracts,
  type Pick,
  pickAtRest,
  pickCompaction,
  pickEverything,
  pickForReads,
} from "../compaction/picker.ts";
import { pickTrim } from "../compaction/trim-picker.ts";
import { storeError } from "../io-error.ts";
import type { LiveMemtable } from "../layers.ts";
import { learnTables } from "../manifest/learn-tables.ts";
import type { TableFile } from "../manifest/table-file.ts";
import type { TableMeta } from "../manifest/table-meta.ts";
import { RestWatch } from "./rest-watch.ts";
import type { SavedSideFiles } from "./side-files.ts";
import { TableJobs, type TableJobsHost } from "./table-jobs.ts";

/** Waits between tries of a job that failed, doubling up to the last. */
const RETRY_MS_FIRST = 50;
const RETRY_MS_MAX = 5_000;

/** A memtable at least so full is worth a table of its own when nobody writes. */
export const REST_FILL_MIN = 0.25;

/** Counted since the store was opened. */
export interface BackgroundCounts {
  flushes: number;
  compactions: number;
  moves: number;
  /** Compactions of one table alone, for what horizons hide in it. */
  trims: number;
  /** Versions that flushes and merges have left out because they are erased, or that went with whole tables. */
  erasedVersions: number;
  /** Tables written anew, or removed, for erasures alone, and their bytes. */
  erasedTables: number;
  erasedTableBytes: number;
  failures: number;
  flushedBytes: number;
  compactionReadBytes: number;
  compactionWrittenBytes: number;
}

/** What background work asks of the store around it. */
export interface BackgroundHost extends TableJobsHost {
  /** Logs below this number are not needed any more; they go when nothing is being synced. */
  releaseLogs(oldestLog: number): void;
  /** Freezes the active memtable, between two groups. */
  freeze(): void;
  /** Writes what is neither in memtables nor in tables, up to a seq, to files of its own, before the log goes. */
  saveSideFiles(lastSeq: number): Promise<SavedSideFiles>;
  /** Writes what such files hold of what is erased anew. */
  eraseFromSideFiles(): Promise<SavedSideFiles>;
  /** Nothing can be installed any more: the manifest is in doubt. */
  failed(): void;
  /** There was no room on the disk for a job. */
  fullDisk(): void;
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
    trims: 0,
    erasedVersions: 0,
    erasedTables: 0,
    erasedTableBytes: 0,
    failures: 0,
    flushedBytes: 0,
    compactionReadBytes: 0,
    compactionWrittenBytes: 0,
  };
  readonly #host: BackgroundHost;
  readonly #resumeKeys: (Uint8Array | undefined)[] = [];
  #flushing: Promise<void> | undefined;
  #compacting: Promise<void> | undefined;
  /** Who waits for files that flushes write beside tables to be rid of what is erased. */
  #sideErasuresWanted: Wanted[] = [];
  /** Callers of `flushAll` and `compactAll`. */
  #flushesWanted: Wanted[] = [];
  #mergesWanted: Wanted[] = [];
  /** Who waits for the tables to be rid of what is erased. A failure does not end it: it is tried again. */
  #erasureWanted: Wanted | undefined;
  #lastError: KvtsError | undefined;
  /** Begins nothing any more: the store closes, or its manifest is in doubt. */
  #stopped = false;
  readonly #restWatch: RestWatch;
  /** Nobody writes: what is not pressing may be merged. */
  #isAtRest = false;
  /** Why no merge is begun any more: a table that has to be read is damaged, or of an unknown form; the store closes. */
  #mergesRefused: KvtsError | undefined;

  /** Has tables made and installed. */
  readonly jobs: TableJobs;

  constructor(host: BackgroundHost) {
    const { components, tuning } = host.settings;
    this.#host = host;
    this.jobs = new TableJobs(host);
    this.#restWatch = new RestWatch(components.scheduler, tuning.restMs, () => host.counters().lastSeq);
  }

  /** How fast the worker may go. */
  get pacer(): Pacer {
    return this.jobs.pacer;
  }

  /** Whether nothing is begun any more. */
  get isStopped(): boolean {
    return this.#stopped;
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
      if (this.#isFlushDue() || this.#sideErasuresWanted.length > 0) this.poke();
    });
    if (this.#mergesRefused !== undefined) return;
    this.#compacting ??= this.#work(() => this.#compactOnce(), this.#mergesWanted).finally(() => {
      this.#compacting = undefined;
      this.#isAtRest = false;
      // Either may have come after the last look for work.
      if (this.#mergesWanted.length > 0 || this.#erasureWanted !== undefined) this.poke();
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
    if (this.#compacting !== undefined || this.#mergesRefused !== undefined) return false;
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

  /** Tells those who wait for flushes that some frozen memtable will never be flushed: its last writes came to nothing. */
  refuseFlushes(reason: KvtsError): void {
    for (const { reject } of this.#flushesWanted.splice(0)) reject(reason);
  }

  /** Resolves once all tables have been merged. */
  compactAll(): Promise<void> {
    const refusal = this.#mergesRefused ?? this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      this.#mergesWanted.push({ resolve, reject });
      this.poke();
    });
  }

  /**
   * Resolves once no table holds anything that was erased when this was called, and that memory did not hold. One at a time.
   * @throws CORRUPTION, CLOSED; what the store refuses writes with
   */
  eraseFromTables(): Promise<void> {
    const refusal = this.#mergesRefused ?? this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      this.#erasureWanted = { resolve, reject };
      this.poke();
    });
  }

  /** Resolves once no file that a flush writes beside tables names anything that was erased when this was called. */
  eraseFromSideFiles(): Promise<void> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      this.#sideErasuresWanted.push({ resolve, reject });
      this.poke();
    });
  }

  /** Begins no merge any more; the one that runs goes on, and so do flushes. */
  refuseMerges(reason: KvtsError): void {
    this.#mergesRefused ??= reason;
    for (const { reject } of this.#mergesWanted.splice(0)) reject(reason);
    this.abandonErasure(reason);
  }

  /** Ends the wait of {@link eraseFromTables} and of {@link eraseFromSideFiles}. */
  abandonErasure(reason: KvtsError): void {
    for (const { reject } of this.#sideErasuresWanted.splice(0)) reject(reason);
    this.#erasureWanted?.reject(reason);
    this.#erasureWanted = undefined;
  }

  /** Tables know up to which erasure they hold nothing erased: without this, {@link erasable} reads it at once. */
  async learnErasable(): Promise<void> {
    const { layers, versions } = this.#host;
    await learnTables(versions.current, (meta) => layers.erasures?.mayBeIn(meta, 0) === true);
  }

  /** Tables that may hold something erased, with their levels. */
  erasable(): { readonly level: number; readonly file: TableFile }[] {
    const { layers, versions } = this.#host;
    const { erasures } = layers;
    if (erasures === undefined) return [];
    return versions.current.tables().filter(({ file: { meta, table } }) => {
      return erasures.mayBeIn(meta, 0) && erasures.mayBeIn(meta, table.properties.provenance.erasedSeq);
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
        if (this.#mergesRefused !== undefined && wanted === this.#mergesWanted) return;
        await scheduler.delay(retryMs);
        retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
      }
    }
  }

  #failed(error: unknown, wanted: Wanted[]): void {
    this.counts.failures++;
    this.#lastError = storeError(error);
    if (this.#lastError.code === "NO_SPACE") this.#host.fullDisk();
    this.#host.settings.logger.error({ err: error }, "background work failed");
    for (const { reject } of wanted.splice(0)) reject(this.#lastError);
    if (isUnreadable(error) && wanted === this.#mergesWanted) this.refuseMerges(this.#lastError);
    if (!this.#host.versions.isIndeterminate) return;
    this.#stopped = true;
    this.#refuseWanted();
    this.#host.failed();
  }

  /** What has been asked for and will not be done any more. */
  #refuseWanted(): void {
    for (const { reject } of [...this.#flushesWanted.splice(0), ...this.#mergesWanted.splice(0)])
      reject(this.#refusal());
    for (const { reject } of this.#sideErasuresWanted.splice(0)) reject(this.#refusal());
    this.#erasureWanted?.reject(this.#refusal());
    this.#erasureWanted = undefined;
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
    return oldest !== undefined && oldest.maxSeq <= this.#host.counters().publishedSeq;
  }

  /** Writes the oldest frozen memtable to level 0. */
  async #flushOldest(): Promise<boolean> {
    if (await this.#eraseFromSideFiles()) return true;
    if (!this.#isFlushDue()) return false;
    const { layers, versions } = this.#host;
    const live = layers.frozen[0]!;
    const saved = await this.#host.saveSideFiles(live.maxSeq);
    try {
      if (!(await this.#flush(live, saved))) {
        await saved.abandoned();
        return true;
      }
    } catch (error) {
      await saved.abandoned();
      throw error;
    }
    await saved.installed();
    this.#host.releaseLogs(versions.numbers.logNumber);
    this.poke();
    return true;
  }

  /** Between two flushes, since those write such files too. False where nobody has asked for it. */
  async #eraseFromSideFiles(): Promise<boolean> {
    const wanted = this.#sideErasuresWanted.splice(0);
    if (wanted.length === 0) return false;
    try {
      const saved = await this.#host.eraseFromSideFiles();
      try {
        if (Object.keys(saved.edit).length > 0) await this.jobs.install(saved.edit);
      } catch (error) {
        await saved.abandoned();
        throw error;
      }
      await saved.installed();
    } catch (error) {
      for (const { reject } of wanted) reject(storeError(error));
      throw error;
    }
    for (const { resolve } of wanted) resolve();
    return true;
  }

  /** False where its outcome must not be used. */
  async #flush(live: LiveMemtable, { edit }: SavedSideFiles): Promise<boolean> {
    const logNumber = (): number => this.#host.layers.oldestLogWithout(live);
    if (live.memtable.entryCount === 0) {
      await this.jobs.install({ logNumber: logNumber(), ...edit }, undefined, live);
      return true;
    }
    const result = await this.jobs.run({
      memtables: [live],
      tables: [],
      outputLevel: 0,
      inputBytes: live.memtable.bytesUsed,
      dropsRetracts: false,
      urgent: true,
      dense: false,
    });
    if (result === undefined) return false;
    const added = result.tables.map((meta) => ({ level: 0, meta }));
    await this.jobs.install({ logNumber: logNumber(), added, ...edit }, result, live);
    this.counts.flushes++;
    this.counts.flushedBytes += result.bytesWritten;
    this.counts.erasedVersions += result.erased;
    return true;
  }

  /** Runs the most pressing compaction, or the one that was asked for. */
  async #compactOnce(): Promise<boolean> {
    if (this.#mergesRefused !== undefined) return false;
    if (await this.#eraseOnce()) return true;
    await this.#learnCuts();
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
            this.#pickTrim(levels) ??
            (this.#isAtRest ? pickAtRest(levels, picker) : undefined));
      if (pick === undefined) {
        for (const { resolve } of everything) resolve();
        return false;
      }
      const done = pick.move ? await this.#move(pick) : await this.#merge(pick, levels, everything.length > 0);
      if (!done) this.#mergesWanted.unshift(...everything);
      else for (const { resolve } of everything) resolve();
      return true;
    } catch (error) {
      for (const { reject } of everything) reject(storeError(error));
      throw error;
    }
  }

  /** Rids a table of what is erased, or removes all tables that hold nothing else. */
  async #eraseOnce(): Promise<boolean> {
    const wanted = this.#erasureWanted;
    if (wanted === undefined) return false;
    const { erasures } = this.#host.layers;
    const erasable = this.erasable();
    const whole = erasable.filter(({ file }) => erasures?.areAllOf(file.meta));
    const next = erasable[0];
    if (whole.length > 0) {
      await this.jobs.install({ removed: whole.map(({ file }) => file.meta.number) });
      for (const { file } of whole) this.counts.erasedVersions += file.meta.entryCount;
      this.#countErased(whole.map(({ file }) => file.meta));
    } else if (next !== undefined) {
      const { level, file } = next;
      const pick = { inputs: [file.meta], outputLevel: level, move: false, trims: true, resumeKey: file.meta.largest };
      if (await this.#merge(pick, this.#levels(), false)) this.#countErased(pick.inputs);
    } else {
      this.#erasureWanted = undefined;
      wanted.resolve();
      return false;
    }
    return true;
  }

  #countErased(tables: readonly TableMeta[]): void {
    for (const { fileBytes } of tables) {
      this.counts.erasedTables++;
      this.counts.erasedTableBytes += fileBytes;
    }
  }

  /** Tables know by which horizons they were cut. */
  async #learnCuts(): Promise<void> {
    const horizons = this.jobs.horizons();
    if (horizons === undefined) return;
    await learnTables(this.#host.versions.current, ({ minTimestamp }) => minTimestamp < horizons.greatest);
  }

  /** A table that horizons have passed, to be written anew without what they hide. */
  #pickTrim(levels: readonly (readonly TableMeta[])[]): Pick<TableMeta> | undefined {
    const jobs = this.jobs;
    const horizons = jobs.horizons();
    if (horizons === undefined) return undefined;
    const files = new Map(this.#host.versions.current.tables().map(({ file }) => [file.meta.number, file]));
    return pickTrim(levels, {
      horizons,
      cutBy: ({ number }) => (jobs.uncut.has(number) ? [] : files.get(number)!.table.properties.provenance.horizons),
      isCertain: ({ number }) => areCertain(jobs.floorsOf([], [number]), horizons),
    });
  }

  /** Moves tables a level down as they are. */
  async #move(pick: Pick<TableMeta>): Promise<boolean> {
    await this.jobs.install({
      removed: pick.inputs.map((meta) => meta.number),
      added: pick.inputs.map((meta) => ({ level: pick.outputLevel, meta })),
    });
    this.counts.moves++;
    this.#remember(pick);
    return true;
  }

  async #merge(pick: Pick<TableMeta>, levels: readonly (readonly TableMeta[])[], dense: boolean): Promise<boolean> {
    const result = await this.jobs.run({
      memtables: [],
      tables: pick.inputs.map((meta) => meta.number),
      outputLevel: pick.outputLevel,
      inputBytes: pick.inputs.reduce((sum, meta) => sum + meta.rawBytes + meta.fileBytes, 0),
      dropsRetracts: dropsRetracts(levels, pick.inputs) && !this.#mayRetractMarks(pick.inputs),
      urgent: false,
      dense,
    });
    if (result === undefined) return false;
    const removed = pick.inputs.map((meta) => meta.number);
    await this.jobs.install(
      { removed, added: result.tables.map((meta) => ({ level: pick.outputLevel, meta })) },
      result,
    );
    this.counts.compactions++;
    if (pick.trims === true) this.counts.trims++;
    this.counts.erasedVersions += result.erased;
    this.counts.compactionReadBytes += result.bytesRead;
    this.counts.compactionWrittenBytes += result.bytesWritten;
    this.#remember(pick);
    return true;
  }

  /** Whether a retract in the tables may be what hides a range mark, which no table holds: it stays then. */
  #mayRetractMarks(inputs: readonly TableMeta[]): boolean {
    const { layers } = this.#host;
    return inputs.some(({ retractCount, minTimestamp, maxTimestamp, maxSeq }) => {
      return retractCount > 0 && !layers.marks.within(minTimestamp, maxTimestamp, maxSeq).next().done;
    });
  }

  /** Goes round a level's tables in turn. */
  #remember(pick: Pick<TableMeta>): void {
    if (pick.trims === true) return;
    this.#resumeKeys[pick.outputLevel - 1] = pick.resumeKey;
  }

  #levels(): TableMeta[][] {
    return this.#host.versions.current.levels.map((level) => level.files.map((file) => file.meta));
  }
}

/** Whether bytes on disk are damaged, or of a form that only a newer version knows: trying again helps neither. */
function isUnreadable(error: unknown): boolean {
  return isKvtsError(error, "CORRUPTION") || isKvtsError(error, "UNIMPLEMENTED");
}
