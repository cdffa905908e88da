import type { FileSystem } from "../env/file-system.ts";
import { logFileName } from "../format/filenames.ts";
import type { LogContents } from "./log-reader.ts";

const PIECE_BYTES = 1024 * 1024;

/**
 * Puts what was replayed on disk, for certain: from here on it is served. A sync alone would not do. Where one has failed
 * in an earlier run, the system may still show the bytes, count them as written, and write them never; so they are
 * written once more, as they are, and then synced.
 */
export async function secureLog(
  fileSystem: FileSystem,
  directory: string,
  { live, liveEnds }: Pick<LogContents, "live" | "liveEnds">,
): Promise<void> {
  for (const [index, number] of live.entries()) {
    await secureSegment(fileSystem, logFileName(directory, number), liveEnds[index]!);
  }
  if (live.length > 0) await fileSystem.syncDirectory(directory);
}

async function secureSegment(fileSystem: FileSystem, path: string, end: number): Promise<void> {
  const from = fileSystem.open(path);
  try {
    const to = fileSystem.openWritable(path);
    try {
      const piece = new Uint8Array(Math.min(PIECE_BYTES, end));
      for (let at = 0; at < end; ) {
        const bytes = await from.read(piece, 0, Math.min(piece.length, end - at), at);
        if (bytes === 0) break;
        await to.write(piece.subarray(0, bytes), at);
        at += bytes;
      }
      await to.sync();
    } finally {
      to.close();
    }
  } finally {
    from.close();
  }
}
