import type { FileReading } from "../env/file-system.ts";
import { corruption } from "../format/corruption.ts";
import { currentFileName, manifestFileName, parseFileName } from "../format/filenames.ts";
import { readCurrent } from "./current.ts";
import { type ManifestRecord, manifestRecords } from "./reader.ts";
import { type CleanClose, type LeveledTable, restoresAfter } from "./version-edit.ts";
import type { StoreNumbers } from "./version-set.ts";
import { readWholeFile } from "./whole-file.ts";

/** What a manifest says when all its edits are folded. */
export interface ManifestState {
  readonly numbers: StoreNumbers;
  readonly tables: readonly LeveledTable[];
  /** The store was closed in order, and nothing has happened since. */
  readonly closed: CleanClose | undefined;
  /** See `VersionEdit.keepsBelow`; 0 where it says nothing of it. */
  readonly keepsBelow: number;
  readonly manifestNumber: number;
  readonly tornBytes: number;
}

/** The manifest that CURRENT names, not looked into yet. */
export interface ManifestFile {
  readonly number: number;
  readonly path: string;
  readonly bytes: Uint8Array;
  /** What is in the directory beside it. */
  readonly names: readonly string[];
}

/** Undefined where there is no CURRENT. @throws CORRUPTION */
export function readManifestFile(fileSystem: FileReading, directory: string): ManifestFile | undefined {
  const number = readCurrent(fileSystem, directory);
  if (number === undefined) return undefined;
  const path = manifestFileName(directory, number);
  if (!fileSystem.exists(path)) throw corruption(currentFileName(directory), 0, `it names ${path}, which is missing`);
  return { number, path, bytes: readWholeFile(fileSystem, path), names: fileSystem.list(directory) };
}

/** The state that CURRENT names; undefined where there is no CURRENT. @throws CORRUPTION */
export function loadManifest(fileSystem: FileReading, directory: string): ManifestState | undefined {
  const file = readManifestFile(fileSystem, directory);
  if (file === undefined) return undefined;
  const fold = new ManifestFold(file);
  while (fold.step());
  return fold.state();
}

/** Folds a manifest's edits, one at a step. */
export class ManifestFold {
  readonly #file: ManifestFile;
  readonly #records: Generator<ManifestRecord, number>;
  readonly #tables: Map<number, LeveledTable> = new Map();
  /** By table: where the last record stands that added it. */
  readonly #offsets: Map<number, number> = new Map();
  #numbers: Partial<StoreNumbers> = {};
  #closed: CleanClose | undefined;
  #keepsBelow = 0;
  #tornBytes = 0;

  constructor(file: ManifestFile) {
    this.#file = file;
    this.#records = manifestRecords(file.bytes, file.number, file.path);
  }

  /** Folds the next edit; false where there was none. @throws CORRUPTION */
  step(): boolean {
    const next = this.#records.next();
    if (next.done === true) this.#tornBytes = next.value;
    else this.#fold(next.value);
    return next.done !== true;
  }

  /** The state after all steps. @throws CORRUPTION */
  state(): ManifestState {
    const { number, path } = this.#file;
    const numbers = whole(this.#numbers, path);
    if (numbers.logNumber === 0) this.#expectNoTables();
    return {
      numbers,
      tables: [...this.#tables.values()],
      closed: this.#closed,
      keepsBelow: this.#keepsBelow,
      manifestNumber: number,
      tornBytes: this.#tornBytes,
    };
  }

  /** Where in the file the record stands that says what is to know of a table. */
  get tableOffsets(): ReadonlyMap<number, number> {
    return this.#offsets;
  }

  #fold({ edit, offset }: ManifestRecord): void {
    const { path } = this.#file;
    const { removed, added, closed, keepsBelow = this.#keepsBelow, restores: _, ...rest } = edit;
    const { restores: __, ...before } = this.#numbers;
    this.#numbers = { ...before, ...rest, ...restoresAfter(this.#numbers, edit) };
    this.#closed = closed;
    this.#keepsBelow = keepsBelow;
    for (const number of removed ?? []) {
      if (!this.#tables.delete(number))
        throw corruption(path, offset, `it removes table ${number}, which it never added`);
    }
    for (const table of added ?? []) {
      const { number } = table.meta;
      if (this.#tables.has(number)) throw corruption(path, offset, `it adds table ${number} twice`);
      this.#tables.set(number, table);
      this.#offsets.set(number, offset);
    }
  }

  /**
   * A store's first manifest names no log until one has been begun, and no table is written before that edit is on disk.
   * @throws CORRUPTION where there are tables all the same: the manifest has lost its edits, and looks like an empty store's
   */
  #expectNoTables(): void {
    const { path, bytes, names } = this.#file;
    const table = names.find((name) => parseFileName(name)?.kind === "table");
    if (table === undefined) return;
    throw corruption(path, bytes.length - this.#tornBytes, `it ends before it names ${table}, which is there`);
  }
}

/** A manifest's first record is a snapshot, so nothing is missing from a sound one. */
function whole(numbers: Partial<StoreNumbers>, path: string): StoreNumbers {
  const { incarnation, nextFileNumber, logNumber, seqCeiling, timestampCeiling, seqFloor } = numbers;
  const { requestFiles, markFiles, durableLog, policies, horizons, feed, erasures, restores } = numbers;
  if (
    incarnation === undefined ||
    nextFileNumber === undefined ||
    logNumber === undefined ||
    seqCeiling === undefined ||
    timestampCeiling === undefined ||
    seqFloor === undefined
  ) {
    throw corruption(path, 0, "it does not begin with a whole state");
  }
  const whole = { incarnation, nextFileNumber, logNumber, seqCeiling, timestampCeiling, seqFloor };
  return {
    ...whole,
    ...(requestFiles === undefined ? {} : { requestFiles }),
    ...(markFiles === undefined ? {} : { markFiles }),
    ...(durableLog === undefined ? {} : { durableLog }),
    ...(feed === undefined ? {} : { feed }),
    ...(policies === undefined ? {} : { policies }),
    ...(horizons === undefined ? {} : { horizons }),
    ...(erasures === undefined ? {} : { erasures }),
    ...(restores === undefined ? {} : { restores }),
  };
}
