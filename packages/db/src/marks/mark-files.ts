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
  /** As they stand in it: where an erasure has moved a bound of one since, the store has another in its place. */
  readonly marks: readonly RangeMark[];
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
  /** Files that nobody needs and that could not be removed. */
  readonly #stuck: Set<number> = new Set();

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
      return { number, lastSeq: marks.at(-1)?.seq ?? 0, marks: own };
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
    for (; kept > 0 && this.#files[kept - 1]!.marks.length <= count; kept--) {
      count += this.#files[kept - 1]!.marks.length;
    }
    return await this.#replace(kept, marks.between(this.#files[kept - 1]?.lastSeq ?? 0, lastSeq));
  }

  /**
   * Writes what the files hold anew where something of it has been erased. Like `save` one at a time.
   * @returns undefined where nothing has been
   * @throws the system's error, and nothing has changed
   */
  async rewrite(marks: RangeMarks): Promise<SavedMarks | undefined> {
    const left = marks.between(0, this.#files.at(-1)?.lastSeq ?? 0);
    const sound = new Set(left);
    if (this.#files.every((file) => file.marks.every((mark) => sound.has(mark)))) return undefined;
    return await this.#replace(0, left);
  }

  /** Numbers of files that nobody needs and that are there all the same. */
  get stuck(): readonly number[] {
    return [...this.#stuck];
  }

  /** Tries again to remove them. */
  async removeStuck(): Promise<void> {
    for (const number of this.#stuck) await this.#remove(number);
  }

  /** Has the first `kept` files stand, and a new one with `saved`, where that is anything, in place of the others. */
  async #replace(kept: number, saved: readonly RangeMark[]): Promise<SavedMarks> {
    const before = this.#files.slice(0, kept);
    if (saved.length === 0) return this.#named(kept, before, undefined);
    const number = await this.#write(saved);
    return this.#named(kept, [...before, { number, lastSeq: saved.at(-1)!.seq, marks: saved }], number);
  }

  #named(kept: number, files: readonly MarkFile[], added: number | undefined): SavedMarks {
    return {
      markFiles: files.map((file) => file.number),
      installed: async () => {
        const replaced = this.#files.slice(kept);
        this.#files = files;
        for (const file of replaced) await this.#remove(file.number);
      },
      abandoned: async () => {
        if (added !== undefined) await this.#remove(added);
      },
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

  /** Removes a file that nobody needs; recovery does it where this fails, and an erasure tries it again. */
  async #remove(number: number): Promise<void> {
    const { fileSystem, directory, logger, mayRemove } = this.#options;
    if (!mayRemove()) return;
    const path = markFileName(directory, number);
    try {
      await fileSystem.remove(path);
      this.#stuck.delete(number);
    } catch (error) {
      this.#stuck.add(number);
      logger.warn({ err: error, path }, "a file of range marks could not be removed");
    }
  }
}
