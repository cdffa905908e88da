import { invalidArgument, type KvtsError } from "@kvts/common";
import type { FileSystem } from "./env/file-system.ts";
import { corruption } from "./format/corruption.ts";
import { currentFileName, incompleteFileName, parseFileName } from "./format/filenames.ts";

/**
 * Whether `directory` holds a store (true), or may become one (false: it is missing, empty, or its making was cut short).
 * Changes nothing.
 * @throws INVALID_ARGUMENT where it holds something else, an unfinished checkpoint, or nothing while `createIfMissing` is
 *   false; CORRUPTION where it is a store without CURRENT
 */
export function holdsStore(fileSystem: FileSystem, directory: string, createIfMissing: boolean): boolean {
  const names = fileSystem.list(directory);
  refuseIncomplete(fileSystem, directory);
  if (fileSystem.exists(currentFileName(directory))) return true;
  const kinds = names.map((name) => parseFileName(name)?.kind);
  if (kinds.some((kind) => kind === "table" || kind === "log")) {
    throw corruption(currentFileName(directory), 0, "the file is missing");
  }
  const foreign = names.find((_, i) => kinds[i] === undefined);
  if (foreign !== undefined) throw noStore(directory, foreign, "name an empty directory, or one that kvts made");
  if (!createIfMissing) throw noStore(directory);
  return false;
}

const STORE_KINDS: ReadonlySet<string> = new Set(["current", "manifest", "table", "log"]);

/** Checks that there is something to repair. @throws INVALID_ARGUMENT where there is not */
export function requireStore(fileSystem: FileSystem, directory: string): void {
  const names = fileSystem.list(directory);
  refuseIncomplete(fileSystem, directory);
  const kinds = names.map((name) => parseFileName(name)?.kind);
  if (kinds.some((kind) => kind !== undefined && STORE_KINDS.has(kind))) return;
  throw noStore(
    directory,
    names.find((_, i) => kinds[i] === undefined),
  );
}

/** Repairing one would make a store that lacks what had not been copied. */
function refuseIncomplete(fileSystem: FileSystem, directory: string): void {
  if (!fileSystem.exists(incompleteFileName(directory))) return;
  throw invalidArgument(
    `${directory} holds a checkpoint that was never finished; remove the directory, and make the checkpoint again`,
  );
}

function noStore(directory: string, foreign?: string, advice = "name the directory of one"): KvtsError {
  return foreign === undefined
    ? invalidArgument(`there is no store in ${directory}; ${advice}`)
    : invalidArgument(`${directory} is not a kvts store (it holds ${JSON.stringify(foreign)}); ${advice}`);
}
