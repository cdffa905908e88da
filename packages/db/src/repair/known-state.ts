import type { JobProvenance } from "../compaction/job.ts";
import type { Erasure } from "../erase/erasure.ts";
import type { LeastNumbers } from "../manifest/least-numbers.ts";
import type { ManifestState } from "../manifest/state.ts";
import type { RetentionState } from "../retention/horizon.ts";
import { latestHorizons } from "../retention/horizons.ts";
import { withHorizons } from "../retention/policies.ts";
import type { ExaminedMarks } from "./examine-marks.ts";
import type { ExaminedTable } from "./examine-tables.ts";

/** More seqs than can have been given out since the newest of the files that tell of any. */
const SEQ_GAP = 100_000_000;

/** Assigned timestamps run ahead of the clock when writes come faster than it ticks, or when it was set back a little. */
const ASSIGNED_AHEAD_MAX = 1_000_000;

/** What all files together tell of the store, apart from its contents. */
export interface KnownState {
  /** No seq above it has been given out. */
  readonly lastSeq: number;
  /** The greatest timestamp that is known to have been assigned, in microseconds. */
  readonly lastAssigned: number;
  /** Older logs hold nothing that is not in tables. */
  readonly logNumber: number;
  readonly retention: RetentionState;
  /** Whose bytes may still be there: the store goes on with them when it is opened. */
  readonly erasures: readonly Erasure[];
}

/** A whole manifest knows, unless its tables know better. */
export function stateOfManifest({ numbers, closed }: ManifestState, tables: readonly ExaminedTable[]): KnownState {
  const seqs = tables.map(({ properties }) => properties?.maxSeq ?? 0);
  return {
    lastSeq: seqs.reduce((most, seq) => Math.max(most, seq), Math.max(numbers.seqCeiling, closed?.lastSeq ?? 0)),
    lastAssigned: closed?.lastAssigned ?? numbers.timestampCeiling,
    logNumber: numbers.logNumber,
    retention: { policies: numbers.policies ?? [], horizons: numbers.horizons ?? [] },
    erasures: numbers.erasures ?? [],
  };
}

/** Without one there are the tables' footers, and what is left of manifests. */
export function stateOfTables(tables: readonly ExaminedTable[], least: LeastNumbers): KnownState {
  let { lastSeq, lastAssigned } = least;
  let logNumber = 0;
  for (const { properties } of tables) {
    if (properties === undefined) continue;
    const { provenance, maxSeq } = properties;
    lastSeq = Math.max(lastSeq, maxSeq, provenance.nextSeq - 1);
    lastAssigned = Math.max(lastAssigned, provenance.lastAssigned);
    logNumber = Math.max(logNumber, provenance.logNumber);
  }
  const cuts = tables.map(({ properties }) => properties?.provenance.horizons ?? []);
  const retention = withHorizons(least.policies, latestHorizons([least.horizons, ...cuts]));
  const { erasures } = least;
  lastSeq = Math.max(lastSeq, erasures.at(-1)?.seq ?? 0);
  return { lastSeq, lastAssigned, logNumber, retention, erasures };
}

/** Files of range marks know of seqs too. */
export function withMarks(known: KnownState, files: readonly ExaminedMarks[]): KnownState {
  const seqs = files.map(({ marks }) => marks.at(-1)?.seq ?? 0);
  return { ...known, lastSeq: seqs.reduce((most, seq) => Math.max(most, seq), known.lastSeq) };
}

/** Whether a timestamp that is found in a log may have been assigned, rather than given by a caller. */
export function mayBeAssigned(timestamp: number, known: KnownState, now: number): boolean {
  return timestamp <= Math.max(now, known.lastAssigned) + ASSIGNED_AHEAD_MAX;
}

/** What was given out last, now that the logs have been read: at least what they show, and what may have been lost. */
export function afterReplay(known: KnownState, lastSeq: number, lastTimestamp: number, isCertain: boolean): KnownState {
  const greatest = Math.max(known.lastSeq, lastSeq);
  return {
    ...known,
    lastSeq: isCertain ? greatest : Math.min(greatest + SEQ_GAP, Number.MAX_SAFE_INTEGER),
    lastAssigned: isCertain
      ? known.lastAssigned
      : Math.min(Math.max(known.lastAssigned, lastTimestamp) + ASSIGNED_AHEAD_MAX, Number.MAX_SAFE_INTEGER),
  };
}

/** What the footers of tables that a repair writes say; they replace nothing that a merge did not. */
export function repairProvenance(known: KnownState, incarnation: string): JobProvenance {
  return {
    inputs: [],
    obsolete: [],
    logNumber: known.logNumber,
    nextSeq: known.lastSeq + 1,
    lastAssigned: known.lastAssigned,
    seqFloor: known.lastSeq,
    incarnation,
    horizons: known.retention.horizons,
    erasedSeq: 0,
  };
}
