import type { KvtsError } from "@kvts/common";
import type { FileReading } from "../env/file-system.ts";
import { logFileName, markFileName, parseFileName, tableFileName } from "../format/filenames.ts";
import { isIncarnation } from "../format/incarnation.ts";
import { contradictionsIn } from "../manifest/contradictions.ts";
import { findLeastNumbers } from "../manifest/least-numbers.ts";
import type { StoreNumbers } from "../manifest/version-set.ts";
import { listMarkFiles } from "../repair/examine-marks.ts";
import { type ExaminedTable, listTables } from "../repair/examine-tables.ts";
import { stateOfTables } from "../repair/known-state.ts";
import { checkNames } from "./directory.ts";
import { sizeOf } from "./file-size.ts";
import type { Findings } from "./findings.ts";
import { checkLog, searchDamage } from "./logs.ts";
import { type FoldedManifest, foldManifest, readManifestInForce } from "./manifest.ts";
import { checkMarkFile, checkMarkFiles, markFilesOf } from "./mark-files.ts";
import type { MeteredFiles } from "./metered-files.ts";
import { checkRequestFiles, requestFilesOf } from "./request-files.ts";
import { checkNamedTable, checkTable } from "./tables.ts";

/**
 * Checks everything in the directory of a store that is not open. Without a sound manifest each table and log is still
 * checked for what it is. Returns the store's incarnation, where that is known.
 */
export async function checkStore(
  files: MeteredFiles,
  directory: string,
  findings: Findings,
): Promise<string | undefined> {
  const names = files.list(directory);
  const file = readManifestInForce(files, directory);
  const manifest = "code" in file ? file : await foldManifest(file, () => files.pause());
  if ("code" in manifest) {
    reportManifestDamage(files, manifest, findings);
    await checkByFiles(files, directory, findings);
    checkNames(directory, names, undefined, findings);
    return undefined;
  }
  await checkByManifest(files, directory, manifest, findings);
  checkNames(directory, names, manifest.state, findings);
  return manifest.state.numbers.incarnation;
}

function reportManifestDamage(files: FileReading, damage: KvtsError, findings: Findings): void {
  const path = String(damage.details.file);
  findings.add(damage);
  if (files.exists(path)) findings.read("manifest", path, sizeOf(files, path), 0);
  else findings.absent(path);
}

async function checkByManifest(
  files: MeteredFiles,
  directory: string,
  { state, place }: FoldedManifest,
  findings: Findings,
): Promise<void> {
  const { tables, numbers } = state;
  const logs = listLogs(files, directory, firstLogOf(numbers));
  const requests = requestFilesOf(directory, numbers);
  expectAll(files, [place.path, ...requests, ...markFilesOf(directory, numbers), ...logs]);
  for (const { meta } of tables) files.expect(tableFileName(directory, meta.number), meta.fileBytes);
  findings.read("manifest", place.path, sizeOf(files, place.path), tables.length);
  files.finish(place.path);
  for (const statement of contradictionsIn(state)) findings.add(place.damage(statement));
  await checkRequestFiles(files, directory, numbers, findings);
  await checkMarkFiles(files, directory, numbers, findings);
  for (const { meta } of tables) {
    await checkNamedTable(files, directory, meta, place, findings);
    files.finish(tableFileName(directory, meta.number));
  }
  await checkLog(files, directory, numbers, findings);
  for (const path of logs) files.finish(path);
}

/** With nothing to say which of the files count, each of them is looked at. */
async function checkByFiles(files: MeteredFiles, directory: string, findings: Findings): Promise<void> {
  const numbers = listTables(files, directory);
  const logs = listLogs(files, directory, 0);
  const marks = listMarkFiles(files, directory);
  const expected = [
    ...numbers.map((number) => tableFileName(directory, number)),
    ...marks.map((number) => markFileName(directory, number)),
  ];
  expectAll(files, [...expected, ...logs]);
  for (const number of marks) {
    checkMarkFile(files, directory, number, undefined, findings);
    files.finish(markFileName(directory, number));
  }
  const tables: ExaminedTable[] = [];
  for (const number of numbers) {
    tables.push(await checkTable(files, directory, number, findings));
    files.finish(tableFileName(directory, number));
  }
  const { logNumber } = stateOfTables(tables, findLeastNumbers(files, directory));
  const incarnationsBefore = tables
    .flatMap(({ properties }) => properties?.provenance.incarnation ?? [])
    .filter(isIncarnation);
  await searchDamage(
    {
      fileSystem: files,
      directory,
      incarnation: undefined,
      incarnationsBefore,
      logNumber,
      isExact: false,
      durable: undefined,
    },
    findings,
  );
  for (const path of logs) files.finish(path);
}

/** The oldest log that is read: of what is kept for the change feed, or of what memory needs. */
function firstLogOf({ logNumber, feed }: StoreNumbers): number {
  return feed === undefined || feed.segment === 0 ? logNumber : Math.min(feed.segment, logNumber);
}

function expectAll(files: MeteredFiles, paths: readonly string[]): void {
  for (const path of paths) if (files.exists(path)) files.expect(path, sizeOf(files, path));
}

function listLogs(files: FileReading, directory: string, logNumber: number): string[] {
  return files
    .list(directory)
    .map(parseFileName)
    .flatMap((name) => (name?.kind === "log" && name.number >= logNumber ? [logFileName(directory, name.number)] : []));
}
