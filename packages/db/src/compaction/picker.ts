import { compareBytes } from "@kvts/common";
import { areDisjoint, overlaps, spanOf, stretchesOf } from "./stretches.ts";

/** What the picker has to know of a table. */
export interface PickableTable {
  readonly number: number;
  readonly fileBytes: number;
  /** Versions in it. */
  readonly entryCount: number;
  readonly smallest: Uint8Array;
  readonly largest: Uint8Array;
  readonly minSeq: number;
  readonly maxSeq: number;
}

export interface PickerSettings {
  /** Tables in level 0 that are worth a compaction. */
  readonly level0Tables: number;
  /** Bytes that level 1 may hold; each further level `levelFactor` times more. */
  readonly level1BytesMax: number;
  readonly levelFactor: number;
  /** Input bytes after which a pick takes no further table. */
  readonly pickBytesMax: number;
}

/** Fewer looks into level 0 than this call for nothing. */
const PROBES_MIN = 20_000;

/** Bytes that a merge at rest may write for a byte that leaves level 0. */
const REST_FACTOR_MAX = 8;

/** Levels from 0 down. Level 0 may overlap; the others ascend by key and do not. */
export type Levels<T extends PickableTable> = readonly (readonly T[])[];

export interface Pick<T extends PickableTable> {
  readonly inputs: readonly T[];
  readonly outputLevel: number;
  /** The inputs can change level as they are: they overlap neither each other nor the output level. */
  readonly move: boolean;
  /** One table is written anew where it lies. */
  readonly trims?: boolean;
  /** The largest key taken from the level above the output: the next pick there goes on behind it. */
  readonly resumeKey: Uint8Array;
}

/**
 * The most pressing compaction, or undefined where every level is within its bounds. Which layer a version lies in
 * never decides what a read sees, so any set of tables may be merged.
 *
 * @param resumeKeys per level, the largest key of the last pick there: levels are worked through in turn.
 */
export function pickCompaction<T extends PickableTable>(
  levels: Levels<T>,
  settings: PickerSettings,
  resumeKeys: readonly (Uint8Array | undefined)[],
): Pick<T> | undefined {
  let level = -1;
  let pressing = 1;
  // The last level has none below it, and no bound.
  for (let candidate = 0; candidate < levels.length - 1; candidate++) {
    const score = levelScore(levels, candidate, settings);
    if (score >= pressing && (candidate === 0 || score > pressing || level < 0)) {
      pressing = score;
      level = candidate;
    }
  }
  if (level < 0) return undefined;
  return level === 0 ? pickLevel0(levels, settings) : pickBelow(levels, level, settings, resumeKeys[level]);
}

/** How far a level is over its bound: 1 is full. */
export function levelScore<T extends PickableTable>(
  levels: Levels<T>,
  level: number,
  settings: PickerSettings,
): number {
  const tables = levels[level] ?? [];
  return level === 0 ? tables.length / settings.level0Tables : totalBytes(tables) / levelBytesMax(level, settings);
}

function levelBytesMax(level: number, settings: PickerSettings): number {
  return settings.level1BytesMax * settings.levelFactor ** (level - 1);
}

/**
 * The merge of level 0 into level 1, if it has paid off: reads look into every table of level 0, so once they have had to
 * do so as often as the merge would move versions, not merging costs more than merging.
 */
export function pickForReads<T extends PickableTable>(
  levels: Levels<T>,
  settings: PickerSettings,
  level0Probes: number,
): Pick<T> | undefined {
  if ((levels[0] ?? []).length === 0) return undefined;
  const pick = pickLevel0(levels, settings);
  const entries = pick.inputs.reduce((sum, table) => sum + table.entryCount, 0);
  return level0Probes >= Math.max(entries, PROBES_MIN) ? pick : undefined;
}

/**
 * The merge of level 0 into level 1 that a store makes when nobody writes: reads then look into one table fewer for each
 * of level 0. It has to be worth its bytes: a little in level 0 waits until more has come or reads have paid for it.
 */
export function pickAtRest<T extends PickableTable>(levels: Levels<T>, settings: PickerSettings): Pick<T> | undefined {
  const level0 = levels[0] ?? [];
  if (level0.length === 0) return undefined;
  const pick = pickLevel0(levels, settings);
  const gained = totalBytes(pick.inputs.filter((table) => level0.includes(table)));
  return pick.move || totalBytes(pick.inputs) <= gained * REST_FACTOR_MAX ? pick : undefined;
}

/** All tables in one merge: the fewest tables, with nothing hidden left. Undefined where there is nothing to gain. */
export function pickEverything<T extends PickableTable>(levels: Levels<T>): Pick<T> | undefined {
  const inputs = levels.flat();
  if (inputs.length === 0) return undefined;
  const deepest = levels.findLastIndex((tables) => tables.length > 0);
  return { inputs, outputLevel: Math.max(1, deepest), move: false, resumeKey: spanOf(inputs).largest };
}

/** Whether no table outside `inputs` can hold, with a lower seq, a version of any of their keys. */
export function dropsRetracts<T extends PickableTable>(levels: Levels<T>, inputs: readonly T[]): boolean {
  const span = spanOf(inputs);
  const maxSeq = inputs.reduce((most, table) => Math.max(most, table.maxSeq), 0);
  const chosen = new Set(inputs);
  return levels.every((tables) =>
    tables.every((table) => chosen.has(table) || table.minSeq >= maxSeq || !overlaps(table, span)),
  );
}

/**
 * The tables of level 0 that can move as they are, or else a merge of those that hang together: what lies between others
 * is left alone.
 */
function pickLevel0<T extends PickableTable>(levels: Levels<T>, settings: PickerSettings): Pick<T> {
  const stretches = stretchesOf(levels[0] ?? [], levels[1] ?? []);
  const movable = stretches.flatMap(({ upper, lower }) => (upper.length + lower.length === 1 ? upper : []));
  if (movable.length > 0) return { inputs: movable, outputLevel: 1, move: true, resumeKey: spanOf(movable).largest };
  const { upper } = stretches.reduce((most, next) => (next.upper.length > most.upper.length ? next : most));
  const oldestFirst = [...upper].sort((a, b) => a.number - b.number);
  return withOverlap(levels, takeUpTo(oldestFirst, settings.pickBytesMax), 1);
}

function pickBelow<T extends PickableTable>(
  levels: Levels<T>,
  level: number,
  settings: PickerSettings,
  resumeKey: Uint8Array | undefined,
): Pick<T> {
  const tables = levels[level] ?? [];
  const next = resumeKey === undefined ? 0 : tables.findIndex((table) => compareBytes(table.smallest, resumeKey) > 0);
  const excess = totalBytes(tables) - levelBytesMax(level, settings);
  const bytes = Math.min(excess, settings.pickBytesMax / (settings.levelFactor + 1));
  const chosen = takeUpTo(tables.slice(Math.max(0, next)), bytes);
  return withOverlap(levels, alike(chosen, levels[level + 1] ?? []), level + 1);
}

/** The first of the tables, with those behind it that overlap `below` as it does, or do not: one that can move is to move. */
function alike<T extends PickableTable>(tables: readonly T[], below: readonly T[]): readonly T[] {
  const isMovable = (table: T) => !below.some((other) => overlaps(table, other));
  const first = isMovable(tables[0]!);
  const other = tables.findIndex((table) => isMovable(table) !== first);
  return other < 0 ? tables : tables.slice(0, other);
}

/** `chosen` with the tables of the output level that they overlap. */
function withOverlap<T extends PickableTable>(levels: Levels<T>, chosen: readonly T[], outputLevel: number): Pick<T> {
  const span = spanOf(chosen);
  const below = (levels[outputLevel] ?? []).filter((table) => overlaps(table, span));
  const move = below.length === 0 && areDisjoint(chosen);
  return { inputs: [...chosen, ...below], outputLevel, move, resumeKey: span.largest };
}

function takeUpTo<T extends PickableTable>(tables: readonly T[], bytes: number): T[] {
  const taken: T[] = [];
  let sum = 0;
  for (const table of tables) {
    if (taken.length > 0 && sum + table.fileBytes > bytes) break;
    taken.push(table);
    sum += table.fileBytes;
  }
  return taken;
}

function totalBytes(tables: readonly PickableTable[]): number {
  return tables.reduce((sum, table) => sum + table.fileBytes, 0);
}
