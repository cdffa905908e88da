import type { Logger } from "@kvts/common";
import type { FileSystem } from "../env/file-system.ts";
import { logFileName, spareFileName } from "../format/filenames.ts";

/** Zeros written at a time: short enough that other work of the thread pool is not held up. */
const ZEROS_BYTES = 256 * 1024;
/** Zeros synced at a time: the log's own syncs share the disk, and would wait for all of a large one. */
const SYNCED_BYTES = 16 * ZEROS_BYTES;

export interface SpareSegmentsOptions {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  /** Bytes of every spare. */
  readonly segmentBytes: number;
  /** Spares kept, the one in the making included; 0 for none. */
  readonly sparesMax: number;
  readonly takeFileNumber: () => number;
  readonly logger: Logger;
}

/**
 * Log segments prepared ahead: their bytes are allocated, so that syncing a frame in them need not sync a new file size
 * too. They are made in the background, zero-filled and synced, or are former segments that nobody needs any more.
 * What a spare holds means nothing; recovery removes those that a crash left behind.
 */
export class SpareSegments {
  readonly #options: SpareSegmentsOptions;
  readonly #paths: string[] = [];
  #making: Promise<void> | undefined;
  #discarding: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: SpareSegmentsOptions) {
    this.#options = options;
  }

  /** A spare to be renamed by the caller, or undefined. */
  take(): string | undefined {
    return this.#paths.shift();
  }

  /** Sees to it that there will be a spare. Failures are logged: without one, the next segment grows as it is written. */
  prepare(): void {
    if (this.#closed || this.#making !== undefined || this.#paths.length > 0 || this.#options.sparesMax === 0) return;
    this.#making = this.#make().finally(() => {
      this.#making = undefined;
    });
  }

  /** Resolves when nothing is being prepared or removed. */
  async settled(): Promise<void> {
    await this.#making;
    await this.#discarding;
  }

  /** Removes a segment that came to nothing, in the background: on a full disk there may be one for each try. */
  discard(path: string): void {
    this.#discarding = this.#discarding.then(() => this.#remove(path));
  }

  /** Keeps segment `number`, which holds nothing that is needed any more, as a spare, or removes it. */
  async recycle(number: number): Promise<void> {
    const { fileSystem, directory, takeFileNumber } = this.#options;
    const path = logFileName(directory, number);
    if (!this.#isFull() && this.#hasFullSize(path)) {
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

  #isFull(): boolean {
    const making = this.#making === undefined ? 0 : 1;
    return this.#closed || this.#paths.length + making >= this.#options.sparesMax;
  }

  /** A segment that grew as it was written, or has a batch's own size, would not do. */
  #hasFullSize(path: string): boolean {
    const { fileSystem, segmentBytes } = this.#options;
    if (!fileSystem.exists(path)) return false;
    const file = fileSystem.open(path);
    file.close();
    return file.size === segmentBytes;
  }

  async #make(): Promise<void> {
    const { directory, takeFileNumber, logger } = this.#options;
    const path = spareFileName(directory, takeFileNumber());
    try {
      if (await this.#fill(path)) {
        this.#paths.push(path);
        return;
      }
    } catch (error) {
      logger.warn({ path, error }, "a spare log segment could not be prepared; the next one grows as it is written");
    }
    await this.#remove(path);
  }

  async #remove(path: string): Promise<void> {
    try {
      await this.#options.fileSystem.remove(path);
    } catch (error) {
      this.#options.logger.warn({ path, error }, "a spare log segment could not be removed; the next open will");
    }
  }

  /** False where it was given up because the log closes. */
  async #fill(path: string): Promise<boolean> {
    const { fileSystem, segmentBytes } = this.#options;
    const zeros = new Uint8Array(Math.min(ZEROS_BYTES, segmentBytes));
    const file = fileSystem.create(path);
    try {
      for (let at = 0; at < segmentBytes && !this.#closed; at += zeros.length) {
        await file.write(zeros.subarray(0, Math.min(zeros.length, segmentBytes - at)), at);
        if ((at + zeros.length) % SYNCED_BYTES === 0) await file.sync();
      }
      if (this.#closed) return false;
      await file.sync();
      return !this.#closed;
    } finally {
      file.close();
    }
  }
}
