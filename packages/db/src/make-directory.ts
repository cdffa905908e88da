import { dirname } from "node:path";
import type { FileSystem } from "./env/file-system.ts";

/** Makes a directory, and sees to it that its name is on disk: a store is worth nothing in a directory that is gone. */
export async function makeDirectory(fileSystem: FileSystem, directory: string): Promise<void> {
  const above: string[] = [];
  for (let path = dirname(directory); above[0] !== path; path = dirname(path)) {
    above.unshift(path);
    if (fileSystem.exists(path)) break;
  }
  fileSystem.makeDirectory(directory);
  for (const path of above) await fileSystem.syncDirectory(path);
}
