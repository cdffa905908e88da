import type { Logger } from "@kvts/common";
import type { FileSystem } from "../env/file-system.ts";
import { corruption } from "../format/corruption.ts";
import { markFileName } from "../format/filenames.ts";
import { readMarkFile, writeMarkFile } from "./mark-file.ts";
import type { RangeMark } from "./range-mark.ts";
import type { RangeMarks } from "./range-marks.ts";

/** What is wrong with a file whose seqs are not all above those of the file named before it. */
export const OUT_OF_ORDER = "it begins before the file of range marks ahead of it ends";

interface MarkFile {
  readonly number: number;
  /** Seq of its last mark. */
  readonly lastSeq: number;
  readonly count: number;
}

export interface MarkFilesOptions {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly incarnation: string;
  readonly logger: Logger;
  readonly takeFileNumber: () => number;
  /** False while the manifest is in doubt: what either state of it names must stay. */
  readonly mayRemove: () => boolean;
}

/** Files that have been written, for a manifest edit to name. */
export interface SavedMarks {
  /** What the edit says: all files in force. */
  readonly markFiles: readonly number[];
  /** The edit is on disk. */
  installed(): Promise<void>;
  /** The edit has failed. */
  abandoned(): Promise<void>;
}

/**
 * Keeps range marks when the log segments that hold them go: each flush that gives up log writes those of its seqs to a
 * file. A new file takes in those before it that are no larger, so that there are O(log n) files, and a mark is written
 * O(log n) times in its life.
 */
export class MarkFiles {
  readonly #options: MarkFilesOptions;
  /** Each with the seqs behind the one before. */
  #files: readonly MarkFile[];

  /** @param inForce as the manifest has them, which have been read. */
  private constructor(options: MarkFilesOptions, inForce: readonly MarkFile[]) {
    this.#options = options;
    this.#files = inForce;
  }

  /** Reads the files in force, whose seqs ascend from one to the next. @throws as `readMarkFile` does */
  static load(options: MarkFilesOptions, numbers: readonly number[]): { files: MarkFiles; marks: RangeMark[] } {
    const { fileSystem, directory, incarnation } = options;
    const marks: RangeMark[] = [];
    const files = numbers.map((number) => {
      const own = readMarkFile(fileSystem, directory, number, incarnation);
      if (own.length > 0 && own[0]!.seq <= (marks.at(-1)?.seq ?? 0)) {
        throw corruption(markFileName(directory, number), 0, OUT_OF_ORDER);
      }
      for (const mark of own) marks.push(mark);
      return { number, lastSeq: marks.at(-1)?.seq ?? 0, count: own.length };
    });
    return { files: new MarkFiles(options, files), marks };
  }

  get count(): number {
    return this.#files.length;
  }

  /**
   * Writes the marks up to seq `lastSeq` that no file holds yet.
   * @returns undefined where there are none
   * @throws the system's error, and nothing has changed
   */
  async save(marks: RangeMarks, lastSeq: number): Promise<SavedMarks | undefined> {
    let count = marks.countUpTo(lastSeq) - marks.countUpTo(this.#files.at(-1)?.lastSeq ?? 0);
    if (count <= 0) return undefined;
    let kept = this.#files.length;
    for (; kept > 0 && this.#files[kept - 1]!.count <= count; kept--) count += this.#files[kept - 1]!.count;
    const before = this.#files.slice(0, kept);
    const saved = marks.between(before.at(-1)?.lastSeq ?? 0, lastSeq);
    const number = await this.#write(saved);
    const files = [...before, { number, lastSeq: saved.at(-1)!.seq, count: saved.length }];
    return {
      markFiles: files.map((file) => file.number),
      installed: async () => {
        const replaced = this.#files.slice(kept);
        this.#files = files;
        for (const file of replaced) await this.#remove(file.number);
      },
      abandoned: () => this.#remove(number),
    };
  }

  async #write(marks: readonly RangeMark[]): Promise<number> {
    const { fileSystem, directory, incarnation, takeFileNumber } = this.#options;
    const number = takeFileNumber();
    try {
      await writeMarkFile(fileSystem, directory, number, incarnation, marks);
      await fileSystem.syncDirectory(directory);
    } catch (error) {
      await this.#remove(number);
      throw error;
    }
    return number;
  }

  /** Removes a file that nobody needs; recovery does it where this fails. */
  async #remove(number: number): Promise<void> {
    const { fileSystem, directory, logger, mayRemove } = this.#options;
    if (!mayRemove()) return;
    const path = markFileName(directory, number);
    try {
      await fileSystem.remove(path);
    } catch (error) {
      logger.warn({ err: error, path }, "a file of range marks could not be removed");
    }
  }
}
