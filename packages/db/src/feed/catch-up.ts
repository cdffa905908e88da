import type { ResolvedRange } from "@kvts/common";
import type { FileSystem } from "../env/file-system.ts";
import type { Scheduler } from "../env/scheduler.ts";
import { corruption } from "../format/corruption.ts";
import { type LogPosition, SEGMENT_HEADER_BYTES } from "../wal/format.ts";
import { isAfter, SegmentReader } from "../wal/segment-reader.ts";
import type { FeedLog } from "./feed-log.ts";
import type { FeedBatch } from "./feed-record.ts";
import { FrameParts } from "./frame-parts.ts";

/** Bytes of log read in one run, before others have theirs. */
const RUN_BYTES = 1024 * 1024;

/** What reading the feed from the log takes. */
export interface FeedReading {
  readonly fileSystem: FileSystem;
  readonly scheduler: Scheduler;
  readonly directory: string;
  readonly incarnation: string;
  readonly log: FeedLog;
  /** Bytes of one event, and of what one run brings. */
  readonly partBytesMax: number;
  /** How far the log is to be read: what lies behind is not on disk for certain, or comes by another way. */
  end(): LogPosition;
  /** Everything up to this seq lies before that end, or is no part of the log. */
  endSeq(): number;
  /** Keeps segments from being given up until the result is called. */
  hold(): () => void;
}

/** Reads what one watcher has missed from the log, a stretch at a time, and holds nothing in between. */
export class CatchUp {
  /** Everything in the range up to here has been given out. */
  seq: number;
  readonly #reading: FeedReading;
  readonly #range: ResolvedRange;
  #place: LogPosition | undefined;

  constructor(reading: FeedReading, range: ResolvedRange, afterSeq: number) {
    this.#reading = reading;
    this.#range = range;
    this.seq = afterSeq;
  }

  /** Whether nothing is left to be read. */
  get isDone(): boolean {
    const { end, endSeq, log } = this.#reading;
    if (this.#place === undefined || isAfter(end(), this.#place)) return false;
    return log.restoresIn(this.seq, endSeq()).length === 0;
  }

  /** @throws FEED_TRIMMED where it is not there any more */
  check(): void {
    this.#reading.log.startFor(this.seq);
  }

  /**
   * Reads on until there is something, for so many bytes at most.
   * @throws FEED_TRIMMED where it is not there any more; CORRUPTION
   */
  async run(): Promise<FeedBatch[]> {
    const release = this.#reading.hold();
    try {
      const { log, partBytesMax, scheduler } = this.#reading;
      const place = this.#placeIn(log);
      const limits = { partBytesMax, bytesMax: partBytesMax };
      const parts = new FrameParts(this.#range, limits, () => scheduler.nextTurn());
      await this.#read(place, parts);
      return parts.batches;
    } finally {
      release();
    }
  }

  #placeIn(log: FeedLog): LogPosition {
    const isWhole = this.seq >= log.floor;
    if (isWhole && this.#place !== undefined && log.find(this.#place.segment) !== undefined) return this.#place;
    this.#place = log.startFor(this.seq) ?? this.#reading.end();
    return this.#place;
  }

  async #read(place: LogPosition, parts: FrameParts): Promise<void> {
    const end = this.#reading.end();
    const endSeq = this.#reading.endSeq();
    if (isAfter(end, place)) await this.#readLog(place, end, parts);
    if (!isAfter(end, this.#place!)) this.#takeRestores(endSeq, parts);
  }

  async #readLog(place: LogPosition, end: LogPosition, parts: FrameParts): Promise<void> {
    const { log, fileSystem, directory, incarnation } = this.#reading;
    const isLast = place.segment === end.segment;
    const limit = isLast ? end.offset : (log.find(place.segment)!.end ?? end.offset);
    if (place.offset < limit) {
      const reader = SegmentReader.open(fileSystem, directory, place.segment, incarnation);
      try {
        await this.#readSegment(reader, Math.max(place.offset, SEGMENT_HEADER_BYTES), limit, parts);
      } finally {
        reader.close();
      }
    }
    if (this.#place!.offset < limit || isLast) return;
    const next = log.after(place.segment);
    if (next !== undefined) this.#place = { segment: next.number, offset: SEGMENT_HEADER_BYTES };
  }

  async #readSegment(reader: SegmentReader, from: number, limit: number, parts: FrameParts): Promise<void> {
    reader.offset = from;
    const stopAt = Math.min(limit, from + RUN_BYTES);
    while (reader.offset < stopAt && parts.bytes < this.#reading.partBytesMax) {
      if (!(await reader.next(limit))) throw corruption(reader.file, reader.offset, "a frame is not whole");
      this.#takeRestores(reader.firstSeq - 1, parts);
      const lastSeq = reader.firstSeq + reader.operationCount - 1;
      if (lastSeq > this.seq) this.seq = await parts.take(reader, this.seq);
      if (this.seq < lastSeq) return;
      this.#place = { segment: reader.number, offset: reader.offset };
    }
  }

  /** What no log holds up to a seq, before which all of the log has been read. */
  #takeRestores(upTo: number, parts: FrameParts): void {
    for (const mark of this.#reading.log.restoresIn(this.seq, upTo)) {
      parts.takeRestore(mark, this.seq);
      this.seq = mark.seq;
    }
  }
}
