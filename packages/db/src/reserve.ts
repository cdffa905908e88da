import type { Logger } from "@kvts/common";
import type { FileSystem } from "./env/file-system.ts";
import type { Scheduler } from "./env/scheduler.ts";
import { reserveFileName } from "./format/filenames.ts";

/** Zeros written at a time. */
const PIECE_BYTES = 256 * 1024;
/** A reserve is kept once the tables take so many times its bytes: it never makes a store much larger. */
const TABLES_MIN = 4;
/** Waits between tries to take it again, doubling up to the last: each try may fill the disk for a moment. */
const RETRY_MS_FIRST = 1_000;
const RETRY_MS_MAX = 30_000;
/** Held for so long, it is tried again soon when it has been released the next time. */
const SETTLED_MS = 60_000;

export interface ReserveOptions {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly scheduler: Scheduler;
  readonly logger: Logger;
  /** Bytes to keep; 0 for none. */
  readonly bytes: number;
  /** Bytes of all tables. */
  tableBytes(): number;
  /** It was released, or taken again. */
  changed(): void;
}

/**
 * Room that is kept for a full disk, in a file of zeros: flushes and merges, which may make room in the end, go on in it
 * when there is none left. From its release until it has been taken again the store takes no writes, or they would use
 * it up; whether there is room is seen by trying.
 */
export class Reserve {
  readonly #options: ReserveOptions;
  readonly #path: string;
  #state: "none" | "held" | "released";
  #heldSinceMs = 0;
  #retryMs: number = RETRY_MS_FIRST;
  /** A try to take it, or the tries after a release. */
  #work: Promise<void> | undefined;
  readonly #closed: AbortController = new AbortController();

  /** @param wasReleased the store could be opened only by removing it. */
  constructor(options: ReserveOptions, wasReleased: boolean) {
    this.#options = options;
    this.#path = reserveFileName(options.directory);
    this.#state = wasReleased ? "released" : this.#isWhole() ? "held" : "none";
    if (wasReleased) this.#begin(() => this.#takeAgain());
    else if (this.#state === "none" && options.fileSystem.exists(this.#path)) this.#begin(() => this.#remove());
  }

  /** Whether the disk is full, as far as anybody knows. */
  get isReleased(): boolean {
    return this.#state === "released";
  }

  get isHeld(): boolean {
    return this.#state === "held";
  }

  /** Takes it, in the background, where the store has become large enough. Call it after every change of the tables. */
  poke(): void {
    const { bytes, tableBytes } = this.#options;
    if (this.#state !== "none" || bytes === 0 || tableBytes() < bytes * TABLES_MIN) return;
    this.#begin(async () => void (await this.#take()));
  }

  /** There is no room on the disk. Does nothing where there is nothing to release. */
  release(): void {
    if (this.#state !== "held") return;
    this.#state = "released";
    const { scheduler, logger, bytes, changed } = this.#options;
    if (scheduler.monotonicMs() - this.#heldSinceMs > SETTLED_MS) this.#retryMs = RETRY_MS_FIRST;
    logger.warn({ bytes }, "the disk is full; its reserve goes to flushes and merges, and writes wait for room");
    changed();
    this.#begin(async () => {
      await this.#remove();
      await this.#takeAgain();
    });
  }

  /** Waits for what is under way. A reserve that is held stays. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#work;
  }

  #begin(work: () => Promise<void>): void {
    if (this.#closed.signal.aborted) return;
    const before = this.#work ?? Promise.resolve();
    const begun = before.then(work);
    this.#work = begun;
    void begun.finally(() => {
      if (this.#work === begun) this.#work = undefined;
    });
  }

  /** Tries until there is room. */
  async #takeAgain(): Promise<void> {
    const { scheduler, logger, changed } = this.#options;
    const { signal } = this.#closed;
    while (!signal.aborted) {
      await scheduler.delay(this.#retryMs, signal);
      this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS_MAX);
      if (signal.aborted || !(await this.#take())) continue;
      logger.info({}, "the disk has room again");
      changed();
      return;
    }
  }

  /** False where there is no room for it, or the store closes; then nothing of it is left. */
  async #take(): Promise<boolean> {
    if (this.#state === "held" || this.#closed.signal.aborted) return false;
    try {
      if (await this.#fill()) {
        this.#state = "held";
        this.#heldSinceMs = this.#options.scheduler.monotonicMs();
        return true;
      }
    } catch (error) {
      this.#options.logger.debug({ err: error }, "there is no room for the disk's reserve");
    }
    await this.#remove();
    return false;
  }

  async #fill(): Promise<boolean> {
    const { fileSystem, bytes } = this.#options;
    const file = fileSystem.create(this.#path);
    try {
      const zeros = new Uint8Array(Math.min(PIECE_BYTES, bytes));
      for (let at = 0; at < bytes; at += zeros.length) {
        if (this.#closed.signal.aborted) return false;
        await file.write(zeros.subarray(0, Math.min(zeros.length, bytes - at)), at);
      }
      // Some systems give out room before they have it, and say so only here.
      await file.sync();
      return true;
    } finally {
      file.close();
    }
  }

  async #remove(): Promise<void> {
    try {
      await this.#options.fileSystem.remove(this.#path);
    } catch (error) {
      this.#options.logger.warn({ err: error, path: this.#path }, "the disk's reserve could not be removed");
    }
  }

  /** Whether it is there in full from an earlier run. */
  #isWhole(): boolean {
    const { fileSystem, bytes } = this.#options;
    if (bytes === 0 || !fileSystem.exists(this.#path)) return false;
    const file = fileSystem.open(this.#path);
    file.close();
    return file.size === bytes;
  }
}
