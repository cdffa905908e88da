import type { VerifyOptions, VerifyReport } from "@kvts/common";
import { isKvtsError, KvtsError } from "@kvts/common";
import type { FileLock, FileSystem } from "./env/file-system.ts";
import { nodeFileSystem } from "./env/node-file-system.ts";
import { systemScheduler } from "./env/scheduler.ts";
import { lockFileName } from "./format/filenames.ts";
import type { Components } from "./options.ts";
import { holdsStore, requireStore } from "./store-finder.ts";
import { Findings } from "./verify/findings.ts";
import { MeteredFiles } from "./verify/metered-files.ts";
import { readingOptions } from "./verify/options.ts";
import { checkStore } from "./verify/store.ts";

export interface DirectoryVerifyOptions extends VerifyOptions {
  readonly components?: Partial<Pick<Components, "fileSystem" | "scheduler">> | undefined;
}

/**
 * Reads a whole store that is not open, and lists everything that is wrong with it: checksums and order of blocks, values
 * and log frames, filters and indexes against the keys, the manifest against the files. It changes nothing but LOCK, and
 * needs memory for one table's index and one block at a time. What it finds, `repair` can do something about.
 * @throws LOCKED while somebody has the store open; INVALID_ARGUMENT where there is none; CANCELLED, DEADLINE_EXCEEDED;
 *   UNIMPLEMENTED where a newer kvts wrote some of it; UNAVAILABLE where the system does not let it read
 */
export async function verify(directory: string, options: DirectoryVerifyOptions = {}): Promise<VerifyReport> {
  const { components, ...rest } = options;
  const reading = readingOptions(rest);
  const { fileSystem = nodeFileSystem, scheduler = systemScheduler } = components ?? {};
  const startedMs = scheduler.monotonicMs();
  let lock: FileLock | undefined;
  try {
    requireStore(fileSystem, directory);
    refuseUnmade(fileSystem, directory);
    lock = lockUnlessReadOnly(fileSystem, directory);
    const files = new MeteredFiles({ files: fileSystem, scheduler, ...reading });
    const findings = new Findings(directory);
    const incarnation = await checkStore(files, directory, findings);
    const elapsedMs = Math.round(scheduler.monotonicMs() - startedMs);
    return findings.report({ incarnation, bytesRead: files.bytesRead, elapsedMs });
  } catch (error) {
    throw readError(directory, error);
  } finally {
    lock?.release();
  }
}

/** What a store leaves whose making was cut short is none yet. @throws INVALID_ARGUMENT */
function refuseUnmade(fileSystem: FileSystem, directory: string): void {
  try {
    holdsStore(fileSystem, directory, false);
  } catch (error) {
    // A store that has lost CURRENT is one all the same.
    if (!isKvtsError(error, "CORRUPTION")) throw error;
  }
}

/** On a read-only file system nobody can have the store open. */
function lockUnlessReadOnly(fileSystem: FileSystem, directory: string): FileLock | undefined {
  try {
    return fileSystem.lock(lockFileName(directory));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EROFS") return undefined;
    throw error;
  }
}

/** What the system refuses, as an error of ours; what a caller's function throws stays as it is. */
function readError(directory: string, error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (isKvtsError(error) || typeof code !== "string") return error;
  return new KvtsError(
    "UNAVAILABLE",
    `the store in ${directory} cannot be read (${message}); make sure that this user may read all of it, and try again`,
    { cause: error },
  );
}
