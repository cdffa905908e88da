import { Buffer } from "node:buffer";
import { lostDirectoryName } from "../format/filenames.ts";
import type { MemoryFileSystem } from "./memory-file-system.ts";

/** The files of a store, apart from what was set aside, in which any of some byte strings stands. */
export function filesWith(fileSystem: MemoryFileSystem, directory: string, needles: readonly Uint8Array[]): string[] {
  return fileSystem.list(directory).filter((name) => {
    const path = `${directory}/${name}`;
    if (path === lostDirectoryName(directory)) return false;
    const bytes = Buffer.from(fileSystem.contents(path));
    return needles.some((needle) => bytes.includes(Buffer.from(needle)));
  });
}
