import type { Logger } from "@kvts/common";
import type { FileSystem } from "../env/file-system.ts";
import { requestFileName } from "../format/filenames.ts";
import { readRequestFile, writeRequestFile } from "./request-file.ts";
import type { RequestTable } from "./request-table.ts";
import { REQUEST_WINDOW } from "./requests.ts";

/** Beside so many files, the next one holds everything and replaces them. */
const FILES_MAX = 8;

interface RequestFile {
  readonly number: number;
  /** Seq of its last record. */
  readonly lastSeq: number;
}

export interface RequestFilesOptions {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly incarnation: string;
  readonly table: RequestTable;
  readonly logger: Logger;
  readonly takeFileNumber: () => number;
  /** False while the manifest is in doubt: what either state of it names must stay. */
  readonly mayRemove: () => boolean;
}

/** Files that have been written, for a manifest edit to name. */
export interface SavedRequests {
  /** What the edit says: all files in force. */
  readonly requestFiles: readonly number[];
  /** The edit is on disk. */
  installed(): Promise<void>;
  /** The edit has failed. */
  abandoned(): Promise<void>;
}

/**
 * Keeps request ids when the log segments that hold them go: each flush that gives up log writes those of its seqs to a
 * file of their own. So there is at most twice what the table holds on disk, and no id is written more than twice or so.
 */
export class RequestFiles {
  readonly #options: RequestFilesOptions;
  #files: readonly RequestFile[];

  /** @param inForce numbers, as the manifest has them, which have been read. */
  private constructor(options: RequestFilesOptions, inForce: readonly RequestFile[]) {
    this.#options = options;
    this.#files = inForce;
  }

  /** Reads the files in force into the table. @throws as `readRequestFile` does */
  static load(options: RequestFilesOptions, numbers: readonly number[]): RequestFiles {
    const { fileSystem, directory, incarnation, table } = options;
    const files = numbers.map((number) => {
      let lastSeq = 0;
      readRequestFile(fileSystem, directory, number, incarnation, (record) => {
        table.add(record);
        lastSeq = record.seq;
      });
      return { number, lastSeq };
    });
    return new RequestFiles(options, files);
  }

  get count(): number {
    return this.#files.length;
  }

  /**
   * Writes the ids up to seq `lastSeq` that no file holds yet, those of the last ten minutes.
   * @param now microseconds
   * @returns undefined where nothing changes
   * @throws the system's error, and nothing has changed
   */
  async save(lastSeq: number, now: number): Promise<SavedRequests | undefined> {
    const { table } = this.#options;
    table.forgetBefore(now - REQUEST_WINDOW);
    const oldest = table.count === 0 ? Number.POSITIVE_INFINITY : table.seqOf(table.first);
    const needed = this.#files.filter((file) => file.lastSeq >= oldest);
    const end = firstAbove(table, lastSeq);
    const from = firstAbove(table, this.#files.at(-1)?.lastSeq ?? 0);
    if (end <= from) return needed.length === this.#files.length ? undefined : this.#saved(needed);
    const isWhole = needed.length >= FILES_MAX;
    const number = await this.#write(isWhole ? table.first : from, end);
    const written = { number, lastSeq: table.seqOf(end - 1) };
    return this.#saved(isWhole ? [written] : [...needed, written], number);
  }

  async #write(from: number, end: number): Promise<number> {
    const { fileSystem, directory, incarnation, table, takeFileNumber } = this.#options;
    const number = takeFileNumber();
    try {
      await writeRequestFile(fileSystem, directory, number, incarnation, table.copy(from, end));
      await fileSystem.syncDirectory(directory);
    } catch (error) {
      await this.#remove(number);
      throw error;
    }
    return number;
  }

  #saved(files: readonly RequestFile[], written?: number): SavedRequests {
    const stays = new Set(files.map(({ number }) => number));
    return {
      requestFiles: [...stays],
      installed: async () => {
        const before = this.#files;
        this.#files = files;
        for (const { number } of before) if (!stays.has(number)) await this.#remove(number);
      },
      abandoned: async () => {
        if (written !== undefined) await this.#remove(written);
      },
    };
  }

  /** Removes a file that nobody needs; recovery does it where this fails. */
  async #remove(number: number): Promise<void> {
    const { fileSystem, directory, logger, mayRemove } = this.#options;
    if (!mayRemove()) return;
    const path = requestFileName(directory, number);
    try {
      await fileSystem.remove(path);
    } catch (error) {
      logger.warn({ err: error, path }, "a file of request ids could not be removed");
    }
  }
}

/** The number of the first record whose seq is above `seq`. Seqs ascend. */
function firstAbove(table: RequestTable, seq: number): number {
  let low = table.first;
  let high = table.end;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (table.seqOf(middle) <= seq) low = middle + 1;
    else high = middle;
  }
  return low;
}
