import type { KvtsError } from "@kvts/common";
import type { FileReading } from "../env/file-system.ts";
import { logFileName, manifestFileName, parseFileName, tableFileName } from "../format/filenames.ts";
import type { Logs } from "../logs.ts";
import { contradictionsIn, type FalseStatement } from "../manifest/contradictions.ts";
import type { ManifestFile, ManifestState } from "../manifest/state.ts";
import type { TableFile } from "../manifest/table-file.ts";
import type { VersionSet } from "../manifest/version-set.ts";
import { sizeOf } from "./file-size.ts";
import type { Findings } from "./findings.ts";
import { differingFields, foldManifest, ManifestPlace, readManifestInForce } from "./manifest.ts";
import { checkMarkFiles, markFilesOf } from "./mark-files.ts";
import type { MeteredFiles } from "./metered-files.ts";
import { checkOpenLog, type OpenLog } from "./open-log.ts";
import { checkRequestFiles, requestFilesOf } from "./request-files.ts";
import { checkNamedTable } from "./tables.ts";

/** What a verification takes of a running store. */
export interface OpenStore {
  readonly directory: string;
  readonly versions: VersionSet;
  readonly logs: Logs;
}

/** The store at one moment between two edits. The tables are held: each has to be released once. */
interface Moment {
  /** Undefined where the manifest is in doubt, and so what it should say. */
  readonly manifest: ManifestFile | KvtsError | undefined;
  readonly tables: readonly { readonly level: number; readonly file: TableFile }[];
  readonly log: OpenLog;
  readonly numbers: VersionSet["numbers"];
  readonly manifestNumber: number;
  readonly manifestBytes: number;
  readonly names: readonly string[];
  /** Whether a file of request ids, or of range marks, is in force still. */
  isRequestFile(number: number): boolean;
  isMarkFile(number: number): boolean;
}

/**
 * Checks an open store as it is at one moment, while it goes on. The tables of that moment are kept until they have been
 * read, each no longer than that; memory is not held, and neither is the log.
 */
export async function checkOpenStore(store: OpenStore, files: MeteredFiles, findings: Findings): Promise<void> {
  const moment = await store.versions.between(() => takeMoment(store, files));
  const held = new Set(moment.tables.map(({ file }) => file));
  const release = (file: TableFile) => {
    if (held.delete(file)) file.release();
  };
  try {
    await checkMoment(store.directory, moment, files, findings, release);
  } finally {
    for (const file of held) file.release();
  }
}

/** One synchronous stretch, so that all of it belongs together. */
function takeMoment({ directory, versions, logs }: OpenStore, files: FileReading): Moment {
  const { numbers, manifestNumber, manifestBytes, isIndeterminate } = versions;
  const manifest = isIndeterminate ? undefined : readManifestInForce(files, directory);
  const names = files.list(directory);
  const tables = versions.current.tables();
  for (const { file } of tables) file.acquire();
  const log: OpenLog = {
    directory,
    incarnation: numbers.incarnation,
    seqCeiling: numbers.seqCeiling,
    segments: [...logs.segments],
    endOffset: logs.writer.offset,
    isLive: (number) => logs.segments.includes(number),
  };
  const isRequestFile = (number: number) => versions.numbers.requestFiles?.includes(number) === true;
  const isMarkFile = (number: number) => versions.numbers.markFiles?.includes(number) === true;
  return { manifest, tables, log, numbers, manifestNumber, manifestBytes, names, isRequestFile, isMarkFile };
}

async function checkMoment(
  directory: string,
  moment: Moment,
  files: MeteredFiles,
  findings: Findings,
  release: (file: TableFile) => void,
): Promise<void> {
  const { tables, log, names } = moment;
  const path = manifestFileName(directory, moment.manifestNumber);
  const place = (await checkManifest(moment, files, findings)) ?? new ManifestPlace(path, new Map());
  for (const { file } of tables) files.expect(tableFileName(directory, file.meta.number), file.meta.fileBytes);
  const logs = log.segments.map((number) => logFileName(directory, number));
  for (const [index, path] of logs.entries()) {
    files.expect(path, index === logs.length - 1 ? log.endOffset : files.exists(path) ? sizeOf(files, path) : 0);
  }
  for (const each of [...requestFilesOf(directory, moment.numbers), ...markFilesOf(directory, moment.numbers)]) {
    if (files.exists(each)) files.expect(each, sizeOf(files, each));
  }
  findings.read("manifest", path, moment.manifestBytes, tables.length);
  await checkRequestFiles(files, directory, moment.numbers, findings, moment.isRequestFile);
  await checkMarkFiles(files, directory, moment.numbers, findings, moment.isMarkFile);
  for (const { file } of tables) {
    await checkNamedTable(files, directory, file.meta, place, findings);
    files.finish(tableFileName(directory, file.meta.number));
    release(file);
  }
  await checkOpenLog(files, log, findings);
  for (const path of logs) files.finish(path);
  for (const name of names) if (parseFileName(name) === undefined) findings.unknown(`${directory}/${name}`);
}

/** Between two edits the manifest says just what is in memory. Returns where it says it, where it can be read. */
async function checkManifest(
  { tables, numbers, manifest }: Moment,
  files: MeteredFiles,
  findings: Findings,
): Promise<ManifestPlace | undefined> {
  if (manifest === undefined) return undefined;
  const folded = "code" in manifest ? manifest : await foldManifest(manifest, () => files.pause());
  if ("code" in folded) {
    findings.add(folded);
    return undefined;
  }
  const { state, place } = folded;
  for (const statement of [...contradictionsIn(state), ...differences(state, numbers, tables)]) {
    findings.add(place.damage(statement));
  }
  return place;
}

/** What the manifest on disk says otherwise than memory does, by table where it is about one. */
function differences(manifest: ManifestState, numbers: Moment["numbers"], tables: Moment["tables"]): FalseStatement[] {
  const found: FalseStatement[] = [];
  for (const name of Object.keys(numbers) as (keyof Moment["numbers"])[]) {
    const [onDisk, inUse] = [JSON.stringify(manifest.numbers[name]), JSON.stringify(numbers[name])];
    if (onDisk !== inUse) found.push([undefined, `its ${name} is ${onDisk}, and the one in use is ${inUse}`]);
  }
  const onDisk = new Map(manifest.tables.map((table) => [table.meta.number, table]));
  for (const { level, file } of tables) {
    const { number } = file.meta;
    const table = onDisk.get(number);
    onDisk.delete(number);
    if (table === undefined) found.push([undefined, `it does not name table ${number}, which is in use`]);
    else if (table.level !== level) found.push([number, `it has table ${number} in another level than it is used in`]);
    else if (differingFields(table.meta, file.meta).length > 0)
      found.push([number, `what it says of table ${number} is not what is used`]);
  }
  for (const number of onDisk.keys()) found.push([number, `it names table ${number}, which is not in use`]);
  return found;
}
