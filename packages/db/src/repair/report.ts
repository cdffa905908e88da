import { logFileName, markFileName, tableFileName } from "../format/filenames.ts";
import type { SalvagedLog, SalvagedSegment, SegmentFate } from "../wal/log-salvage.ts";
import type { ExaminedMarks } from "./examine-marks.ts";
import type { ManifestProblem } from "./findings.ts";
import type { TablePlan } from "./plan-tables.ts";

/** What became of a file. */
export type FileOutcome =
  /** It stays where it is, as it was. */
  | "kept"
  /** What could be read of it is in new files; the file itself is in lost/. */
  | "saved"
  /** It is in lost/, and nothing of it is used. */
  | "set aside"
  /** It is not there, and others show that it was. */
  | "missing";

export interface RepairedFile {
  /** Its name in the store's directory, and in lost/ if it went there. */
  readonly file: string;
  readonly outcome: FileOutcome;
  /** Versions (of a table), operations (of a log) or deleted ranges (of a file of those) that the store has from it. */
  readonly saved: number;
  /** Whether it held, or may have held, what the store has no more. */
  readonly lost: boolean;
  /** What is wrong with it, or why it is not used; absent where there is nothing to say. */
  readonly reason?: string;
}

export interface RepairReport {
  /** Nothing was wrong, and the store is as it was. */
  readonly sound: boolean;
  /** Something could not be saved; `files` says what. */
  readonly lost: boolean;
  /** 32 hex digits: a new one, unless the store was sound. */
  readonly incarnation: string;
  /** What the store has now: tables, and versions in them. */
  readonly tables: number;
  readonly versions: number;
  /** Operations replayed from logs. */
  readonly operations: number;
  readonly files: readonly RepairedFile[];
  readonly elapsedMs: number;
}

/** @param saved versions that the store has from it. */
export function reportTable({ number, action, table, isNeeded, reason }: TablePlan, saved: number): RepairedFile {
  const outcome = action === "rewrite" ? (saved > 0 ? "saved" : "set aside") : action === "miss" ? "missing" : action;
  const lost = isNeeded && (action !== "keep" || saved < (table?.properties?.entryCount ?? 0));
  return reportFile(tableFileName("", number), outcome === "keep" ? "kept" : outcome, saved, lost, reason);
}

/** Why nothing was looked for in a log file. */
export const LOST_FATES: ReadonlySet<SegmentFate> = new Set(["unreadable", "in place of another"]);

export const LOG_REASONS: { readonly [fate in Exclude<SegmentFate, "read">]: string } = {
  "not needed": "everything in it is in tables",
  "given up": "an earlier recovery found that the log ended before it",
  "beyond the end": "the log ends before it, so nothing in it was ever acknowledged",
  "of another store": "it is the log of another store, or of this one before an earlier repair",
  "in place of another": "it is the log of another store, and stands where one of this store's was",
  unreadable: "its header is damaged, and nothing else tells what its contents are",
};

export function reportLogs({ segments, missing }: SalvagedLog): RepairedFile[] {
  const absent = missing.map((number) =>
    reportFile(logFileName("", number), "missing", 0, true, "other logs go on from it, and it is not there"),
  );
  return [...segments.map(reportSegment), ...absent];
}

function reportSegment({ number, fate, operations, damage }: SalvagedSegment): RepairedFile {
  const file = logFileName("", number);
  if (fate !== "read") return reportFile(file, "set aside", 0, LOST_FATES.has(fate), LOG_REASONS[fate]);
  const places = damage.map(({ offset, end }) => `${offset} to ${Math.max(offset, end - 1)}`).join(", ");
  const reason = damage.length === 0 ? undefined : `it is damaged at bytes ${places}`;
  return reportFile(file, "saved", operations, damage.length > 0, reason);
}

/** CURRENT and the manifests, of which a new one takes the place: nothing is lost with them. */
export function reportManifests(names: readonly string[], problem: ManifestProblem | undefined): RepairedFile[] {
  const files = names.map((name) => {
    const reason = name === problem?.file ? problem.reason : "a new manifest takes its place";
    return reportFile(name, "set aside", 0, false, reason);
  });
  if (problem === undefined || names.includes(problem.file)) return files;
  return [reportFile(problem.file, "missing", 0, false, problem.reason), ...files];
}

/** @param isKept the file itself stays in force; otherwise a new one has what was whole of it. */
export function reportMarks({ number, isThere, marks, problem }: ExaminedMarks, isKept: boolean): RepairedFile {
  const outcome = !isThere ? "missing" : isKept ? "kept" : marks.length > 0 ? "saved" : "set aside";
  const reason = problem ?? (isKept ? undefined : "a new file has what is in it");
  return reportFile(markFileName("", number), outcome, marks.length, problem !== undefined, reason);
}

/** Files of range marks that the manifest does not name. */
export function reportStrayMarks(name: string): RepairedFile {
  return reportFile(name, "set aside", 0, false, "the manifest does not name it");
}

/** A repaired store has a new incarnation, so the ids of earlier requests are not looked for any more. */
export function reportRequestFile(name: string): RepairedFile {
  return reportFile(name, "set aside", 0, false, "writes that are repeated after a repair are new ones");
}

/** What a repair that was cut short had not set aside yet. */
export function reportLeftover(name: string): RepairedFile {
  return reportFile(name, "set aside", 0, false, "an earlier repair was cut short before it came to it");
}

function reportFile(
  path: string,
  outcome: FileOutcome,
  saved: number,
  lost: boolean,
  reason: string | undefined,
): RepairedFile {
  const file = path.slice(path.lastIndexOf("/") + 1);
  return reason === undefined ? { file, outcome, saved, lost } : { file, outcome, saved, lost, reason };
}
