import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

const KIB = 1024;
const writeBlockBytes = 512;

/** Resident memory of this process now, and at its highest so far. */
export function residentBytes(): { readonly now: number; readonly peak: number } {
  return { now: process.memoryUsage.rss(), peak: process.resourceUsage().maxRSS * KIB };
}

/** Bytes that this process has had written to disk so far. */
export function writtenBytes(): number {
  return process.resourceUsage().fsWrite * writeBlockBytes;
}

/** Sizes of all files below a directory. */
export async function directoryBytes(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size));
  return sizes.reduce((total, size) => total + size, 0);
}
