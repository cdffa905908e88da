import type { FileSystem } from "../env/file-system.ts";
import { crc32 } from "../format/checksum.ts";
import { corruption } from "../format/corruption.ts";
import { currentFileName, temporaryFileName } from "../format/filenames.ts";
import { readWholeFile } from "./whole-file.ts";
import { ManifestSyncError } from "./writer.ts";

/** CURRENT is one line of text: the manifest's number, a space, and the CRC-32 of the number's digits in hex. */
const LINE = /^(\d{1,16}) ([0-9a-f]{8})\n$/;

/** The number of the manifest in force; undefined where there is no CURRENT. @throws CORRUPTION */
export function readCurrent(fileSystem: FileSystem, directory: string): number | undefined {
  const path = currentFileName(directory);
  if (!fileSystem.exists(path)) return undefined;
  const match = LINE.exec(new TextDecoder().decode(readWholeFile(fileSystem, path)));
  if (match === null || checksumOf(match[1]!) !== match[2]) throw corruption(path, 0, "it does not name a manifest");
  return Number(match[1]);
}

/**
 * Names the manifest `number`, durably and in one step. `temporaryNumber` is a file number used for nothing else.
 * @throws ManifestSyncError where it is in doubt which one is named
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
    const digits = String(number);
    file.writeSync(new TextEncoder().encode(`${digits} ${checksumOf(digits)}\n`), 0);
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

function checksumOf(digits: string): string {
  return crc32(new TextEncoder().encode(digits)).toString(16).padStart(8, "0");
}
