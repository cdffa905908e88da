import type { Logger } from "@kvts/common";
import type { FileSystem } from "../env/file-system.ts";
import { logFileName, spareFileName } from "../format/filenames.ts";

export interface SpareSegmentsOptions {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  /** Most bytes of a spare: a segment of a batch's own size is none. */
  readonly segmentBytes: number;
  /** Spares kept; 0 for none. */
  readonly sparesMax: number;
  readonly takeFileNumber: () => number;
  readonly logger: Logger;
}

/**
 * Former log segments that nobody needs any more, kept to be written over: their bytes are allocated, so that syncing a
 * frame in them need not sync a new file size too. What a spare holds means nothing; recovery removes those that a crash
 * left behind.
 */
export class SpareSegments {
  readonly #options: SpareSegmentsOptions;
  readonly #paths: string[] = [];
  #discarding: Promise<void> = Promise.resolve();
  #closed = false;
  #isPaused = false;

  constructor(options: SpareSegmentsOptions) {
    this.#options = options;
  }

  /** Removes the spares, and keeps none until {@link resume}: what was written to a segment may have to go from the disk. */
  async pause(): Promise<void> {
    this.#isPaused = true;
    const { fileSystem } = this.#options;
    for (let path = this.#paths.at(-1); path !== undefined; path = this.#paths.at(-1)) {
      await fileSystem.remove(path);
      this.#paths.pop();
    }
  }

  resume(): void {
    this.#isPaused = false;
  }

  /** A spare to be renamed by the caller, or undefined. */
  take(): string | undefined {
    return this.#paths.shift();
  }

  /** Resolves when nothing is being removed. */
  settled(): Promise<void> {
    return this.#discarding;
  }

  /** Removes a segment that came to nothing, in the background: on a full disk there may be one for each try. */
  discard(path: string): void {
    this.#discarding = this.#discarding.then(() => this.#remove(path));
  }

  /** Keeps segment `number`, which holds nothing that is needed any more, as a spare, or removes it. */
  async recycle(number: number): Promise<void> {
    const { fileSystem, directory, sparesMax, takeFileNumber } = this.#options;
    const path = logFileName(directory, number);
    if (!this.#closed && !this.#isPaused && this.#paths.length < sparesMax && this.#isFit(path)) {
      const spare = spareFileName(directory, takeFileNumber());
      fileSystem.rename(path, spare);
      this.#paths.push(spare);
    } else {
      await fileSystem.remove(path);
    }
  }

  /** Removes the spares. Where that fails, it is logged: nobody needs them. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.settled();
    for (let path = this.#paths.pop(); path !== undefined; path = this.#paths.pop()) await this.#remove(path);
  }

  #isFit(path: string): boolean {
    const { fileSystem, segmentBytes } = this.#options;
    if (!fileSystem.exists(path)) return false;
    const file = fileSystem.open(path);
    file.close();
    return file.size <= segmentBytes;
  }

  async #remove(path: string): Promise<void> {
    try {
      await this.#options.fileSystem.remove(path);
    } catch (error) {
      this.#options.logger.warn({ path, error }, "a spare log segment could not be removed; the next open will");
    }
  }
}
