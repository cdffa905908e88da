import type { FeedLog } from "./feed/feed-log.ts";
import type { LogPosition } from "./wal/format.ts";
import type { LogWriter } from "./wal/log-writer.ts";

/** The log's segments from the oldest that memory still needs to the one in use, and when each may go. */
export class Logs {
  readonly writer: LogWriter;
  /** Bytes of frames since the store was opened. What is zero-filled ahead is not counted. */
  appendedBytes = 0;
  /** Ascending; the last is in use. */
  readonly #segments: number[];
  readonly #beforeBegin: () => Promise<void>;
  readonly #feedLog: FeedLog;
  /** What neither memory nor the change feed needs, and is still there. */
  readonly #unneeded: number[] = [];
  #holders = 0;

  /**
   * @param replayed segments older than the writer's, which recovery has read.
   * @param beforeBegin puts a manifest in force that knows the store to be open.
   */
  constructor(writer: LogWriter, replayed: readonly number[], beforeBegin: () => Promise<void>, feedLog: FeedLog) {
    this.writer = writer;
    this.#segments = writer.isBegun ? [...replayed, writer.segment] : [...replayed];
    this.#beforeBegin = beforeBegin;
    this.#feedLog = feedLog;
  }

  /** Makes the first segment of this run, where recovery had no room for it. @throws the system's error, to be tried again */
  async begin(): Promise<void> {
    if (this.writer.isBegun) return;
    // A manifest that says that the store was closed in order must not have a log with more behind it.
    await this.#beforeBegin();
    const { offset } = this.writer;
    await this.writer.begin();
    this.#began(offset);
  }

  /** Where the log ends between two groups; before it is begun, where what recovery found ends. */
  get end(): LogPosition {
    const { writer } = this;
    return writer.isBegun ? { segment: writer.segment, offset: writer.offset } : writer.durable;
  }

  /** Numbers of the segments, ascending; the last is in use. */
  get segments(): readonly number[] {
    return this.#segments;
  }

  get count(): number {
    return this.#segments.length;
  }

  /** Goes on in a new segment; returns its number. */
  rotate(frameBytes: number): number {
    const { offset } = this.writer;
    const number = this.writer.rotate(frameBytes);
    this.#began(offset);
    return number;
  }

  /** Keeps all segments until the result is called; whoever does so sees to it that {@link release} is called again. */
  hold(): () => void {
    this.#holders++;
    return () => {
      this.#holders--;
    };
  }

  /**
   * Gives up the segments below `oldest`, unless they are held; a manifest on disk says that memory does not need them.
   * What the change feed keeps stays until it is {@link discard}ed.
   */
  async release(oldest: number): Promise<void> {
    while (this.#holders === 0 && this.#segments[0]! < oldest) {
      const isKept = this.#feedLog.released(this.#segments[0]!);
      const number = this.#segments.shift()!;
      if (!isKept) this.#unneeded.push(number);
    }
    // One that cannot be removed stays in the list, for the next release.
    while (this.#holders === 0 && this.#unneeded.length > 0) {
      await this.writer.recycle(this.#unneeded[0]!);
      this.#unneeded.shift();
    }
  }

  /** What the change feed kept, and a manifest on disk says that it does not: goes with the next release. */
  discard(numbers: readonly number[]): void {
    this.#unneeded.push(...numbers);
  }

  /** Whether any segment below this number is still there. */
  holdsBelow(number: number): boolean {
    return this.#segments[0]! < number || this.#unneeded.some((unneeded) => unneeded < number);
  }

  /** Whether a release was held up. */
  isBehind(oldest: number): boolean {
    return this.#segments[0]! < oldest || this.#unneeded.length > 0;
  }

  #began(end: number): void {
    this.#segments.push(this.writer.segment);
    this.#feedLog.began(this.writer.segment, end);
  }
}
