import { isKvtsError, type KvtsError } from "@kvts/common";
import type { FileReading } from "../env/file-system.ts";
import { corruption, damageFrom, isDamage } from "../format/corruption.ts";
import { logFileName } from "../format/filenames.ts";
import type { StoreNumbers } from "../manifest/version-set.ts";
import { LOG_REASONS } from "../repair/report.ts";
import { type LogContents, readLog } from "../wal/log-reader.ts";
import { type SalvagedLog, type SalvageSource, salvageLog } from "../wal/log-salvage.ts";
import { sizeOf } from "./file-size.ts";
import type { Findings } from "./findings.ts";
import { FrameCheck } from "./frame-check.ts";
import { checkKeptLogs, type KeptLogs } from "./kept-logs.ts";

/**
 * Reads the log of a store that is not open, just as opening would, and what of it is kept for the change feed. What keeps
 * that from going well is looked into.
 */
export async function checkLog(
  files: FileReading,
  directory: string,
  numbers: StoreNumbers,
  findings: Findings,
): Promise<void> {
  const { incarnation, logNumber, seqCeiling, durableLog: durable } = numbers;
  const frames = new FrameCheck(seqCeiling, findings);
  let damage: KvtsError;
  const kept = { files, directory, numbers };
  try {
    const log = await readLog({ fileSystem: files, directory, incarnation, logNumber, durable }, (frame) =>
      frames.take(frame),
    );
    reportLog(files, directory, log, frames, findings);
    const { live, stale } = log;
    await checkKept({ ...kept, firstLive: live[0], firstSeq: frames.firstSeq }, stale, findings);
    return;
  } catch (error) {
    damage = damageFrom(error, logFileName(directory, logNumber), 0);
  }
  const source = {
    fileSystem: files,
    directory,
    incarnation,
    incarnationsBefore: [],
    logNumber,
    isExact: true,
    durable,
  };
  await searchDamage(source, findings);
  if (!findings.isDamaged(String(damage.details.file))) findings.add(damage);
  const firstLive = files.exists(logFileName(directory, logNumber)) ? logNumber : undefined;
  await checkKeptLogs({ ...kept, firstLive, firstSeq: undefined }, findings);
}

/** Of the segments that the log does not need: those that the change feed does are read. */
async function checkKept(kept: KeptLogs, stale: readonly number[], findings: Findings): Promise<void> {
  const { files, directory, numbers } = kept;
  const operations = await checkKeptLogs(kept, findings);
  for (const number of stale) {
    const path = logFileName(directory, number);
    const read = operations.get(number);
    if (read !== undefined) findings.read("log", path, sizeOf(files, path), read);
    else findings.unneeded(path, LOG_REASONS[number < numbers.logNumber ? "not needed" : "given up"]);
  }
}

/** Lists what is damaged in a log, and what became of each segment. */
export async function searchDamage(source: SalvageSource, findings: Findings): Promise<void> {
  const log = await salvaged(source, findings);
  if (log === undefined) return;
  const { directory, fileSystem: files } = source;
  for (const number of log.missing) findings.missing(logFileName(directory, number), "other logs go on from it");
  for (const { number, fate, operations, damage } of log.segments) {
    const path = logFileName(directory, number);
    if (fate === "unreadable") findings.add(corruption(path, 0, LOG_REASONS[fate]));
    if (fate !== "read" && fate !== "unreadable") {
      findings.unneeded(path, LOG_REASONS[fate]);
      continue;
    }
    for (const { offset, end } of damage) {
      findings.add(corruption(path, offset, `it is not whole up to byte ${Math.max(offset, end - 1)}, and was once`));
    }
    findings.read("log", path, sizeOf(files, path), operations);
  }
}

/** Undefined, and the findings say why, where even that cannot be read. */
async function salvaged(source: SalvageSource, findings: Findings): Promise<SalvagedLog | undefined> {
  try {
    return await salvageLog(source, () => {});
  } catch (error) {
    if (!isDamage(error)) throw error;
    if (isKvtsError(error)) findings.add(error);
    return undefined;
  }
}

function reportLog(
  files: FileReading,
  directory: string,
  { live }: LogContents,
  frames: FrameCheck,
  findings: Findings,
): void {
  for (const number of live) {
    const path = logFileName(directory, number);
    findings.read("log", path, sizeOf(files, path), frames.operations.get(path) ?? 0);
  }
}
