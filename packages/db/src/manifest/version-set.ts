import { invariant, type Logger, silentLogger } from "@kvts/common";
import type { FileSystem } from "../env/file-system.ts";
import type { Erasure } from "../erase/erasure.ts";
import type { RestoreMark } from "../feed/restore-mark.ts";
import { manifestFileName, parseFileName, temporaryFileName } from "../format/filenames.ts";
import type { Horizon, Policy } from "../retention/horizon.ts";
import type { Table } from "../table/table.ts";
import type { LogPosition } from "../wal/format.ts";
import { writeCurrent } from "./current.ts";
import { ManifestSyncError } from "./sync-error.ts";
import type { TableFile } from "./table-file.ts";
import type { Version } from "./version.ts";
import { type CleanClose, type FeedStart, restoresAfter, type VersionEdit } from "./version-edit.ts";
import { ManifestWriter } from "./writer.ts";

/** File numbers reserved ahead of use. */
const FILE_NUMBER_STEP = 1000;
/** A new manifest is due at so many times the bytes with which the present one began, or states grow too large to repeat. */
const GROWTH_MIN = 2;

/** The numbers of a store's state, apart from its tables. */
export interface StoreNumbers {
  /** 32 hex digits. */
  readonly incarnation: string;
  readonly nextFileNumber: number;
  readonly logNumber: number;
  readonly seqCeiling: number;
  readonly timestampCeiling: number;
  readonly seqFloor: number;
  /** Files of request ids; left out where there has never been one. */
  readonly requestFiles?: readonly number[];
  /** Files of range marks; left out where there has never been one. */
  readonly markFiles?: readonly number[];
  /** How far the log is on disk for certain, at least; left out where that is not known. */
  readonly durableLog?: LogPosition;
  /** What the change feed can be read from; left out where no log is kept for it. */
  readonly feed?: FeedStart;
  /** Restores that the feed tells of, and no log holds; left out where there are none. */
  readonly restores?: readonly RestoreMark[];
  /** Left out where no retention has ever been set. */
  readonly policies?: readonly Policy[];
  readonly horizons?: readonly Horizon[];
  /** Left out where nothing has ever been erased. */
  readonly erasures?: readonly Erasure[];
}

export interface VersionSetOptions {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  /** A manifest above this is replaced by a new one that begins with a snapshot. */
  readonly manifestBytesMax: number;
  readonly logger?: Logger;
}

/**
 * Owns the manifest and everything that it says: the current version of the tables, file numbers, ceilings, the seq
 * floor. Every change is an edit that is on disk before it shows.
 */
export class VersionSet<T = Table> {
  readonly #options: VersionSetOptions;
  readonly #logger: Logger;
  #numbers: StoreNumbers;
  #current: Version<T>;
  #writer: ManifestWriter | undefined;
  /** The one in force before the first of this set; 0 for none. */
  #manifestBefore = 0;
  #isClosed = false;
  #logPosition: () => LogPosition | undefined = () => undefined;
  #rollOverBytes = 0;
  #turn: Promise<unknown> = Promise.resolve();
  #nextFileNumber: number;
  /** Set once the manifest's state on disk is not known for certain. */
  #failure: ManifestSyncError | undefined;

  private constructor(options: VersionSetOptions, numbers: StoreNumbers, version: Version<T>) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#numbers = numbers;
    this.#current = version;
    this.#nextFileNumber = numbers.nextFileNumber;
  }

  /**
   * The given state, which so far manifest `manifestNumber` holds, 0 for none. Nothing is written before {@link begin}. The
   * version's one hold passes over.
   */
  static of<T>(
    options: VersionSetOptions,
    numbers: StoreNumbers,
    version: Version<T>,
    manifestNumber = 0,
  ): VersionSet<T> {
    const set = new VersionSet(options, numbers, version);
    set.#manifestBefore = manifestNumber;
    return set;
  }

  /** The same, begun. */
  static async start<T>(
    options: VersionSetOptions,
    numbers: StoreNumbers,
    version: Version<T>,
  ): Promise<VersionSet<T>> {
    const set = VersionSet.of(options, numbers, version);
    await set.begin();
    return set;
  }

  /**
   * Starts a new manifest with the present state, and makes it the one in force. The first edit does it where it has not
   * been done. Edits and this take turns.
   * @throws as {@link logAndApply}
   */
  async begin(): Promise<void> {
    await this.between(() => this.#begin());
  }

  /**
   * Goes on in a new manifest with these erasures, and removes every other: what they say of the past is on no disk any more,
   * and does not come back with a power cut.
   * @throws the system's error, and it may be tried again; ManifestSyncError as {@link logAndApply}
   */
  renew(changed: Pick<StoreNumbers, "erasures">): Promise<void> {
    return this.between(() => this.#renew(changed));
  }

  get current(): Version<T> {
    return this.#current;
  }

  get numbers(): StoreNumbers {
    return this.#numbers;
  }

  get manifestNumber(): number {
    return this.#writer?.number ?? this.#manifestBefore;
  }

  /** Bytes in the manifest. */
  get manifestBytes(): number {
    return this.#writer?.bytes ?? 0;
  }

  /** From now on every edit says how far the log is on disk, so that a log that is shorter later is known to be damaged. */
  watchLog(position: () => LogPosition): void {
    this.#logPosition = position;
  }

  /** The first of `count` file numbers, given out for good. */
  takeFileNumbers(count = 1): number {
    const first = this.#nextFileNumber;
    this.#nextFileNumber += count;
    return first;
  }

  /**
   * The same for files that a job writes before any edit names them: where it resolves, the manifest knows of the
   * numbers, and what a crash leaves under them is known to be of no use.
   */
  async reserveFileNumbers(count: number): Promise<number> {
    const first = this.takeFileNumbers(count);
    if (first + count > this.#numbers.nextFileNumber) await this.logAndApply({});
    return first;
  }

  /**
   * Appends `edit`, syncs it, and puts the new version in place. Edits take turns.
   * @param opened finds the open table of a number that the edit adds.
   * @throws the system's error where writing failed, and nothing has happened: it may be tried again; ManifestSyncError
   *   (READ_ONLY, indeterminate) after a failed sync, from then on for every edit
   */
  logAndApply(edit: VersionEdit, opened: (number: number) => TableFile<T> = noTables): Promise<Version<T>> {
    return this.between(() => this.#logAndApply(edit, opened));
  }

  /** Runs `step` between two edits, while the manifest on disk says just what `current` and `numbers` do. */
  between<R>(step: () => R | Promise<R>): Promise<R> {
    const done = this.#turn.then(step);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  /** Says that the store was closed in order, as the last edit, and closes the manifest. */
  async close(closed: CleanClose | undefined): Promise<void> {
    await this.#turn;
    this.#isClosed = true;
    try {
      if (closed !== undefined && this.#failure === undefined)
        await this.#writer?.append({ closed, ...this.#durableLog() });
    } finally {
      this.#writer?.close();
      this.#writer = undefined;
      this.#current.release();
    }
  }

  /** Whether the manifest's state on disk is in doubt: then no file may be removed. */
  get isIndeterminate(): boolean {
    return this.#failure !== undefined;
  }

  /** The failed sync that brought that about. */
  get failure(): ManifestSyncError | undefined {
    return this.#failure;
  }

  async #begin(): Promise<ManifestWriter> {
    if (this.#failure !== undefined) throw this.#failure;
    invariant(!this.#isClosed, "V7: edits come while the store is open");
    if (this.#writer !== undefined) return this.#writer;
    try {
      return await this.#rollOver();
    } catch (error) {
      if (error instanceof ManifestSyncError) this.#failure = error;
      throw error;
    }
  }

  async #logAndApply(edit: VersionEdit, opened: (number: number) => TableFile<T>): Promise<Version<T>> {
    const writer = await this.#begin();
    const numbered = this.#withFileNumbers(edit);
    // A record holds something, or it would pass for a torn one. It comes to that where an edit before this one has
    // reserved the file numbers already.
    if (Object.keys(numbered).length === 0) return this.#current;
    const whole = { ...numbered, ...this.#durableLog() };
    // Made first: an edit that does not fit the version must not reach the disk.
    const next = this.#current.apply(whole, opened);
    try {
      await writer.append(whole);
    } catch (error) {
      if (error instanceof ManifestSyncError) this.#failure = error;
      next.release();
      throw error;
    }
    this.#install(whole, next);
    if (writer.bytes >= this.#rollOverBytes) await this.#tryToRollOver();
    return next;
  }

  #install(edit: VersionEdit, next: Version<T>): void {
    const stays = new Set((edit.added ?? []).map(({ meta }) => meta.number));
    const removed = new Set((edit.removed ?? []).filter((number) => !stays.has(number)));
    for (const { file } of this.#current.tables()) if (removed.has(file.meta.number)) file.markRemoved();
    const requestFiles = edit.requestFiles ?? this.#numbers.requestFiles;
    const markFiles = edit.markFiles ?? this.#numbers.markFiles;
    const durableLog = edit.durableLog ?? this.#numbers.durableLog;
    const feed = edit.feed ?? this.#numbers.feed;
    const policies = edit.policies ?? this.#numbers.policies;
    const horizons = edit.horizons ?? this.#numbers.horizons;
    const erasures = edit.erasures ?? this.#numbers.erasures;
    this.#numbers = {
      incarnation: edit.incarnation ?? this.#numbers.incarnation,
      nextFileNumber: edit.nextFileNumber ?? this.#numbers.nextFileNumber,
      logNumber: edit.logNumber ?? this.#numbers.logNumber,
      seqCeiling: edit.seqCeiling ?? this.#numbers.seqCeiling,
      timestampCeiling: edit.timestampCeiling ?? this.#numbers.timestampCeiling,
      seqFloor: edit.seqFloor ?? this.#numbers.seqFloor,
      ...(requestFiles === undefined ? {} : { requestFiles }),
      ...(markFiles === undefined ? {} : { markFiles }),
      ...(durableLog === undefined ? {} : { durableLog }),
      ...(feed === undefined ? {} : { feed }),
      ...(policies === undefined ? {} : { policies }),
      ...(horizons === undefined ? {} : { horizons }),
      ...(erasures === undefined ? {} : { erasures }),
      ...restoresAfter(this.#numbers, edit),
    };
    const before = this.#current;
    this.#current = next;
    before.release();
  }

  /** What is on disk already when the edit that says so is written. */
  #durableLog(): Pick<VersionEdit, "durableLog"> {
    const durableLog = this.#logPosition();
    return durableLog === undefined ? {} : { durableLog };
  }

  /** Reserves file numbers with an edit that is written anyway. */
  #withFileNumbers(edit: VersionEdit): VersionEdit {
    if (this.#nextFileNumber <= this.#numbers.nextFileNumber - FILE_NUMBER_STEP / 2) return edit;
    return { ...edit, nextFileNumber: this.#nextFileNumber + FILE_NUMBER_STEP };
  }

  /** The edit is on disk already, so a failure here is no failure of the edit; it is tried again much later. */
  async #tryToRollOver(): Promise<void> {
    try {
      await this.#rollOver();
    } catch (error) {
      this.#logger.warn({ err: error, manifest: this.manifestNumber }, "the manifest could not be written anew");
      if (error instanceof ManifestSyncError) this.#failure = error;
      this.#rollOverBytes = this.manifestBytes * GROWTH_MIN;
    }
  }

  /** Writes the whole state to a new manifest, names it in CURRENT, and removes the old one. */
  async #rollOver(changed: Pick<StoreNumbers, "erasures"> = {}): Promise<ManifestWriter> {
    const { fileSystem, directory } = this.#options;
    const number = this.takeFileNumbers();
    const temporary = this.takeFileNumbers();
    const anew = { ...changed, ...this.#durableLog(), nextFileNumber: this.#nextFileNumber + FILE_NUMBER_STEP };
    const snapshot = {
      ...this.#numbers,
      ...anew,
      added: this.#current.tables().map(({ level, file }) => ({ level, meta: file.meta })),
    };
    let writer: ManifestWriter | undefined;
    try {
      writer = await ManifestWriter.create(fileSystem, directory, number, snapshot);
      // CURRENT must not name a file whose own name is not on disk.
      await fileSystem.syncDirectory(directory);
      await writeCurrent(fileSystem, directory, number, temporary);
    } catch (error) {
      writer?.close();
      if (!(error instanceof ManifestSyncError)) {
        await this.#remove(manifestFileName(directory, number));
        await this.#remove(temporaryFileName(directory, temporary));
      }
      throw error;
    }
    const before = this.manifestNumber;
    this.#writer?.close();
    this.#writer = writer;
    this.#rollOverBytes = Math.max(this.#options.manifestBytesMax, writer.bytes * GROWTH_MIN);
    this.#numbers = { ...this.#numbers, ...anew };
    if (before !== 0) await this.#remove(manifestFileName(directory, before));
    return writer;
  }

  async #renew(changed: Pick<StoreNumbers, "erasures">): Promise<void> {
    const { fileSystem, directory } = this.#options;
    if (this.#failure !== undefined) throw this.#failure;
    try {
      await this.#rollOver(changed);
    } catch (error) {
      if (error instanceof ManifestSyncError) this.#failure = error;
      throw error;
    }
    for (const name of fileSystem.list(directory)) {
      const file = parseFileName(name);
      if (file?.kind !== "manifest" || file.number === this.manifestNumber) continue;
      await fileSystem.remove(`${directory}/${name}`);
    }
    await fileSystem.syncDirectory(directory);
  }

  /** Removes a file that nobody needs; recovery does it where this fails. */
  async #remove(path: string): Promise<void> {
    try {
      await this.#options.fileSystem.remove(path);
    } catch (error) {
      this.#logger.warn({ err: error, path }, "a file of an old manifest could not be removed");
    }
  }
}

function noTables(number: number): never {
  throw new Error(`table ${number} was added without being opened`);
}
