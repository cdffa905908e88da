import { compareBytes, type KvtsError } from "@kvts/common";
import type { FileReading } from "../env/file-system.ts";
import { corruption, damageFrom } from "../format/corruption.ts";
import { currentFileName } from "../format/filenames.ts";
import type { FalseStatement } from "../manifest/contradictions.ts";
import { type ManifestFile, ManifestFold, type ManifestState, readManifestFile } from "../manifest/state.ts";
import { type TableMeta, tableMeta, tableMetaNames } from "../manifest/table-meta.ts";
import type { ExaminedTable } from "../repair/examine-tables.ts";

/** Records folded between two turns of the event loop: some 2 ms of work. */
const RECORDS_PER_TURN = 256;

/** A manifest whose edits have been folded. */
export interface FoldedManifest {
  readonly state: ManifestState;
  readonly place: ManifestPlace;
}

/** The manifest that CURRENT names, at once, or what is wrong with it or with CURRENT. */
export function readManifestInForce(files: FileReading, directory: string): ManifestFile | KvtsError {
  const current = currentFileName(directory);
  try {
    return readManifestFile(files, directory) ?? corruption(current, 0, "the file is missing");
  } catch (error) {
    return damageFrom(error, current, 0);
  }
}

/** What it says, or what is wrong with it. Gives way to others. */
export async function foldManifest(
  file: ManifestFile,
  pause: () => Promise<void>,
): Promise<FoldedManifest | KvtsError> {
  try {
    const fold = new ManifestFold(file);
    for (let records = 1; fold.step(); records++) if (records % RECORDS_PER_TURN === 0) await pause();
    return { state: fold.state(), place: new ManifestPlace(file.path, fold.tableOffsets) };
  } catch (error) {
    return damageFrom(error, file.path, 0);
  }
}

/** The manifest in force, as the place of what is wrong with what it says. */
export class ManifestPlace {
  readonly path: string;
  readonly #offsets: ReadonlyMap<number, number>;

  /** @param offsets by table: where the record stands that tells of it. */
  constructor(path: string, offsets: ReadonlyMap<number, number>) {
    this.path = path;
    this.#offsets = offsets;
  }

  damage([table, problem]: FalseStatement): KvtsError {
    return corruption(this.path, (table === undefined ? undefined : this.#offsets.get(table)) ?? 0, problem);
  }
}

/** What it says of a table that is not so. */
export function falseAccount(meta: TableMeta, { properties, fileBytes }: ExaminedTable): FalseStatement | undefined {
  if (properties === undefined) return undefined;
  const fields = differingFields(meta, tableMeta(properties, fileBytes));
  if (fields.length === 0) return undefined;
  return [meta.number, `what it says of table ${meta.number} is not so (${fields.join(", ")})`];
}

/** Names of the fields in which two accounts of a table differ. */
export function differingFields(a: TableMeta, b: TableMeta): string[] {
  return tableMetaNames.filter((name) => {
    const left = a[name];
    const right = b[name];
    if (left instanceof Uint8Array && right instanceof Uint8Array) return compareBytes(left, right) !== 0;
    return left !== right;
  });
}
