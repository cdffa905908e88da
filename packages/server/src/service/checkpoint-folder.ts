import { randomUUID } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { invalidArgument, KvtsError, shown } from "@kvts/common";

/** One directory name, whatever the system, and none that leads elsewhere. */
const namePattern = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$/;

/** Where a server keeps the checkpoints that clients ask for: by name in one directory, and nowhere else. */
export interface CheckpointFolder {
  /** @throws INVALID_ARGUMENT for what is no name; UNIMPLEMENTED where the server has no such directory */
  pathOf(name: string): string;
  /** Those that are there, in order. */
  names(): Promise<readonly string[]>;
  /** A place for a copy that is removed as soon as it has been used. @throws UNIMPLEMENTED where there is no directory */
  passingPath(): string;
  /** Removes such copies that a server left which was killed. */
  clean(): Promise<void>;
}

/** @param directory none where clients may make no checkpoints */
export function checkpointFolder(directory: string | undefined): CheckpointFolder {
  return {
    pathOf(name) {
      if (directory === undefined) throw noDirectory();
      if (typeof name === "string" && namePattern.test(name)) return join(directory, name);
      throw invalidArgument(
        `the name of a checkpoint is 1 to 100 letters, digits, ".", "_" and "-", the first no dot, not ${shown(name)}`,
        { field: "name" },
      );
    },
    names: async () => (await subdirectories(directory)).filter((name) => !name.startsWith(passingPrefix)),
    passingPath() {
      if (directory === undefined) throw noDirectory();
      return join(directory, `${passingPrefix}${randomUUID()}`);
    },
    async clean() {
      const left = (await subdirectories(directory)).filter((name) => name.startsWith(passingPrefix));
      for (const name of left) await rm(join(directory!, name), { recursive: true, force: true });
    },
  };
}

/** No checkpoint has such a name. */
const passingPrefix = ".backup-";

async function subdirectories(directory: string | undefined): Promise<readonly string[]> {
  if (directory === undefined) return [];
  const entries = await readdir(directory, { withFileTypes: true }).catch((error: unknown) => {
    if ((error as { code?: unknown }).code === "ENOENT") return [];
    throw error;
  });
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

function noDirectory(): KvtsError {
  return new KvtsError(
    "UNIMPLEMENTED",
    "this server has no directory for checkpoints; start it with one (checkpointPath, --checkpoint-path)",
  );
}
