import { isKvtsError } from "@kvts/common";
import type { FileSystem } from "../env/file-system.ts";
import { currentFileName } from "../format/filenames.ts";
import { isIncarnation } from "../format/incarnation.ts";
import { contradictionsIn } from "../manifest/contradictions.ts";
import { findLeastNumbers } from "../manifest/least-numbers.ts";
import { loadManifest, type ManifestState } from "../manifest/state.ts";
import type { LeveledTable } from "../manifest/version-edit.ts";
import { requestRecords } from "../requests/request-file.ts";
import { FrameCheck } from "../verify/frame-check.ts";
import { checkKeptLogs } from "../verify/kept-logs.ts";
import { falseAccount } from "../verify/manifest.ts";
import { readLog } from "../wal/log-reader.ts";
import { damageIn } from "./damage.ts";
import { type ExaminedMarks, examineMarks, listMarkFiles } from "./examine-marks.ts";
import { type ExaminedTable, examineTable, listTables } from "./examine-tables.ts";
import { type KnownState, stateOfManifest, stateOfTables, withMarks } from "./known-state.ts";
import { planByFooters, planByManifest, type TablePlan } from "./plan-tables.ts";

/** What is wrong with CURRENT, or with the manifest that it names. */
export interface ManifestProblem {
  readonly file: string;
  readonly reason: string;
}

const MISSING = "it is not there";

/** What reading everything but the logs has shown of a store. */
export interface Findings {
  /** What a sound manifest says; undefined without one, and then `problem` says why. */
  readonly manifest: ManifestState | undefined;
  readonly problem: ManifestProblem | undefined;
  readonly known: KnownState;
  /** File numbers that must not be given out again. */
  readonly used: readonly number[];
  readonly plans: readonly TablePlan[];
  /** Files of range marks that count. */
  readonly marks: readonly ExaminedMarks[];
}

/** @throws UNIMPLEMENTED where a newer kvts wrote some of it */
export async function examineStore(fileSystem: FileSystem, directory: string): Promise<Findings> {
  const found = readManifestFiles(fileSystem, directory);
  const present = listTables(fileSystem, directory);
  return "reason" in found
    ? await examineByFooters(fileSystem, directory, present, found)
    : await examineByManifest(fileSystem, directory, present, found);
}

async function examineByFooters(
  fileSystem: FileSystem,
  directory: string,
  present: readonly number[],
  problem: ManifestProblem,
): Promise<Findings> {
  const tables = await examineTables(fileSystem, directory, present);
  const least = findLeastNumbers(fileSystem, directory);
  const used = [least.nextFileNumber, ...tables.flatMap(numbersNamedBy)];
  const incarnations = tables
    .flatMap(({ properties }) => properties?.provenance.incarnation ?? [])
    .filter(isIncarnation);
  const marks = listMarkFiles(fileSystem, directory).map((number) =>
    examineMarks(fileSystem, directory, number, undefined, incarnations),
  );
  const known = withMarks(stateOfTables(tables, least), marks);
  return { manifest: undefined, problem, known, used, plans: planByFooters(tables), marks };
}

async function examineByManifest(
  fileSystem: FileSystem,
  directory: string,
  present: readonly number[],
  manifest: ManifestState,
): Promise<Findings> {
  const named = new Set(manifest.tables.map(({ meta }) => meta.number));
  const tables = await examineTables(
    fileSystem,
    directory,
    present.filter((number) => named.has(number)),
  );
  const others = present.filter((number) => !named.has(number));
  const plans = planByManifest(manifest, new Map(tables.map((table) => [table.number, table])), others);
  const used = [manifest.numbers.nextFileNumber];
  const { markFiles = [], incarnation } = manifest.numbers;
  const marks = markFiles.map((number) => examineMarks(fileSystem, directory, number, incarnation));
  const known = withMarks(stateOfManifest(manifest, tables), marks);
  return { manifest, problem: undefined, known, used, plans, marks };
}

/** Whether what a whole manifest says is so: of itself, of the tables that were examined, and of its other files. */
export function isManifestTrue(
  fileSystem: FileSystem,
  directory: string,
  manifest: ManifestState,
  { plans, marks }: Pick<Findings, "plans" | "marks">,
): boolean {
  if (contradictionsIn(manifest).length > 0) return false;
  const seqs = marks.flatMap(({ marks }) => marks.map(({ seq }) => seq));
  if (seqs.some((seq, at) => seq > manifest.numbers.seqCeiling || seq <= (seqs[at - 1] ?? 0))) return false;
  const examined = new Map(plans.map(({ number, table }) => [number, table]));
  const isFalse = ({ meta }: LeveledTable) => {
    const table = examined.get(meta.number);
    return table !== undefined && falseAccount(meta, table) !== undefined;
  };
  return !manifest.tables.some(isFalse) && areRequestFilesSound(fileSystem, directory, manifest);
}

function areRequestFilesSound(fileSystem: FileSystem, directory: string, { numbers }: ManifestState): boolean {
  const { requestFiles = [], incarnation, seqCeiling } = numbers;
  try {
    for (const number of requestFiles) {
      for (const { seq } of requestRecords(fileSystem, directory, number, incarnation)) {
        if (seq > seqCeiling) return false;
      }
    }
    return true;
  } catch (error) {
    damageIn(error);
    return false;
  }
}

/** Whether the log can be replayed as it is, and what is kept of it for the change feed be read. */
export async function isLogSound(
  fileSystem: FileSystem,
  directory: string,
  { numbers }: ManifestState,
): Promise<boolean> {
  const { incarnation, logNumber, seqCeiling, durableLog: durable } = numbers;
  let isSound = true;
  const unsound = () => {
    isSound = false;
  };
  const findings = { add: unsound, missing: unsound };
  const frames = new FrameCheck(seqCeiling, findings);
  try {
    const { live } = await readLog({ fileSystem, directory, incarnation, logNumber, durable }, (frame) =>
      frames.take(frame),
    );
    const { firstSeq } = frames;
    await checkKeptLogs({ files: fileSystem, directory, numbers, firstLive: live[0], firstSeq }, findings);
    return isSound;
  } catch (error) {
    damageIn(error);
    return false;
  }
}

function readManifestFiles(fileSystem: FileSystem, directory: string): ManifestState | ManifestProblem {
  try {
    return (
      loadManifest(fileSystem, directory) ?? { file: nameIn(directory, currentFileName(directory)), reason: MISSING }
    );
  } catch (error) {
    const reason = damageIn(error);
    const path = isKvtsError(error) ? String(error.details.file) : currentFileName(directory);
    return { file: nameIn(directory, path), reason };
  }
}

function nameIn(directory: string, path: string): string {
  return path.slice(directory.length + 1);
}

async function examineTables(
  fileSystem: FileSystem,
  directory: string,
  numbers: readonly number[],
): Promise<ExaminedTable[]> {
  const tables: ExaminedTable[] = [];
  for (const number of numbers) tables.push(await examineTable(fileSystem, directory, number));
  return tables;
}

function numbersNamedBy({ properties }: ExaminedTable): readonly number[] {
  if (properties === undefined) return [];
  const { inputs, obsolete, logNumber } = properties.provenance;
  return [...inputs, ...obsolete, logNumber];
}
