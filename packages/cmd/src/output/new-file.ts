import { existsSync } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
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
 * @throws CommandError where `path` exists and is not to be replaced, or its folder does not
 */
export async function createFile(path: string, overwrite: boolean): Promise<NewFile> {
  if (!overwrite && existsSync(path)) throw failed(`${path} exists already; name another file, or pass --overwrite`);
  const partPath = `${path}.${process.pid}.part`;
  const handle = await openPart(partPath, path);
  let kept = false;
  return {
    sink: async (bytes) => {
      try {
        await handle.writeFile(bytes);
      } catch (error) {
        throw about(path, error);
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

async function openPart(partPath: string, path: string): Promise<FileHandle> {
  if (!existsSync(dirname(path))) {
    throw failed(`the folder ${dirname(path)} does not exist; make it first, or name another file`);
  }
  try {
    return await open(partPath, "wx");
  } catch (error) {
    throw about(path, error);
  }
}

/** The error of the system, about the file that the user named: it names another one, or none. */
function about(path: string, error: unknown): unknown {
  return error instanceof Error ? Object.assign(error, { path }) : error;
}
