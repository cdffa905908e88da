import type { Logger } from "@kvts/common";
import type { FileSystem } from "../env/file-system.ts";
import { tableFileName } from "../format/filenames.ts";

/**
 * Removes the outputs of jobs that came to nothing: those that failed, died, or could not be installed. Until such a file
 * is gone it is told apart from tables that count, or a repair might bring back what later merges have dropped.
 */
export class AbandonedTables {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #logger: Logger;
  readonly #numbers: Set<number> = new Set();

  constructor(fileSystem: FileSystem, directory: string, logger: Logger) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
    this.#logger = logger;
  }

  /** Numbers of those whose files may still be there. */
  get numbers(): readonly number[] {
    return [...this.#numbers];
  }

  /**
   * The same for tables that hold what is nowhere else, and must not come back with a power cut: they are told apart
   * until their names are gone from the disk.
   */
  async removeForGood(first: number, count: number): Promise<void> {
    const numbers = Array.from({ length: count }, (_, index) => first + index);
    await this.remove(first, count);
    try {
      await this.#fileSystem.syncDirectory(this.#directory);
    } catch (error) {
      for (const number of numbers) this.#numbers.add(number);
      this.#logger.warn(
        { err: error },
        "tables that are not used may come back with a power cut; the next open removes them",
      );
    }
  }

  /** Tries again to remove what could not be removed. */
  async removeStuck(): Promise<void> {
    for (const number of this.#numbers) await this.remove(number, 1);
  }

  /** Removes what there is of `count` tables numbered from `first` on. Where that fails, the next open does it. */
  async remove(first: number, count: number): Promise<void> {
    for (let number = first; number < first + count; number++) {
      const path = tableFileName(this.#directory, number);
      if (!this.#fileSystem.exists(path)) continue;
      this.#numbers.add(number);
      try {
        await this.#fileSystem.remove(path);
        this.#numbers.delete(number);
      } catch (error) {
        this.#logger.warn({ err: error, path }, "a table that is not used could not be removed; the next open will");
      }
    }
  }
}
