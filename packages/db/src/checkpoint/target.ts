import { invalidArgument } from "@kvts/common";
import type { FileLock, FileSystem } from "../env/file-system.ts";
import { incompleteFileName, lockFileName, parseFileName } from "../format/filenames.ts";
import { makeDirectory } from "../make-directory.ts";

/**
 * The directory in which a checkpoint is made. From before its first file until after its last one is on disk it holds
 * INCOMPLETE, so that whatever is left when the making is cut short passes for no store.
 */
export class CheckpointTarget {
  readonly directory: string;
  readonly #fileSystem: FileSystem;
  readonly #lock: FileLock;

  private constructor(fileSystem: FileSystem, directory: string, lock: FileLock) {
    this.#fileSystem = fileSystem;
    this.directory = directory;
    this.#lock = lock;
  }

  /** @throws INVALID_ARGUMENT where the directory holds anything; LOCKED; the system's error */
  static async take(fileSystem: FileSystem, directory: string): Promise<CheckpointTarget> {
    expectEmpty(fileSystem, directory);
    await makeDirectory(fileSystem, directory);
    const lock = fileSystem.lock(lockFileName(directory));
    try {
      // Somebody may have been quicker.
      expectEmpty(fileSystem, directory);
    } catch (error) {
      lock.release();
      throw error;
    }
    return new CheckpointTarget(fileSystem, directory, lock);
  }

  /** From here on, until it is finished or discarded, what the directory holds passes for no store. */
  async begin(): Promise<void> {
    this.#fileSystem.create(incompleteFileName(this.directory)).close();
    await this.#fileSystem.syncDirectory(this.directory);
  }

  /** What has been written becomes a store. All of it is on disk by now. */
  async finish(): Promise<void> {
    await this.#fileSystem.remove(incompleteFileName(this.directory));
    await this.#fileSystem.syncDirectory(this.directory);
    this.#lock.release();
  }

  /** Leaves the directory empty but for LOCK. @throws the system's error, and what is left passes for no store */
  async discard(): Promise<void> {
    const fileSystem = this.#fileSystem;
    try {
      if (!fileSystem.exists(incompleteFileName(this.directory))) await this.begin();
      for (const name of fileSystem.list(this.directory)) {
        const kind = parseFileName(name)?.kind;
        if (kind !== "lock" && kind !== "incomplete") await fileSystem.remove(`${this.directory}/${name}`);
      }
      await fileSystem.syncDirectory(this.directory);
      await fileSystem.remove(incompleteFileName(this.directory));
      await fileSystem.syncDirectory(this.directory);
    } finally {
      this.#lock.release();
    }
  }
}

/** LOCK alone is what a failed checkpoint leaves. */
function expectEmpty(fileSystem: FileSystem, directory: string): void {
  const names = fileSystem.list(directory).filter((name) => parseFileName(name)?.kind !== "lock");
  const [first] = names;
  if (first === undefined) return;
  const what = names.some((name) => parseFileName(name)?.kind === "incomplete")
    ? "a checkpoint that was never finished; remove it"
    : JSON.stringify(first);
  throw invalidArgument(`${directory} holds ${what}; name a directory that is empty, or one that is still to be made`);
}
