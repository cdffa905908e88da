import { formatTime, KvtsError, toHex } from "@kvts/common";
import { insertFrame } from "./commit/memory-insert.ts";
import type { FileLock } from "./env/file-system.ts";
import { Erasures } from "./erase/erasures.ts";
import { FeedLog } from "./feed/feed-log.ts";
import { findKept } from "./feed/find-kept.ts";
import { lockFileName, parseFileName } from "./format/filenames.ts";
import { isDiskFull, openError } from "./io-error.ts";
import { Layers } from "./layers.ts";
import { Logs } from "./logs.ts";
import { makeDirectory } from "./make-directory.ts";
import { expectConsistent } from "./manifest/contradictions.ts";
import { loadManifest, type ManifestState } from "./manifest/state.ts";
import { Version } from "./manifest/version.ts";
import { type StoreNumbers, VersionSet } from "./manifest/version-set.ts";
import { MarkFiles, type MarkFilesOptions } from "./marks/mark-files.ts";
import { RangeMarks } from "./marks/range-marks.ts";
import { ArenaPool } from "./memtable/arena-pool.ts";
import type { Settings } from "./options.ts";
import { clearIdle, clearOrphans } from "./orphans.ts";
import type { Recovered, Recovery } from "./recovered.ts";
import { RequestFiles } from "./requests/request-files.ts";
import { Requests } from "./requests/requests.ts";
import { holdsStore } from "./store-finder.ts";
import { BlockCache } from "./table/block-cache.ts";
import { IndexCache } from "./table/index-cache.ts";
import { TableOpener } from "./table-opener.ts";
import { frameStart } from "./wal/frame.ts";
import { type LogContents, readLog } from "./wal/log-reader.ts";
import { LOG_GROWTH_BYTES } from "./wal/log-segment.ts";
import { LogWriter } from "./wal/log-writer.ts";
import { secureLog } from "./wal/secure-log.ts";

/** Former log segments kept for later. */
const SPARE_SEGMENTS_MAX = 2;
/** A clock this far behind the last run's is taken for a mistake: one hour, in microseconds. */
const CLOCK_BEHIND_MAX = 3_600_000_000;

/**
 * Opens a directory: lock → CURRENT → fold the manifest's edits → open the tables → replay the live logs → sync what was
 * replayed → a fresh manifest and log → orphans away. Cut short anywhere, it can begin again: what it changes before the
 * new manifest is in force means nothing.
 *
 * A store that was closed in order is at rest: it stays as it is, and what it writes first begins manifest and log.
 */
export async function recover(directory: string, settings: Settings): Promise<Recovered> {
  const { fileSystem } = settings.components;
  try {
    // Looked at before anything is made: a directory that is not a store stays as it is.
    if (!holdsStore(fileSystem, directory, settings.createIfMissing)) await makeDirectory(fileSystem, directory);
    const lock = fileSystem.lock(lockFileName(directory));
    const recoverer = new Recoverer(directory, settings, lock);
    try {
      return await recoverer.run();
    } catch (error) {
      await recoverer.abandon();
      lock.release();
      throw error;
    }
  } catch (error) {
    throw openError(error, directory);
  }
}

class Recoverer {
  readonly #directory: string;
  readonly #settings: Settings;
  readonly #lock: FileLock;
  readonly #startedMs: number;
  readonly #tables: TableOpener;
  readonly #feedLog: FeedLog;
  #versions: VersionSet | undefined;
  #reserveWasReleased = false;
  /** How to close what has been opened, in the order of opening. */
  readonly #closers: (() => Promise<void>)[] = [];

  constructor(directory: string, settings: Settings, lock: FileLock) {
    const { components, memory, logger } = settings;
    this.#directory = directory;
    this.#settings = settings;
    this.#lock = lock;
    this.#startedMs = components.scheduler.monotonicMs();
    this.#feedLog = new FeedLog({
      fileSystem: components.fileSystem,
      directory,
      bytesMax: settings.feedBytes,
      ageMsMax: settings.feedAgeMs,
      now: () => components.clock.now(),
    });
    const mayRemove = () => this.#versions?.isIndeterminate === false;
    this.#tables = new TableOpener(
      components.fileSystem,
      directory,
      new BlockCache(memory.blockCacheBytes),
      new IndexCache(settings.tuning.indexBytesMax),
      logger,
      mayRemove,
    );
    this.#closers.push(() => this.#tables.closeAll());
  }

  async run(): Promise<Recovered> {
    const directory = this.#directory;
    const settings = this.#settings;
    const { fileSystem, scheduler } = settings.components;
    const created = !holdsStore(fileSystem, directory, settings.createIfMissing);
    const state = loadManifest(fileSystem, directory) ?? this.#newState();
    expectConsistent(state, directory);
    this.#checkClock(state);

    const version = Version.of(state.tables.map(({ level, meta }) => ({ level, file: this.#tables.openUnread(meta) })));
    const { files: markFiles, marks } = this.#loadMarks(state);
    const { logNumber, erasures } = state.numbers;
    const layers = new Layers(this.#arenas(), version, logNumber, RangeMarks.of(marks), Erasures.of(erasures));
    const requests = new Requests(settings.tuning.requestIdsMax);
    const requestFiles = this.#loadRequests(state, requests);
    const replayed = await this.#replay(state, layers, requests);
    const { lastSeq, lastAssigned } = this.#lastGivenOut(state, replayed);
    await this.#findFeed(state, replayed, lastSeq);

    const versions = this.#prepareManifest(state, version, lastSeq, lastAssigned);
    const writer = this.#prepareLog(versions, replayed);
    const isAtRest = wasClosed(state, replayed) && sayTheSame(state.numbers, versions.numbers);
    const live = isAtRest ? replayed.live : await this.#begin(state, layers, versions, writer, replayed);
    const setAside = await clearOrphans(fileSystem, directory, {
      manifest: versions.manifestNumber,
      tables: new Set(state.tables.map(({ meta }) => meta.number)),
      logs: new Set([
        ...this.#feedLog.segments.map(({ number }) => number),
        ...live,
        ...(writer.isBegun ? [writer.segment] : isAtRest ? [] : replayed.stale),
      ]),
      requestFiles: new Set(state.numbers.requestFiles ?? []),
      markFiles: new Set(state.numbers.markFiles ?? []),
      firstUnknownNumber: state.numbers.nextFileNumber,
      manifestWasTorn: state.tornBytes > 0,
      keepsBelow: state.keepsBelow,
    });
    const recovery: Recovery = {
      created,
      clean: state.closed !== undefined,
      logs: replayed.live.length,
      operations: replayed.operations,
      setAside,
      elapsedMs: Math.round(scheduler.monotonicMs() - this.#startedMs),
    };
    const feedLog = this.#feedLog;
    const logs = new Logs(writer, live, () => versions.begin(), feedLog);
    const tables = this.#tables;
    const lock = this.#lock;
    const parts = {
      directory,
      settings,
      lock,
      layers,
      versions,
      tables,
      logs,
      feedLog,
      requests,
      requestFiles,
      markFiles,
    };
    const logEnd = writer.durable;
    return { ...parts, logEnd, lastSeq, lastAssigned, recovery, reserveWasReleased: this.#reserveWasReleased };
  }

  /** Lets go of what had been opened. What fails in it is of no interest beside the failure that led here. */
  async abandon(): Promise<void> {
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) {
      try {
        await close();
      } catch (error) {
        this.#settings.logger.debug({ err: error }, "a file could not be closed after the store failed to open");
      }
    }
  }

  #arenas(): ArenaPool {
    return new ArenaPool({
      arenaBytes: this.#settings.memory.memtableBytes,
      idleArenasMax: 1,
      // All that a memtable can hold: what is dropped stays resident for long after.
      idleSlabBytesMax: this.#settings.memory.memtableBytes,
    });
  }

  #loadRequests({ numbers }: ManifestState, { table }: Requests): RequestFiles {
    return RequestFiles.load({ ...this.#sideFileOptions(numbers), table }, numbers.requestFiles ?? []);
  }

  #loadMarks({ numbers }: ManifestState): ReturnType<typeof MarkFiles.load> {
    return MarkFiles.load(this.#sideFileOptions(numbers), numbers.markFiles ?? []);
  }

  #sideFileOptions({ incarnation }: StoreNumbers): MarkFilesOptions {
    const { components, logger } = this.#settings;
    return {
      fileSystem: components.fileSystem,
      directory: this.#directory,
      incarnation,
      logger,
      takeFileNumber: () => this.#versions!.takeFileNumbers(),
      mayRemove: () => this.#versions?.isIndeterminate === false,
    };
  }

  /** Reads the live logs into memory, and makes sure that they are on disk, as they are where the store was closed in order. */
  async #replay(state: ManifestState, layers: Layers, requests: Requests): Promise<LogContents> {
    const { incarnation, logNumber, durableLog: durable } = state.numbers;
    const directory = this.#directory;
    const { fileSystem, scheduler } = this.#settings.components;
    const replayed = await readLog({ fileSystem, directory, incarnation, logNumber, durable }, (frame) => {
      requests.replay(frame);
      const { segment, offset } = frameStart(frame);
      this.#feedLog.noteFrame(segment, offset, frame.firstSeq, frame.firstSeq + frame.operationCount - 1);
      return insertFrame(frame, layers, logNumber, scheduler);
    });
    if (!wasClosed(state, replayed)) await secureLog(fileSystem, directory, replayed);
    return replayed;
  }

  /** What the change feed can be read from: what was kept for it, as far as it is there, and what was replayed. */
  async #findFeed({ numbers }: ManifestState, replayed: LogContents, lastSeq: number): Promise<void> {
    const feedLog = this.#feedLog;
    const { incarnation, feed, restores = [], logNumber } = numbers;
    const { fileSystem } = this.#settings.components;
    const kept = feedLog.keeps
      ? await findKept({
          fileSystem,
          directory: this.#directory,
          incarnation,
          feed,
          logNumber,
          firstLive: replayed.live[0],
        })
      : undefined;
    feedLog.recovered(kept?.segments ?? [], replayed, lastSeq);
    const firstSeq = feedLog.segments.find((segment) => segment.firstSeq !== undefined)?.firstSeq;
    feedLog.floor = kept?.afterSeq ?? (firstSeq === undefined ? lastSeq : firstSeq - 1);
    // Logs may go back further than the feed, where something was committed past them.
    if (feed !== undefined) feedLog.cut(feed.afterSeq);
    feedLog.recoveredRestores(restores);
  }

  /**
   * Puts a manifest and a log segment of this run in force. On a full disk a store that there is opens all the same: it
   * goes on with the manifest that it has, and begins both with its first write for which there is room.
   * @returns the older segments that are still needed
   */
  async #begin(
    { numbers }: ManifestState,
    layers: Layers,
    versions: VersionSet,
    writer: LogWriter,
    { live, operations, end }: LogContents,
  ): Promise<readonly number[]> {
    const isNew = numbers.logNumber === 0;
    try {
      await this.#makingRoom(() => versions.begin());
      await this.#makingRoom(() => writer.begin());
      this.#feedLog.began(writer.segment, end.offset);
      if (operations > 0) return live;
      // Older logs are needed no more, and from here on a missing one is damage.
      const { start: feed } = this.#feedLog;
      const edit = { logNumber: writer.segment, ...(feed === undefined ? {} : { feed }) };
      const begun = await this.#makingRoom(() => versions.logAndApply(edit));
      layers.beginLog(writer.segment);
      layers.install(begun);
      for (const number of live) this.#feedLog.released(number);
      return [];
    } catch (error) {
      if (isNew || !isDiskFull(error)) throw error;
      this.#settings.logger.warn({ err: error }, "the disk is full; the store takes writes once there is room");
      return live;
    }
  }

  /** Does `step`; where there is no room for it, once more without the files that mean nothing. */
  async #makingRoom<T>(step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      if (await clearIdle(this.#settings.components.fileSystem, this.#directory)) this.#reserveWasReleased = true;
      return await step();
    }
  }

  #prepareManifest(
    { numbers: { feed: _, restores: __, ...numbers }, manifestNumber }: ManifestState,
    version: Version,
    lastSeq: number,
    lastAssigned: number,
  ): VersionSet {
    const { components, tuning, acceptClock } = this.#settings;
    const { start: feed, restores } = this.#feedLog;
    const versions = VersionSet.of(
      { fileSystem: components.fileSystem, directory: this.#directory, manifestBytesMax: tuning.manifestBytesMax },
      {
        ...numbers,
        ...(feed === undefined ? {} : { feed }),
        ...(restores.length === 0 ? {} : { restores }),
        nextFileNumber: Math.max(numbers.nextFileNumber, this.#greatestNumber() + 1),
        seqCeiling: Math.max(lastSeq, numbers.seqCeiling),
        timestampCeiling: Math.max(lastAssigned, acceptClock ? 0 : numbers.timestampCeiling),
      },
      version,
      manifestNumber,
    );
    this.#versions = versions;
    this.#closers.push(() => versions.close(undefined));
    return versions;
  }

  #prepareLog(versions: VersionSet, { end }: LogContents): LogWriter {
    const { components, durability, tuning, logger } = this.#settings;
    const writer = LogWriter.at(
      {
        fileSystem: components.fileSystem,
        directory: this.#directory,
        incarnation: versions.numbers.incarnation,
        segmentBytes: tuning.logSegmentBytes,
        growthBytes: durability === "sync" ? LOG_GROWTH_BYTES : 0,
        sparesMax: SPARE_SEGMENTS_MAX,
        takeFileNumber: () => versions.takeFileNumbers(),
        now: () => components.clock.now(),
        monotonicMs: () => components.scheduler.monotonicMs(),
        logger,
      },
      end,
    );
    versions.watchLog(() => writer.durable);
    this.#closers.push(() => writer.close());
    return writer;
  }

  #newState(): ManifestState {
    return {
      numbers: {
        incarnation: toHex(this.#settings.components.randomBytes()),
        nextFileNumber: 1,
        logNumber: 0,
        seqCeiling: 0,
        timestampCeiling: 0,
        seqFloor: 0,
      },
      tables: [],
      closed: { lastSeq: 0, lastAssigned: 0 },
      keepsBelow: 0,
      manifestNumber: 0,
      tornBytes: 0,
    };
  }

  /** After an orderly close, what was given out last; otherwise nobody knows, and everything up to the ceilings counts. */
  #lastGivenOut(state: ManifestState, replayed: LogContents): { lastSeq: number; lastAssigned: number } {
    const { seqCeiling, timestampCeiling } = state.numbers;
    const lastSeq = state.closed?.lastSeq ?? Math.max(seqCeiling, replayed.lastSeq);
    const lastAssigned = this.#settings.acceptClock ? 0 : (state.closed?.lastAssigned ?? timestampCeiling);
    return { lastSeq, lastAssigned };
  }

  #checkClock(state: ManifestState): void {
    const last = state.closed?.lastAssigned ?? state.numbers.timestampCeiling;
    const now = this.#settings.components.clock.now();
    if (this.#settings.acceptClock || last - now <= CLOCK_BEHIND_MAX) return;
    throw new KvtsError(
      "UNAVAILABLE",
      `the clock says ${formatTime(now)}, and this store was written at ${formatTime(last)}; set the clock, or open it once with acceptClock if the clock is right now`,
      { details: { now, lastAssigned: last } },
    );
  }

  /** The greatest number that any file here bears: none is ever given out twice. */
  #greatestNumber(): number {
    const names = this.#settings.components.fileSystem.list(this.#directory);
    return names.reduce((greatest, name) => Math.max(greatest, parseFileName(name)?.number ?? 0), 0);
  }
}

/** Whether nothing has happened since the store was closed in order, and its last log was put on disk. */
function wasClosed({ closed, manifestNumber, tornBytes }: ManifestState, { live, frames }: LogContents): boolean {
  return closed !== undefined && manifestNumber !== 0 && tornBytes === 0 && live.length > 0 && frames === 0;
}

/** Whether a manifest has nothing new to say. */
function sayTheSame(written: StoreNumbers, current: StoreNumbers): boolean {
  const names = new Set([...Object.keys(written), ...Object.keys(current)]) as Set<keyof StoreNumbers>;
  return [...names].every((name) => JSON.stringify(written[name]) === JSON.stringify(current[name]));
}
