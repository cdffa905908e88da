import type { VerifyProgress } from "@kvts/common";
import { throwIfAborted } from "@kvts/common";
import type { FileReading, ReadableFile } from "../env/file-system.ts";
import type { Scheduler } from "../env/scheduler.ts";
import { Pace } from "./pace.ts";

/** Bytes after which others get a turn, however fast reads come back: some 2 ms of checking. */
const BYTES_PER_TURN = 256 * 1024;
/** Bytes after which progress is told again. */
const BYTES_PER_NOTICE = 1024 * 1024;

export interface MeterOptions {
  readonly files: FileReading;
  readonly scheduler: Scheduler;
  readonly bytesPerSecond?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: VerifyProgress) => void) | undefined;
}

/**
 * Files as a verification reads them: no faster than it may, giving way to others, up to the moment when its signal
 * fires. Those who read through it need not know of any of that. Knows how far the reading is, where it was told before
 * what there is to read.
 */
export class MeteredFiles implements FileReading {
  /** All bytes read, those that were read twice too. */
  bytesRead = 0;
  readonly #options: MeterOptions;
  readonly #pace: Pace | undefined;
  /** By path: bytes of it that have not been read yet. */
  readonly #left: Map<string, number> = new Map();
  #bytesTotal = 0;
  #bytesDone = 0;
  #toldBytes = Number.NEGATIVE_INFINITY;
  #toldPath = "";
  #turnBytes = 0;

  constructor(options: MeterOptions) {
    const { scheduler, bytesPerSecond, signal } = options;
    this.#options = options;
    this.#pace =
      bytesPerSecond === undefined || bytesPerSecond === 0 ? undefined : new Pace(scheduler, bytesPerSecond, signal);
  }

  open(path: string): ReadableFile {
    return new MeteredFile(this.#options.files.open(path), this);
  }

  exists(path: string): boolean {
    return this.#options.files.exists(path);
  }

  list(path: string): string[] {
    return this.#options.files.list(path);
  }

  /** There are `bytes` of a file to be read. All files are announced before the first is read. */
  expect(path: string, bytes: number): void {
    this.#left.set(path, bytes);
    this.#bytesTotal += bytes;
  }

  /** Nothing more of a file will be read; how much of it was is no matter. */
  finish(path: string): void {
    this.#bytesDone += this.#left.get(path) ?? 0;
    this.#left.delete(path);
    this.#tell(path, this.#left.size === 0);
  }

  /** Lets others get on. @throws CANCELLED, DEADLINE_EXCEEDED */
  async pause(): Promise<void> {
    await this.#options.scheduler.nextTurn();
    throwIfAborted(this.#options.signal);
  }

  /** Before a read that may wait. @throws CANCELLED, DEADLINE_EXCEEDED */
  async begin(bytes: number): Promise<void> {
    const { signal, scheduler } = this.#options;
    throwIfAborted(signal);
    this.#turnBytes += bytes;
    if (this.#turnBytes >= BYTES_PER_TURN) {
      this.#turnBytes = 0;
      await scheduler.nextTurn();
    }
    await this.#pace?.take(bytes);
    throwIfAborted(signal);
  }

  /** After a read. */
  count(path: string, bytes: number): void {
    this.bytesRead += bytes;
    const left = this.#left.get(path);
    if (left === undefined) return;
    const counted = Math.min(left, bytes);
    this.#left.set(path, left - counted);
    this.#bytesDone += counted;
    this.#tell(path, false);
  }

  #tell(path: string, isLast: boolean): void {
    const { onProgress } = this.#options;
    const isDue = isLast || path !== this.#toldPath || this.#bytesDone - this.#toldBytes >= BYTES_PER_NOTICE;
    if (onProgress === undefined || !isDue) return;
    this.#toldBytes = this.#bytesDone;
    this.#toldPath = path;
    onProgress({
      bytesDone: this.#bytesDone,
      bytesTotal: this.#bytesTotal,
      file: path.slice(path.lastIndexOf("/") + 1),
    });
  }
}

class MeteredFile implements ReadableFile {
  readonly path: string;
  readonly size: number;
  readonly #file: ReadableFile;
  readonly #meter: MeteredFiles;

  constructor(file: ReadableFile, meter: MeteredFiles) {
    this.path = file.path;
    this.size = file.size;
    this.#file = file;
    this.#meter = meter;
  }

  readSync(into: Uint8Array, offset: number, length: number, position: number): number {
    const read = this.#file.readSync(into, offset, length, position);
    this.#meter.count(this.path, read);
    return read;
  }

  async read(into: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    await this.#meter.begin(length);
    const read = await this.#file.read(into, offset, length, position);
    this.#meter.count(this.path, read);
    return read;
  }

  close(): void {
    this.#file.close();
  }
}
