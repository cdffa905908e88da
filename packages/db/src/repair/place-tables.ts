import { compareBytes } from "@kvts/common";
import type { TableMeta } from "../manifest/table-meta.ts";
import { LEVEL_COUNT, type LeveledTable } from "../manifest/version-edit.ts";

/** A table, and the level that it was written for. */
export interface WrittenTable {
  readonly meta: TableMeta;
  readonly level: number;
}

/**
 * Gives every table a level: the one that it was written for, or a deeper one to which it had been moved since. Which
 * level a table lies in never decides what a read sees; below level 0 tables must not overlap, that is all.
 */
export function placeTables(tables: readonly WrittenTable[]): LeveledTable[] {
  const levels: TableMeta[][] = Array.from({ length: LEVEL_COUNT }, () => []);
  // The newest first: an older table that they overlap had been moved down before they were written.
  for (const { meta, level } of tables.toSorted((a, b) => b.meta.number - a.meta.number)) {
    levels[level === 0 ? 0 : freeLevel(levels, meta, level)]!.push(meta);
  }
  return levels.flatMap((metas, level) => metas.map((meta) => ({ level, meta })));
}

/** The first level from `from` down in which nothing overlaps the table; level 0, where overlap is allowed, without one. */
function freeLevel(levels: readonly TableMeta[][], table: TableMeta, from: number): number {
  for (let level = from; level < LEVEL_COUNT; level++) {
    if (!levels[level]!.some((other) => overlap(table, other))) return level;
  }
  return 0;
}

function overlap(a: TableMeta, b: TableMeta): boolean {
  return compareBytes(a.smallest, b.largest) <= 0 && compareBytes(b.smallest, a.largest) <= 0;
}
