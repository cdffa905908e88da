import type { FileSystem } from "../env/file-system.ts";

/** All bytes of a small file. */
export function readWholeFile(fileSystem: FileSystem, path: string): Uint8Array {
  const file = fileSystem.open(path);
  try {
    const bytes = new Uint8Array(file.size);
    const read = file.readSync(bytes, 0, bytes.length, 0);
    return bytes.subarray(0, read);
  } finally {
    file.close();
  }
}
