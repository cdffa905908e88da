import type { FileReading } from "../env/file-system.ts";

/** All bytes of a file, or its first `bytesMax`. */
export function readWholeFile(
  fileSystem: FileReading,
  path: string,
  bytesMax: number = Number.POSITIVE_INFINITY,
): Uint8Array {
  const file = fileSystem.open(path);
  try {
    const bytes = new Uint8Array(Math.min(file.size, bytesMax));
    const read = file.readSync(bytes, 0, bytes.length, 0);
    return bytes.subarray(0, read);
  } finally {
    file.close();
  }
}
