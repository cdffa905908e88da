import { invariant } from "@kvts/common";
import type { FileSystem } from "../env/file-system.ts";
import { manifestFileName } from "../format/filenames.ts";
import { writeCurrent } from "./current.ts";
import type { TableFile } from "./table-file.ts";
import type { Version } from "./version.ts";
import type { CleanClose, VersionEdit } from "./version-edit.ts";
import { ManifestSyncError, ManifestWriter } from "./writer.ts";

/** File numbers reserved ahead of use. */
const FILE_NUMBER_STEP = 1000;

/** The numbers of a store's state, apart from its tables. */
export interface StoreNumbers {
  readonly incarnation: string;
  readonly nextFileNumber: number;
  readonly logNumber: number;
  readonly seqCeiling: number;
  readonly timestampCeiling: number;
  readonly seqFloor: number;
}

export interface VersionSetOptions {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  /** A manifest above this is replaced by a new one that begins with a snapshot. */
  readonly manifestBytesMax: number;
}

/**
 * Owns the manifest and everything that it says: the current version of the tables, file numbers, ceilings, the seq
 * floor. Every change is an edit that is on disk before it shows.
 */
export class VersionSet {
  readonly #options: VersionSetOptions;
  #numbers: StoreNumbers;
  #current: Version;
  #writer: ManifestWriter | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #nextFileNumber: number;
  /** Set once the manifest's state on disk is not known for certain. */
  #failure: unknown;

  private constructor(options: VersionSetOptions, numbers: StoreNumbers, version: Version) {
    this.#options = options;
    this.#numbers = numbers;
    this.#current = version;
    this.#nextFileNumber = numbers.nextFileNumber;
  }

  /** Starts a new manifest with the given state, and makes it the one in force. The version's one hold passes over. */
  static async start(options: VersionSetOptions, numbers: StoreNumbers, version: Version): Promise<VersionSet> {
    const set = new VersionSet(options, numbers, version);
    await set.#rollOver();
    return set;
  }

  get current(): Version {
    return this.#current;
  }

  get numbers(): StoreNumbers {
    return this.#numbers;
  }

  get manifestNumber(): number {
    return this.#writer?.number ?? 0;
  }

  /** Bytes in the manifest. */
  get manifestBytes(): number {
    return this.#writer?.bytes ?? 0;
  }

  /** The first of `count` file numbers, given out for good. */
  takeFileNumbers(count = 1): number {
    const first = this.#nextFileNumber;
    this.#nextFileNumber += count;
    return first;
  }

  /**
   * Appends `edit`, syncs it, and puts the new version in place. Edits take turns. Where writing fails nothing has
   * happened, and it may be tried again; a failed sync leaves the manifest indeterminate, and every further edit fails.
   * @param opened finds the open table of a number that the edit adds.
   */
  logAndApply(edit: VersionEdit, opened: (number: number) => TableFile = noTables): Promise<Version> {
    const applied = this.#turn.then(() => this.#logAndApply(edit, opened));
    this.#turn = applied.catch(() => undefined);
    return applied;
  }

  /** Says that the store was closed in order, as the last edit, and closes the manifest. */
  async close(closed: CleanClose | undefined): Promise<void> {
    await this.#turn;
    try {
      if (closed !== undefined && this.#failure === undefined) await this.#writer?.append({ closed });
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

  async #logAndApply(edit: VersionEdit, opened: (number: number) => TableFile): Promise<Version> {
    if (this.#failure !== undefined) throw this.#failure;
    invariant(this.#writer !== undefined, "V7: edits come while the store is open");
    const whole = this.#withFileNumbers(edit);
    // Made first: an edit that does not fit the version must not reach the disk.
    const next = this.#current.apply(whole, opened);
    try {
      if (this.#writer.bytes >= this.#options.manifestBytesMax) await this.#rollOver();
      await this.#writer.append(whole);
    } catch (error) {
      next.release();
      if (error instanceof ManifestSyncError) this.#failure = error;
      throw error;
    }
    this.#install(whole, next);
    return next;
  }

  #install(edit: VersionEdit, next: Version): void {
    const stays = new Set((edit.added ?? []).map(({ meta }) => meta.number));
    const removed = new Set((edit.removed ?? []).filter((number) => !stays.has(number)));
    for (const { file } of this.#current.tables()) if (removed.has(file.meta.number)) file.markRemoved();
    this.#numbers = {
      incarnation: edit.incarnation ?? this.#numbers.incarnation,
      nextFileNumber: edit.nextFileNumber ?? this.#numbers.nextFileNumber,
      logNumber: edit.logNumber ?? this.#numbers.logNumber,
      seqCeiling: edit.seqCeiling ?? this.#numbers.seqCeiling,
      timestampCeiling: edit.timestampCeiling ?? this.#numbers.timestampCeiling,
      seqFloor: edit.seqFloor ?? this.#numbers.seqFloor,
    };
    const before = this.#current;
    this.#current = next;
    before.release();
  }

  /** Reserves file numbers with an edit that is written anyway. */
  #withFileNumbers(edit: VersionEdit): VersionEdit {
    if (this.#nextFileNumber <= this.#numbers.nextFileNumber - FILE_NUMBER_STEP / 2) return edit;
    return { ...edit, nextFileNumber: this.#nextFileNumber + FILE_NUMBER_STEP };
  }

  /** Writes the whole state to a new manifest, names it in CURRENT, and removes the old one. */
  async #rollOver(): Promise<void> {
    const { fileSystem, directory } = this.#options;
    const number = this.takeFileNumbers();
    const temporary = this.takeFileNumbers();
    const nextFileNumber = this.#nextFileNumber + FILE_NUMBER_STEP;
    const snapshot: VersionEdit = {
      ...this.#numbers,
      nextFileNumber,
      added: this.#current.tables().map(({ level, file }) => ({ level, meta: file.meta })),
    };
    const writer = await ManifestWriter.create(fileSystem, directory, number, snapshot);
    try {
      await fileSystem.syncDirectory(directory);
      await writeCurrent(fileSystem, directory, number, temporary);
    } catch (error) {
      writer.close();
      if (!(error instanceof ManifestSyncError)) await fileSystem.remove(manifestFileName(directory, number));
      throw error;
    }
    const before = this.#writer;
    this.#writer = writer;
    this.#numbers = { ...this.#numbers, nextFileNumber };
    if (before === undefined) return;
    before.close();
    await fileSystem.remove(manifestFileName(directory, before.number));
  }
}

function noTables(number: number): TableFile {
  throw new Error(`table ${number} was added without being opened`);
}
