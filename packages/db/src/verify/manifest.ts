import { compareBytes, type KvtsError } from "@kvts/common";
import type { FileReading } from "../env/file-system.ts";
import { corruption, isDamage } from "../format/corruption.ts";
import { manifestFileName } from "../format/filenames.ts";
import { readManifest } from "../manifest/reader.ts";
import type { ManifestState } from "../manifest/state.ts";
import { type TableMeta, tableMetaNames } from "../manifest/table-meta.ts";
import type { LeveledTable } from "../manifest/version-edit.ts";
import { readWholeFile } from "../manifest/whole-file.ts";

/** The manifest in force, as the place of what is wrong with what it says. */
export class ManifestPlace {
  readonly path: string;
  readonly #files: FileReading;
  readonly #number: number;
  /** By table: where the last record stands that names it. Looked for once there is something to tell. */
  #offsets: ReadonlyMap<number, number> | undefined;

  constructor(files: FileReading, directory: string, number: number) {
    this.#files = files;
    this.#number = number;
    this.path = manifestFileName(directory, number);
  }

  /** @param table number of the table that it is about; the state as a whole where that is undefined. */
  damage(table: number | undefined, problem: string): KvtsError {
    this.#offsets ??= this.#findOffsets();
    return corruption(this.path, (table === undefined ? undefined : this.#offsets.get(table)) ?? 0, problem);
  }

  #findOffsets(): ReadonlyMap<number, number> {
    const offsets = new Map<number, number>();
    try {
      const { records } = readManifest(readWholeFile(this.#files, this.path), this.#number, this.path);
      for (const { edit, offset } of records) {
        for (const { meta } of edit.added ?? []) offsets.set(meta.number, offset);
      }
    } catch (error) {
      // In an open store a new manifest may have taken its place meanwhile.
      if (!isDamage(error) && (error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
    return offsets;
  }
}

/** What a whole manifest says that cannot be, whatever the tables hold. */
export function contradictionsIn({ numbers, tables, closed }: ManifestState, place: ManifestPlace): KvtsError[] {
  const found: KvtsError[] = overlaps(tables).map(([a, b, level]) =>
    place.damage(b, `tables ${a} and ${b} of level ${level} overlap`),
  );
  const { seqCeiling, seqFloor, nextFileNumber } = numbers;
  for (const { meta } of tables) {
    const { number, maxSeq } = meta;
    if (maxSeq > seqCeiling) {
      found.push(place.damage(number, `table ${number} has seq ${maxSeq}, and none above ${seqCeiling} was given out`));
    }
    if (number >= nextFileNumber) {
      found.push(
        place.damage(number, `it names table ${number}, and no number above ${nextFileNumber - 1} was given out`),
      );
    }
  }
  if (seqFloor > seqCeiling) found.push(place.damage(undefined, `the seq floor ${seqFloor} is above all seqs`));
  if ((closed?.lastSeq ?? 0) > seqCeiling) {
    found.push(
      place.damage(undefined, `the store was closed at seq ${closed?.lastSeq}, above the ceiling ${seqCeiling}`),
    );
  }
  return found;
}

/** Pairs of tables that share keys below level 0, with their level. */
function overlaps(tables: readonly LeveledTable[]): [number, number, number][] {
  const found: [number, number, number][] = [];
  const reach = new Map<number, TableMeta>();
  for (const { level, meta } of tables.toSorted((a, b) => compareBytes(a.meta.smallest, b.meta.smallest))) {
    if (level === 0) continue;
    const before = reach.get(level);
    const overlap = before !== undefined && compareBytes(before.largest, meta.smallest) >= 0;
    if (overlap) found.push([before.number, meta.number, level]);
    if (!overlap || compareBytes(before.largest, meta.largest) < 0) reach.set(level, meta);
  }
  return found;
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
