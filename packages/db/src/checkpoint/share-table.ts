import type { FileSystem } from "../env/file-system.ts";

/** What systems say where two directories cannot share a file: other disks, other owners, no links at all. */
const NO_LINKS: ReadonlySet<string> = new Set(["EXDEV", "EPERM", "EMLINK", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);
const PIECE_BYTES = 1024 * 1024;

/**
 * Gives a table, which never changes and is on disk, a second name; or where that cannot be, copies it and puts the copy
 * on disk. The new name is on disk once its directory is synced.
 * @param each called before every piece of a copy; what it throws ends it
 */
export async function shareTable(
  fileSystem: FileSystem,
  from: string,
  to: string,
  each: () => void,
): Promise<"linked" | "copied"> {
  try {
    fileSystem.link(from, to);
    return "linked";
  } catch (error) {
    if (!NO_LINKS.has(String((error as { code?: unknown }).code))) throw error;
  }
  await copyFile(fileSystem, from, to, each);
  return "copied";
}

async function copyFile(fileSystem: FileSystem, from: string, to: string, each: () => void): Promise<void> {
  const source = fileSystem.open(from);
  try {
    const copy = fileSystem.create(to);
    try {
      const piece = new Uint8Array(Math.min(PIECE_BYTES, source.size));
      for (let at = 0; at < source.size; at += piece.length) {
        each();
        const bytes = await source.read(piece, 0, piece.length, at);
        await copy.write(piece.subarray(0, bytes), at);
      }
      await copy.sync();
    } finally {
      copy.close();
    }
  } finally {
    source.close();
  }
}
