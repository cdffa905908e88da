import { invariant, KvtsError, type Logger, silentLogger } from "@kvts/common";
import type { FileSystem, WritableFile } from "../env/file-system.ts";
import { logFileName } from "../format/filenames.ts";
import { FRAME_HEADER_BYTES, frameSeed, type LogPosition, SEGMENT_HEADER_BYTES, WORD_MAX } from "./format.ts";
import type { FramePlace } from "./frame.ts";
import { LogSegment } from "./log-segment.ts";
import { encodeSegmentHeader } from "./segment-header.ts";
import { SpareSegments } from "./spare-segments.ts";

/** Frames above this are written in pieces of this size, off the event loop. */
export const SYNCHRONOUS_WRITE_BYTES_MAX: number = 1024 * 1024;

export interface LogWriterOptions {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  /** 32 hex digits. */
  readonly incarnation: string;
  /** Bytes of a segment, at least 4096. A frame that is larger gets a segment of its own size. */
  readonly segmentBytes: number;
  /** Zeros that a segment is kept longer than its frames, at most LOG_GROWTH_BYTES; 0 where nobody waits for syncs. */
  readonly growthBytes: number;
  /** Segments kept to be used again, 0 for none. */
  readonly sparesMax: number;
  readonly takeFileNumber: () => number;
  /** Microseconds: when a segment was begun. Left out where nobody needs to know. */
  readonly now?: () => number;
  /** By which syncs are timed. Left out where nobody needs to know. */
  readonly monotonicMs?: () => number;
  readonly logger?: Logger;
}

/**
 * Appends frames to the log. What is appended is with the operating system; what {@link sync} then resolves for is on
 * disk, whichever segments it lies in, names included. One append and one sync run at a time, and may run side by side.
 *
 * A failed write changes nothing: its bytes are taken back, and the next append goes to the same place. A failed sync
 * leaves it unknown what is on disk, so nothing is taken any more.
 */
export class LogWriter implements FramePlace {
  readonly seed: number;
  /** How often what was appended has been brought to disk, and how long that took all in all. */
  syncs = 0;
  syncMs = 0;
  readonly #options: LogWriterOptions;
  readonly #spares: SpareSegments;
  /** Undefined until {@link begin}. */
  #active: LogSegment | undefined;
  /** Full segments with frames that no sync has covered yet. */
  #finished: LogSegment[] = [];
  #offset: number = SEGMENT_HEADER_BYTES;
  #durable: LogPosition;
  /** Whether a name was made that is not on disk yet. */
  #hasNewName = false;
  #appending = false;
  /** The sync that runs; undefined where none does. */
  #syncing: Promise<void> | undefined;
  #failure: KvtsError | undefined;

  private constructor(options: LogWriterOptions, end: LogPosition) {
    const { segmentBytes } = options;
    invariant(segmentBytes >= 4096 && segmentBytes <= WORD_MAX, "W8: a segment has 4 KiB to 4 GiB");
    this.#options = options;
    this.#durable = end;
    this.seed = frameSeed(options.incarnation);
    this.#spares = new SpareSegments({ ...options, logger: options.logger ?? silentLogger });
  }

  /**
   * A log that is to go on where it ended at `end` ({@link LOG_START} for a new store), which is on disk. Nothing is
   * written before {@link begin}, and until then no frame fits.
   */
  static at(options: LogWriterOptions, end: LogPosition): LogWriter {
    return new LogWriter(options, end);
  }

  /** The same, begun. */
  static async start(options: LogWriterOptions, end: LogPosition): Promise<LogWriter> {
    const writer = LogWriter.at(options, end);
    await writer.begin();
    return writer;
  }

  /**
   * Makes the first segment, which is on disk, name and all, when this resolves.
   * @throws the system's error, and it may be tried again
   */
  async begin(): Promise<void> {
    if (this.#active !== undefined) return;
    const { fileSystem, directory, incarnation, segmentBytes, growthBytes } = this.#options;
    const number = takeSegmentNumber(this.#options);
    const path = logFileName(directory, number);
    const file = fileSystem.create(path);
    try {
      file.writeSync(encodeSegmentHeader(number, incarnation, this.#durable, this.#options.now?.()), 0);
      await file.sync();
      await fileSystem.syncDirectory(directory);
    } catch (error) {
      file.close();
      // Where even this fails, a segment without frames is left: recovery passes it over.
      await fileSystem.remove(path).catch(() => {});
      throw error;
    }
    this.#active = new LogSegment(number, file, segmentBytes, growthBytes);
    this.#durable = { segment: number, offset: SEGMENT_HEADER_BYTES };
  }

  get isBegun(): boolean {
    return this.#active !== undefined;
  }

  /** Number of the segment that takes frames. */
  get segment(): number {
    return this.#begun.number;
  }

  /** Where its next frame goes, in bytes; before it is begun, where the log ended in the last segment that there is. */
  get offset(): number {
    return this.#active === undefined ? this.#durable.offset : this.#offset;
  }

  /** How far the log is on disk for certain. */
  get durable(): LogPosition {
    return this.#durable;
  }

  get durableSegment(): number {
    return this.#durable.segment;
  }

  get durableOffset(): number {
    return this.#durable.offset;
  }

  /** Whether a frame goes into the segment that is open. */
  fits(frameBytes: number): boolean {
    return this.#active !== undefined && this.#offset + frameBytes <= this.#active.capacity;
  }

  /**
   * Appends a frame that {@link fits} and was sealed for this place. Undefined where that is done at once; while the
   * promise of a large frame is pending, its bytes must not change.
   * @throws the system's error (ENOSPC …), and nothing has changed; READ_ONLY after a failure that left it open what has.
   */
  append(frame: Uint8Array): Promise<void> | undefined {
    this.#expectUsable();
    invariant(!this.#appending, "W9: one append runs at a time");
    invariant(this.fits(frame.length), "W10: a frame is appended where it fits");
    if (frame.length > SYNCHRONOUS_WRITE_BYTES_MAX) return this.#appendInPieces(frame);
    const { file } = this.#begun;
    try {
      file.writeSync(frame, this.#offset);
    } catch (error) {
      throw this.#takeBack(error, file, this.#offset, FRAME_HEADER_BYTES);
    }
    this.#appended(frame.length);
    return undefined;
  }

  /**
   * Resolves once everything appended before the call is on disk.
   * @throws READ_ONLY, indeterminate, where a sync fails, and from then on
   */
  async sync(): Promise<void> {
    this.#expectUsable();
    invariant(this.#syncing === undefined, "W11: one sync runs at a time");
    const active = this.#active;
    if (active === undefined) return;
    const end = { segment: active.number, offset: this.#offset };
    if (!this.#hasNewName && this.#isDurable(end)) return;
    const finished = this.#finished;
    this.#syncing = this.#syncAll([...finished, active]);
    try {
      await this.#syncing;
    } catch (cause) {
      throw this.#fail("a log could not be put on disk", cause);
    } finally {
      this.#syncing = undefined;
    }
    this.#durable = end;
    this.#finished = this.#finished.filter((segment) => !finished.includes(segment));
    for (const { file } of finished) file.close();
  }

  /**
   * Goes on in a new segment, with room for a frame of `frameBytes`. Its name and what it holds are on disk after the
   * next sync, as the rest of the old one is.
   * @returns the new segment's number
   * @throws the system's error (ENOSPC …), and the log stays where it was
   */
  rotate(frameBytes = 0): number {
    this.#expectUsable();
    invariant(!this.#appending, "W12: a segment ends between two frames");
    const next = this.#openNext(Math.max(this.#options.segmentBytes, SEGMENT_HEADER_BYTES + frameBytes));
    this.#finished.push(this.#begun);
    this.#active = next;
    this.#offset = SEGMENT_HEADER_BYTES;
    this.#hasNewName = true;
    return next.number;
  }

  /** Gives up a segment that holds nothing that is needed any more, so says a manifest on disk. */
  async recycle(number: number): Promise<void> {
    invariant(number !== this.#active?.number, "W13: the segment in use is not given up");
    // A file stays open while it is synced; whether that succeeds is the business of whoever asked for it.
    while (this.#syncing !== undefined) await this.#syncing.catch(() => {});
    const at = this.#finished.findIndex((segment) => segment.number === number);
    if (at >= 0) this.#finished.splice(at, 1)[0]!.file.close();
    await this.#spares.recycle(number);
  }

  /** Goes on without spares, in segments that are new, until {@link keepSpares}. @throws the system's error, to be tried again */
  async dropSpares(): Promise<void> {
    await this.#spares.pause();
    await this.#spares.settled();
  }

  keepSpares(): void {
    this.#spares.resume();
  }

  /** Resolves when no segment is being removed. */
  settled(): Promise<void> {
    return this.#spares.settled();
  }

  /**
   * Syncs what is left, cuts off what was allocated ahead and removes the spares. After a failure it only lets go of
   * the files.
   */
  async close(): Promise<void> {
    try {
      if (this.#failure === undefined) {
        await this.sync();
        this.#active?.file.truncate(this.#offset);
        await this.#active?.file.sync();
      }
    } finally {
      this.#active?.file.close();
      for (const { file } of this.#finished) file.close();
      this.#finished = [];
      this.#failure ??= new KvtsError("CLOSED", "the log is closed; open the store again");
      await this.#spares.close();
    }
  }

  async #appendInPieces(frame: Uint8Array): Promise<void> {
    const { file } = this.#begun;
    this.#appending = true;
    try {
      for (let at = 0; at < frame.length; at += SYNCHRONOUS_WRITE_BYTES_MAX) {
        await file.write(frame.subarray(at, at + SYNCHRONOUS_WRITE_BYTES_MAX), this.#offset + at);
      }
    } catch (error) {
      throw this.#takeBack(error, file, this.#offset, FRAME_HEADER_BYTES);
    } finally {
      this.#appending = false;
    }
    this.#appended(frame.length);
  }

  #appended(bytes: number): void {
    this.#offset += bytes;
    this.#begun.reached(this.#offset);
  }

  /** Makes sure that a header whose write failed never counts. Returns the error to throw. */
  #takeBack(error: unknown, file: WritableFile, offset: number, headerBytes: number): unknown {
    try {
      // No further than the file goes: a disk that is full may have taken half of a header, and has no room for the rest.
      const bytes = Math.min(headerBytes, file.size() - offset);
      if (bytes > 0) file.writeSync(new Uint8Array(bytes), offset);
      return error;
    } catch {
      return this.#fail("a failed write to a log could not be taken back", error);
    }
  }

  async #syncAll(segments: readonly LogSegment[]): Promise<void> {
    const { monotonicMs } = this.#options;
    const startedMs = monotonicMs?.() ?? 0;
    const syncs = segments.map(({ file }) => file.sync());
    if (this.#hasNewName) syncs.push(this.#options.fileSystem.syncDirectory(this.#options.directory));
    this.#hasNewName = false;
    // All of them come to their end before anybody is told: a file is not closed under a sync.
    const results = await Promise.allSettled(syncs);
    this.syncs++;
    this.syncMs += (monotonicMs?.() ?? 0) - startedMs;
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  #openNext(capacity: number): LogSegment {
    const { fileSystem, directory, incarnation, segmentBytes, growthBytes } = this.#options;
    invariant(capacity <= WORD_MAX, "W15: a segment's offsets fit a word");
    const number = takeSegmentNumber(this.#options);
    const path = logFileName(directory, number);
    const spare = capacity === segmentBytes ? this.#spares.take() : undefined;
    if (spare !== undefined) fileSystem.rename(spare, path);
    const file = spare === undefined ? fileSystem.create(path) : fileSystem.openWritable(path);
    const end = { segment: this.#begun.number, offset: this.#offset };
    try {
      file.writeSync(encodeSegmentHeader(number, incarnation, end, this.#options.now?.()), 0);
    } catch (error) {
      const failure = this.#takeBack(error, file, 0, SEGMENT_HEADER_BYTES);
      file.close();
      this.#spares.discard(path);
      throw failure;
    }
    return new LogSegment(number, file, capacity, growthBytes);
  }

  get #begun(): LogSegment {
    invariant(this.#active !== undefined, "W17: a log is written once it is begun");
    return this.#active;
  }

  #isDurable({ segment, offset }: LogPosition): boolean {
    return this.#durable.segment === segment && this.#durable.offset === offset;
  }

  #fail(what: string, cause: unknown): KvtsError {
    this.#failure ??= new KvtsError(
      "READ_ONLY",
      `${what}, so the store takes no more writes; make sure that the disk is sound, then close and reopen it.`,
      { details: { indeterminate: true }, cause },
    );
    return this.#failure;
  }

  #expectUsable(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

function takeSegmentNumber({ takeFileNumber }: LogWriterOptions): number {
  const number = takeFileNumber();
  invariant(number >= 1 && number <= WORD_MAX, "W16: a segment's number fits a word");
  return number;
}
