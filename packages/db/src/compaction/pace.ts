/** Shares of its time, in thousandths, that the worker spends on a kind of job; it sleeps through the rest. */
export interface Pace {
  readonly merges: number;
  readonly flushes: number;
}

/** What is waiting to be done. */
export interface CompactionDebt {
  /** Tables in level 0. */
  readonly level0Tables: number;
  /** How often the fullest level below holds what it should; at most 1 where none is too full. */
  readonly levelScore: number;
  /** How full the memtable is, 0 to 1, after which writes wait for the flush that runs; 0 where none runs. */
  readonly memoryFill: number;
}

/** Debt from which pace no longer depends on the event loop alone, and debt at which it does not at all. */
export interface DebtBounds {
  readonly level0Begin: number;
  readonly level0Full: number;
}

export const PACE_FULL = 1000;
/** A merge always gets on: reads look into every table that waits to be merged. */
const MERGES_LEAST = 150;
/** Writes wait for a flush sooner or later. */
const FLUSHES_LEAST = 300;

/** The loop is to be less than 10 ms late in 99 of 100 looks: one as late as this is a warning. */
const DELAY_HIGH_MS = 6;
/** Up to here the loop is taken to be on time. */
const DELAY_LOW_MS = 2;
/** Back quickly, forward in small steps: from the least to all in some 200 ms of a loop on time. */
const CUT = 0.6;
const STEP = 25;

const SCORE_BEGIN = 1.25;
const SCORE_FULL = 3;
/** A flush must have ended before the other memtable is full, so it has all it wants from the middle on. */
const FILL_FULL = 0.5;

/** The share that a loop as late as this leaves to the worker, given the one before. */
export function paceForDelay(before: number, delayMs: number): number {
  if (delayMs >= DELAY_HIGH_MS) return Math.max(MERGES_LEAST, Math.round(before * CUT));
  if (delayMs > DELAY_LOW_MS) return before;
  return Math.min(PACE_FULL, before + STEP);
}

/** What `allowed` by the event loop becomes with the debt: near the bounds at which writes are slowed, debt decides. */
export function paceForDebt(allowed: number, debt: CompactionDebt, bounds: DebtBounds): Pace {
  const level0 = ramp(debt.level0Tables, bounds.level0Begin, bounds.level0Full);
  const levels = ramp(debt.levelScore, SCORE_BEGIN, SCORE_FULL);
  const merges = share(MERGES_LEAST, Math.max(level0, levels));
  const flushes = share(FLUSHES_LEAST, ramp(debt.memoryFill, 0, FILL_FULL));
  return { merges: Math.max(allowed, merges), flushes: Math.max(allowed, flushes) };
}

/** From 0 at `begin` to 1 at `full`. */
function ramp(value: number, begin: number, full: number): number {
  return Math.min(1, Math.max(0, (value - begin) / Math.max(full - begin, Number.MIN_VALUE)));
}

function share(least: number, need: number): number {
  return Math.round(least + (PACE_FULL - least) * need);
}
