import { existsSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { failed } from "../failure.ts";
import type { Sink } from "./sink.ts";

/** A file that appears whole or not at all. */
export interface NewFile extends AsyncDisposable {
  readonly sink: Sink;
  /** Puts the file in its place, on disk. Without it, disposing leaves nothing behind. */
  keep(): Promise<void>;
}

/**
 * Begins a file under a name of its own beside `path`.
 * @throws CommandError where `path` exists and is not to be replaced
 */
export async function createFile(path: string, overwrite: boolean): Promise<NewFile> {
  if (!overwrite && existsSync(path)) throw failed(`${path} exists already; name another file, or pass --overwrite`);
  const partPath = `${path}.${process.pid}.part`;
  const handle = await open(partPath, "wx");
  let kept = false;
  return {
    sink: async (bytes) => {
      try {
        await handle.writeFile(bytes);
      } catch (error) {
        // The system does not say which file it was.
        throw error instanceof Error ? Object.assign(error, { path }) : error;
      }
    },
    async keep() {
      await handle.sync();
      await handle.close();
      await rename(partPath, path);
      kept = true;
    },
    async [Symbol.asyncDispose]() {
      if (kept) return;
      await handle.close();
      await rm(partPath, { force: true });
    },
  };
}
