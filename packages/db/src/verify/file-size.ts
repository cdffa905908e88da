import type { FileReading } from "../env/file-system.ts";

/** Bytes of a file. */
export function sizeOf(files: FileReading, path: string): number {
  const file = files.open(path);
  const { size } = file;
  file.close();
  return size;
}
