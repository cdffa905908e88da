import type { FileReading } from "../env/file-system.ts";
import { corruption } from "../format/corruption.ts";
import { currentFileName, manifestFileName, parseFileName } from "../format/filenames.ts";
import { readCurrent } from "./current.ts";
import { type ManifestRecord, readManifest } from "./reader.ts";
import type { CleanClose, LeveledTable } from "./version-edit.ts";
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

/** The state that CURRENT names; undefined where there is no CURRENT. @throws CORRUPTION */
export function loadManifest(fileSystem: FileReading, directory: string): ManifestState | undefined {
  const manifestNumber = readCurrent(fileSystem, directory);
  if (manifestNumber === undefined) return undefined;
  const path = manifestFileName(directory, manifestNumber);
  if (!fileSystem.exists(path)) throw corruption(currentFileName(directory), 0, `it names ${path}, which is missing`);
  const bytes = readWholeFile(fileSystem, path);
  const { records, tornBytes } = readManifest(bytes, manifestNumber, path);
  const state = foldEdits(records, path);
  if (state.numbers.logNumber === 0) expectNoTables(fileSystem, directory, path, bytes.length - tornBytes);
  return { ...state, manifestNumber, tornBytes };
}

/**
 * A store's first manifest names no log until one has been begun, and no table is written before that edit is on disk.
 * @throws CORRUPTION where there are tables all the same: the manifest has lost its edits, and looks like an empty store's
 */
function expectNoTables(fileSystem: FileReading, directory: string, path: string, end: number): void {
  const table = fileSystem.list(directory).find((name) => parseFileName(name)?.kind === "table");
  if (table !== undefined) throw corruption(path, end, `it ends before it names ${table}, which is there`);
}

function foldEdits(
  records: readonly ManifestRecord[],
  path: string,
): Pick<ManifestState, "numbers" | "tables" | "closed" | "keepsBelow"> {
  const tables = new Map<number, LeveledTable>();
  let numbers: Partial<StoreNumbers> = {};
  let closed: CleanClose | undefined;
  let keepsBelow = 0;
  for (const { edit, offset } of records) {
    const { removed, added, closed: closing, keepsBelow: below = keepsBelow, ...rest } = edit;
    numbers = { ...numbers, ...rest };
    closed = closing;
    keepsBelow = below;
    for (const number of removed ?? []) {
      if (!tables.delete(number)) throw corruption(path, offset, `it removes table ${number}, which it never added`);
    }
    for (const table of added ?? []) {
      if (tables.has(table.meta.number)) throw corruption(path, offset, `it adds table ${table.meta.number} twice`);
      tables.set(table.meta.number, table);
    }
  }
  return { numbers: whole(numbers, path), tables: [...tables.values()], closed, keepsBelow };
}

/** A manifest's first record is a snapshot, so nothing is missing from a sound one. */
function whole(numbers: Partial<StoreNumbers>, path: string): StoreNumbers {
  const { incarnation, nextFileNumber, logNumber, seqCeiling, timestampCeiling, seqFloor, requestFiles } = numbers;
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
  return requestFiles === undefined ? whole : { ...whole, requestFiles };
}
