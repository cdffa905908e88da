import type { FileSystem } from "../env/file-system.ts";
import { currentFileName, lostCurrentFileName, lostDirectoryName, parseFileName } from "../format/filenames.ts";
import { readWholeFile } from "../manifest/whole-file.ts";
import { moveToLost } from "../orphans.ts";

/** The files of a store that stay. */
export interface StayingFiles {
  readonly manifest: number;
  readonly tables: ReadonlySet<number>;
  /** Files of range marks. */
  readonly marks: ReadonlySet<number>;
  /** Logs from this number on. */
  readonly firstLog: number;
}

/** Moves every other file of ours to lost/, but those whose contents never meant anything. Returns their names. */
export async function setOthersAside(
  fileSystem: FileSystem,
  directory: string,
  staying: StayingFiles,
): Promise<string[]> {
  const names = fileSystem.list(directory).filter((name) => isToGo(name, staying));
  await moveToLost(fileSystem, directory, names);
  return names;
}

/** Keeps a copy of CURRENT before manifest `number` takes its place. */
export async function copyCurrent(fileSystem: FileSystem, directory: string, number: number): Promise<void> {
  const path = currentFileName(directory);
  const bytes = readWholeFile(fileSystem, path);
  fileSystem.makeDirectory(lostDirectoryName(directory));
  const copy = fileSystem.create(lostCurrentFileName(directory, number));
  try {
    copy.writeSync(bytes, 0);
    await copy.sync();
  } finally {
    copy.close();
  }
  await fileSystem.syncDirectory(lostDirectoryName(directory));
}

function isToGo(name: string, { manifest, tables, marks, firstLog }: StayingFiles): boolean {
  const file = parseFileName(name);
  if (file?.kind === "manifest") return file.number !== manifest;
  // They are of an earlier incarnation.
  if (file?.kind === "requests") return true;
  if (file?.kind === "marks") return !marks.has(file.number);
  if (file?.kind === "table") return !tables.has(file.number);
  return file?.kind === "log" && file.number < firstLog;
}
