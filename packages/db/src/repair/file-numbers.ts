import type { FileSystem } from "../env/file-system.ts";
import { lostDirectoryName, parseFileName } from "../format/filenames.ts";

/** Gives out file numbers above all that are known to have been given out before. */
export class FileNumbers {
  /** The first number that is given out. */
  readonly first: number;
  #next: number;

  constructor(used: readonly number[]) {
    this.first = used.reduce((most, number) => Math.max(most, number), 0) + 1;
    this.#next = this.first;
  }

  /** The first of `count` numbers. */
  take(count = 1): number {
    const first = this.#next;
    this.#next += count;
    return first;
  }

  /** No file bears it, or a greater one. */
  get next(): number {
    return this.#next;
  }
}

/** The numbers of all files in a directory, and of those that were set aside from it. */
export function numbersOfFiles(fileSystem: FileSystem, directory: string): number[] {
  return [directory, lostDirectoryName(directory)]
    .flatMap((path) => fileSystem.list(path))
    .map((name) => parseFileName(name)?.number ?? 0);
}
