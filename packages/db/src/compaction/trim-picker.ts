import { compareBytes } from "@kvts/common";
import type { Horizon } from "../retention/horizon.ts";
import { type Horizons, horizonAt } from "../retention/horizons.ts";
import type { Pick, PickableTable } from "./picker.ts";
import { overlaps } from "./stretches.ts";

/** A share of a table that is worth writing the rest of it again. Each time the horizon has to pass as much of what is left. */
const DROPPABLE_SHARE_MIN = 0.3;

/** What has to be known of a table to guess how much of it may go. */
export interface TrimmableTable extends PickableTable {
  readonly keyCount: number;
  readonly deleteCount: number;
  readonly minTimestamp: number;
  readonly maxTimestamp: number;
  readonly minExpiresAt: number | undefined;
  readonly maxExpiresAt: number | undefined;
}

export interface TrimOptions<T> {
  readonly horizons: Horizons;
  /** The horizons by which the table was cut when it was written: below them is nothing left to go. */
  cutBy(table: T): readonly Horizon[];
  /** Whether a merge of the table alone may cut all that lies below the horizons. */
  isCertain(table: T): boolean;
}

/**
 * The table below level 0 of which horizons hide most, if it is enough to write it anew in its place. Nobody counts what
 * is hidden: timestamps are taken to lie evenly between the table's least and greatest. Where that is wrong, a table is
 * written for nothing, but no more than a few times before the horizon has passed all of it.
 */
export function pickTrim<T extends TrimmableTable>(
  levels: readonly (readonly T[])[],
  options: TrimOptions<T>,
): Pick<T> | undefined {
  let best: { readonly table: T; readonly level: number } | undefined;
  let most = 0;
  for (let level = 1; level < levels.length; level++) {
    for (const table of levels[level]!) {
      const share = droppableShare(table, levels, level, options);
      const bytes = share * table.fileBytes;
      if (share < DROPPABLE_SHARE_MIN || bytes <= most || !options.isCertain(table)) continue;
      best = { table, level };
      most = bytes;
    }
  }
  if (best === undefined) return undefined;
  const { table, level } = best;
  return { inputs: [table], outputLevel: level, move: false, trims: true, resumeKey: table.largest };
}

/** About how much of a table may go, 0 to 1. */
function droppableShare<T extends TrimmableTable>(
  table: T,
  levels: readonly (readonly T[])[],
  level: number,
  { horizons, cutBy }: TrimOptions<T>,
): number {
  if (table.minTimestamp >= horizons.greatest) return 0;
  const { entryCount, keyCount, deleteCount, minExpiresAt, maxExpiresAt } = table;
  const isLast = levels.slice(level + 1).every((below) => below.every((other) => !overlaps(other, table)));
  let share = 0;
  for (const { timestamp, cut } of floorsIn(table, horizons, cutBy(table))) {
    const passed = passedShare(table.minTimestamp, table.maxTimestamp, cut, timestamp);
    const expired =
      minExpiresAt === undefined || maxExpiresAt === undefined
        ? 0
        : passedShare(minExpiresAt, maxExpiresAt, cut, timestamp);
    // Of each key the newest stays, unless it says nothing, and nothing older lies below.
    const superseded = passed * (entryCount - keyCount);
    const spent = isLast ? passed * deleteCount + expired * keyCount : 0;
    share = Math.max(share, Math.min(superseded + spent, entryCount) / entryCount);
  }
  return share;
}

/** The horizons of a table's keys, each with the one by which they were cut before. */
function floorsIn(
  table: TrimmableTable,
  { stretches }: Horizons,
  cut: readonly Horizon[],
): { readonly timestamp: number; readonly cut: number }[] {
  return stretches.flatMap(({ start, timestamp }, index) => {
    const next = stretches[index + 1]?.start;
    if (timestamp === 0 || compareBytes(start, table.largest) > 0) return [];
    if (next !== undefined && compareBytes(next, table.smallest) <= 0) return [];
    const first = compareBytes(start, table.smallest) > 0 ? start : table.smallest;
    return [{ timestamp, cut: horizonAt(cut, first) }];
  });
}

/** Which share of what lies evenly from `least` to `greatest`, and not below `cut`, a horizon has passed. */
function passedShare(least: number, greatest: number, cut: number, horizon: number): number {
  const from = Math.max(least, cut);
  if (horizon <= from || from > greatest) return 0;
  return horizon > greatest ? 1 : (horizon - from) / (greatest - from + 1);
}
