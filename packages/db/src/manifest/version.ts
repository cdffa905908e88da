import { invariant } from "@kvts/common";
import type { Table } from "../table/table.ts";
import { Level } from "./level.ts";
import type { TableFile } from "./table-file.ts";
import { LEVEL_COUNT, type VersionEdit } from "./version-edit.ts";

/** The tables at one moment. Immutable; readers hold it, so that no file goes while somebody may read it. */
export class Version<T = Table> {
  readonly levels: readonly Level<T>[];
  /** Tables of level 0 that point reads have had to look into. Counted by the reads, for whoever plans compactions. */
  level0Probes = 0;
  #references = 1;

  /** Held once, by its maker. */
  constructor(levels: readonly Level<T>[]) {
    this.levels = levels;
    for (const level of levels) for (const file of level.files) file.acquire();
  }

  static of<T>(tables: readonly { readonly level: number; readonly file: TableFile<T> }[]): Version<T> {
    const levels: Level<T>[] = [];
    for (let number = 0; number < LEVEL_COUNT; number++) {
      levels.push(
        new Level(
          number,
          tables.filter((table) => table.level === number).map((table) => table.file),
        ),
      );
    }
    return new Version(levels);
  }

  /**
   * The version after `edit`, held once more: this one where no table changes.
   * @param opened finds the open table of a number that the edit adds.
   */
  apply(edit: VersionEdit, opened: (number: number) => TableFile<T>): Version<T> {
    if (edit.removed === undefined && edit.added === undefined) return this.acquire();
    const removed = new Set(edit.removed);
    const known = new Map<number, TableFile<T>>();
    const tables = this.tables().filter(({ file }) => {
      known.set(file.meta.number, file);
      return !removed.has(file.meta.number);
    });
    for (const number of removed) invariant(known.has(number), `V4: table ${number} is there to be removed`);
    for (const { level, meta } of edit.added ?? []) {
      tables.push({ level, file: known.get(meta.number) ?? opened(meta.number) });
    }
    return Version.of(tables);
  }

  tables(): { readonly level: number; readonly file: TableFile<T> }[] {
    return this.levels.flatMap((level) => level.files.map((file) => ({ level: level.number, file })));
  }

  acquire(): this {
    invariant(this.#references > 0, "V5: a version is acquired only while somebody holds it");
    this.#references++;
    return this;
  }

  release(): void {
    invariant(this.#references > 0, "V6: a version is released once by each holder");
    if (--this.#references > 0) return;
    for (const level of this.levels) for (const file of level.files) file.release();
  }
}
