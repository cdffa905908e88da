import { compareBytes } from "@kvts/common";
import { corruption } from "../format/corruption.ts";
import { manifestFileName } from "../format/filenames.ts";
import type { ManifestState } from "./state.ts";
import type { TableMeta } from "./table-meta.ts";
import type { LeveledTable } from "./version-edit.ts";

/** Something that a manifest says and that is not so, of a table where that is defined. */
export type FalseStatement = readonly [table: number | undefined, problem: string];

/** What a whole manifest says that cannot be, whatever the tables hold. */
export function contradictionsIn({ numbers, tables, closed }: ManifestState): FalseStatement[] {
  const { seqCeiling, seqFloor, nextFileNumber } = numbers;
  const found: FalseStatement[] = overlaps(tables).map(([a, b, level]) => {
    return [b, `tables ${a} and ${b} of level ${level} overlap`];
  });
  for (const { meta } of tables) {
    const { number, maxSeq } = meta;
    if (maxSeq > seqCeiling) {
      found.push([number, `table ${number} has seq ${maxSeq}, and none above ${seqCeiling} was given out`]);
    }
    if (number >= nextFileNumber) {
      found.push([number, `it names table ${number}, and no number above ${nextFileNumber - 1} was given out`]);
    }
  }
  if (seqFloor > seqCeiling) found.push([undefined, `the seq floor ${seqFloor} is above all seqs`]);
  if ((closed?.lastSeq ?? 0) > seqCeiling) {
    found.push([undefined, `the store was closed at seq ${closed?.lastSeq}, above the ceiling ${seqCeiling}`]);
  }
  return found;
}

/** For who is about to rely on it. @throws CORRUPTION where it contradicts itself */
export function expectConsistent(state: ManifestState, directory: string): void {
  const [first] = contradictionsIn(state);
  if (first !== undefined) throw corruption(manifestFileName(directory, state.manifestNumber), 0, first[1]);
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
