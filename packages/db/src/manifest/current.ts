import type { FileReading, FileSystem } from "../env/file-system.ts";
import { crc32 } from "../format/checksum.ts";
import { corruption } from "../format/corruption.ts";
import { currentFileName, manifestFileName, parseFileName, temporaryFileName } from "../format/filenames.ts";
import { ManifestSyncError } from "./sync-error.ts";
import { readWholeFile } from "./whole-file.ts";

/** CURRENT is one line of text: the name of the manifest in force, a space, and the name's CRC-32 as eight hex digits. */
const LINE = /^(\S+) ([0-9a-f]{8})\n$/;
const LINE_BYTES_MAX = 64;

/** The number of the manifest in force; undefined where there is no CURRENT. @throws CORRUPTION */
export function readCurrent(fileSystem: FileReading, directory: string): number | undefined {
  const path = currentFileName(directory);
  if (!fileSystem.exists(path)) return undefined;
  const bytes = readWholeFile(fileSystem, path, LINE_BYTES_MAX);
  const match = LINE.exec(new TextDecoder().decode(bytes));
  const named = match === null || checksumOf(match[1]!) !== match[2] ? undefined : parseFileName(match[1]!);
  if (named?.kind !== "manifest") throw corruption(path, 0, "it does not name a manifest");
  return named.number;
}

/**
 * Names the manifest `number`, durably and in one step. `temporaryNumber` is a file number used for nothing else.
 * @throws ManifestSyncError where it is in doubt which one is named; another error where nothing has changed
 */
export async function writeCurrent(
  fileSystem: FileSystem,
  directory: string,
  number: number,
  temporaryNumber: number,
): Promise<void> {
  const temporary = temporaryFileName(directory, temporaryNumber);
  const file = fileSystem.create(temporary);
  try {
    const name = manifestFileName(directory, number).slice(directory.length + 1);
    file.writeSync(new TextEncoder().encode(`${name} ${checksumOf(name)}\n`), 0);
    await file.sync();
  } finally {
    file.close();
  }
  fileSystem.rename(temporary, currentFileName(directory));
  try {
    await fileSystem.syncDirectory(directory);
  } catch (cause) {
    throw new ManifestSyncError(cause);
  }
}

function checksumOf(name: string): string {
  return crc32(new TextEncoder().encode(name)).toString(16).padStart(8, "0");
}
