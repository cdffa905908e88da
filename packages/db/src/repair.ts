import type { FileLock } from "./env/file-system.ts";
import { lockFileName } from "./format/filenames.ts";
import { directoryError } from "./io-error.ts";
import type { ManifestState } from "./manifest/state.ts";
import { type OpenOptions, resolveOptions, type Settings } from "./options.ts";
import { examineStore, type Findings, isLogSound, isManifestTrue } from "./repair/findings.ts";
import { type Rebuilt, rebuild } from "./repair/rebuild.ts";
import { type RepairReport, reportLeftover, reportMarks, reportTable } from "./repair/report.ts";
import { setOthersAside } from "./repair/set-aside.ts";
import { requireStore } from "./store-finder.ts";

export type RepairOptions = Pick<OpenOptions, "memtableBytes" | "compression" | "logger" | "tuning" | "components">;

/**
 * Makes a damaged store usable again, with everything that can still be read: reads all of it; makes the manifest anew
 * where it is missing or damaged; takes what is whole of damaged tables and logs. What it replaces or cannot use goes
 * into lost/, nothing is removed. A sound store stays as it is.
 *
 * Cut short anywhere, it can be run again. A store that was repaired has a new incarnation, and its seqs go on above all
 * that were ever given out.
 * @throws LOCKED while somebody has the store open; INVALID_ARGUMENT where there is none; UNIMPLEMENTED where a newer
 *   kvts wrote some of it; the system's error where the disk is full or refuses, and the store is as it was
 */
export async function repair(directory: string, options: RepairOptions = {}): Promise<RepairReport> {
  const settings = resolveOptions(options);
  const { fileSystem, scheduler, runner } = settings.components;
  const startedMs = scheduler.monotonicMs();
  let lock: FileLock | undefined;
  try {
    requireStore(fileSystem, directory);
    lock = fileSystem.lock(lockFileName(directory));
    const findings = await examineStore(fileSystem, directory);
    const { manifest } = findings;
    const sound = manifest !== undefined && (await isSound(directory, settings, findings, manifest));
    const { tables, files, ...rest } = sound
      ? await leaveAlone(directory, settings, findings, manifest)
      : await rebuild(directory, settings, findings);
    return {
      sound,
      lost: files.some(({ lost }) => lost),
      ...rest,
      tables: tables.length,
      versions: tables.reduce((sum, { meta }) => sum + meta.entryCount, 0),
      files,
      elapsedMs: Math.round(scheduler.monotonicMs() - startedMs),
    };
  } catch (error) {
    throw directoryError(error, directory) ?? error;
  } finally {
    await runner.close();
    lock?.release();
  }
}

async function isSound(
  directory: string,
  settings: Settings,
  findings: Findings,
  manifest: ManifestState,
): Promise<boolean> {
  const { fileSystem } = settings.components;
  const { plans, marks } = findings;
  if (plans.some(({ action, isNeeded }) => isNeeded && action !== "keep")) return false;
  if (marks.some(({ problem }) => problem !== undefined)) return false;
  return (
    isManifestTrue(fileSystem, directory, manifest, findings) && (await isLogSound(fileSystem, directory, manifest))
  );
}

/** A sound store; at most there is left to do what an earlier repair did not come to. */
async function leaveAlone(
  directory: string,
  settings: Settings,
  { plans, marks }: Findings,
  { numbers, tables, keepsBelow, manifestNumber }: ManifestState,
): Promise<Rebuilt> {
  const kept = plans.filter(({ action }) => action === "keep");
  const leftovers =
    keepsBelow > 0
      ? await setOthersAside(settings.components.fileSystem, directory, {
          manifest: manifestNumber,
          tables: new Set(tables.map(({ meta }) => meta.number)),
          marks: new Set(numbers.markFiles),
          firstLog: numbers.logNumber,
        })
      : [];
  const files = [
    ...kept.map((plan) => reportTable(plan, plan.table!.properties!.entryCount)),
    ...marks.map((file) => reportMarks(file, true)),
    ...leftovers.map(reportLeftover),
  ];
  return { incarnation: numbers.incarnation, tables, operations: 0, files };
}
