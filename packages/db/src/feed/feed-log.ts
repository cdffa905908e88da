import { invariant, KvtsError } from "@kvts/common";
import type { FileSystem } from "../env/file-system.ts";
import { logFileName } from "../format/filenames.ts";
import type { FeedStart, VersionEdit } from "../manifest/version-edit.ts";
import { type LogPosition, SEGMENT_HEADER_BYTES } from "../wal/format.ts";
import type { LogContents } from "../wal/log-reader.ts";
import { marksAfter, type RestoreMark } from "./restore-mark.ts";

/** Bytes between two places of a segment whose seqs are remembered. */
const MARK_BYTES = 256 * 1024;
const MICROS_PER_MS = 1000;
/** Restores past the log that are told of: each edit of the manifest that begins a new one repeats them. */
const RESTORES_MAX = 256;

interface Mark {
  readonly seq: number;
  readonly offset: number;
}

/** A segment of the log as the feed sees it. */
export interface FeedSegment {
  readonly number: number;
  /** Seqs of its first and last operation, as far as they are known; undefined where there is none. */
  firstSeq: number | undefined;
  lastSeq: number | undefined;
  /** Where its frames end; undefined for the one in use. */
  end: number | undefined;
  /** Microseconds: when the next one was begun. */
  sealedAt: number | undefined;
  /** Bytes on disk, once it is kept for the feed alone. */
  fileBytes: number;
  /** Places at which frames begin, ascending. */
  readonly marks: Mark[];
}

export interface FeedLogOptions {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  /** Bytes of segments kept for the feed alone; 0 for none. */
  readonly bytesMax: number;
  readonly ageMsMax: number;
  /** Microseconds. */
  readonly now: () => number;
}

/**
 * Knows which segments the change feed can be read from, those that memory needs and those that are kept for the feed
 * alone, what seqs are where in them, and how many may stay.
 */
export class FeedLog {
  readonly #options: FeedLogOptions;
  /** Ascending. */
  #segments: FeedSegment[] = [];
  /** Segments below this number are kept for the feed alone. */
  #liveNumber = 0;
  /** Everything after this seq can be read. */
  floor = 0;
  /** Something up to this seq is committed, or about to be, that the log does not hold: the manifest says so. */
  #cutSeq = 0;
  /** What went past the log and is told of all the same, ascending. */
  #restores: readonly RestoreMark[] = [];
  /** What went past the log last, since this was opened. */
  #passedSeq = 0;
  /** Of what recovery has found nothing has a greater one. */
  #recoveredSeq = 0;

  constructor(options: FeedLogOptions) {
    this.#options = options;
  }

  /** Whether segments are kept for the feed alone. */
  get keeps(): boolean {
    return this.#options.bytesMax > 0;
  }

  get segments(): readonly FeedSegment[] {
    return this.#segments;
  }

  /** Bytes of the segments kept for the feed alone. */
  get fileBytes(): number {
    return this.#kept().reduce((sum, { fileBytes }) => sum + fileBytes, 0);
  }

  /** What the manifest is to say; undefined where nothing is kept. */
  get start(): FeedStart | undefined {
    const afterSeq = Math.max(this.floor, this.#cutSeq);
    // Segment 0 is never found: nobody looks for older ones, and what the log still has goes back no further than this.
    if (!this.keeps) return this.#cutSeq === 0 ? undefined : { segment: 0, afterSeq: this.#cutSeq };
    const segment = this.#segments[0]?.number;
    return segment === undefined ? undefined : { segment, afterSeq };
  }

  /**
   * What recovery has found: `kept` for the feed alone, and the log's own segments with what {@link noteFrame} was told of
   * them, until they are {@link released}.
   * @param lastSeq no operation in them has a greater seq
   */
  recovered(
    kept: readonly FeedSegment[],
    { live, liveEnds: ends }: Pick<LogContents, "live" | "liveEnds">,
    lastSeq: number,
  ): void {
    this.#recoveredSeq = lastSeq;
    const own = live.map((number, index) => {
      return Object.assign(this.find(number) ?? emptySegment(number), { end: ends[index] });
    });
    this.#segments = [...kept, ...own];
    this.#liveNumber = live[0] ?? (kept.at(-1)?.number ?? 0) + 1;
  }

  /** Something with this seq is about to be committed that the log does not hold: the manifest is to say so from now on. */
  cutAhead(seq: number): void {
    this.#cutSeq = Math.max(this.#cutSeq, seq);
  }

  /** What was committed up to a seq is not in the log, or not all of it: who has not seen it begins anew. */
  cut(seq: number): void {
    this.cutAhead(seq);
    this.floor = Math.max(this.floor, seq);
    this.#restores = this.#readable();
  }

  /** Restores past the log that can be told of, ascending. */
  get restores(): readonly RestoreMark[] {
    return this.#readable();
  }

  /** What the manifest has known of restores past the log, once it is known from where on the feed can be read. */
  recoveredRestores(marks: readonly RestoreMark[]): void {
    this.#restores = marks;
  }

  /**
   * What the edit is to say that puts a restore in place past the log. What the manifest says of older ones ends where the
   * feed begins by now: where no segment is kept, nothing else tells it that.
   */
  restoring(mark: RestoreMark): Pick<VersionEdit, "feed" | "restores"> {
    const { restores } = this;
    if (restores.length >= RESTORES_MAX) this.cut(restores[restores.length - RESTORES_MAX]!.seq);
    else if (!this.keeps) this.cutAhead(this.floor);
    const { start: feed } = this;
    return { restores: [mark], ...(feed === undefined ? {} : { feed }) };
  }

  /** The edit is on disk. */
  restored(mark: RestoreMark): void {
    this.#restores = [...this.restores, mark];
  }

  /** Those with seqs above the first and up to the second, ascending. */
  restoresIn(afterSeq: number, upTo: number): readonly RestoreMark[] {
    if (this.#restores.length === 0) return this.#restores;
    return this.#restores.filter(({ seq }) => seq > afterSeq && seq <= upTo);
  }

  /** The same, for what has just gone past the log: an erasure. */
  passedBy(seq: number): void {
    this.cut(seq);
    this.#passedSeq = seq;
  }

  /** Whether it begins behind what went past the log, and not behind what was given up. Not known of what was before opening. */
  get isPassedBy(): boolean {
    return this.floor > 0 && this.floor === this.#passedSeq;
  }

  /** Goes on in a new segment; the one before it ends at `end`. */
  began(number: number, end: number): void {
    const before = this.#segments.at(-1);
    if (before !== undefined) {
      before.end ??= end;
      before.sealedAt ??= this.#options.now();
    }
    this.#segments.push(emptySegment(number));
  }

  /** A frame stands at `offset` of a segment, the last one that there is or a new one. */
  noteFrame(number: number, offset: number, firstSeq: number, lastSeq: number): void {
    let segment = this.#segments.at(-1);
    if (segment?.number !== number) {
      segment = emptySegment(number);
      this.#segments.push(segment);
    }
    segment.firstSeq ??= firstSeq;
    segment.lastSeq = lastSeq;
    if (offset >= (segment.marks.at(-1)?.offset ?? -MARK_BYTES) + MARK_BYTES) {
      segment.marks.push({ seq: firstSeq, offset });
    }
  }

  /**
   * A segment, the oldest that memory had needed, is needed no more, so says the manifest.
   * @returns whether it is kept for the feed; otherwise it may go at once
   */
  released(number: number): boolean {
    this.#liveNumber = Math.max(this.#liveNumber, number + 1);
    const segment = this.#segments.find((each) => each.number === number);
    if (segment === undefined) return false;
    if (!this.keeps) {
      this.#forget(segment);
      return false;
    }
    segment.fileBytes = this.#shrink(segment);
    return true;
  }

  /** Forgets the oldest segments that the budget has no room for. Returns their numbers. */
  trim(): number[] {
    const { bytesMax, ageMsMax, now } = this.#options;
    const tooOld = now() - ageMsMax * MICROS_PER_MS;
    const gone: number[] = [];
    for (let bytes = this.fileBytes; ; ) {
      const oldest = this.#kept()[0];
      if (oldest === undefined) return gone;
      const isEmpty = oldest.firstSeq === undefined;
      if (!isEmpty && bytes <= bytesMax && (oldest.sealedAt ?? tooOld) >= tooOld) return gone;
      bytes -= oldest.fileBytes;
      this.#forget(oldest);
      gone.push(oldest.number);
    }
  }

  /** Milliseconds until the oldest segment that is kept for the feed alone is too old; undefined where there is none. */
  get dueInMs(): number | undefined {
    const { ageMsMax, now } = this.#options;
    const oldest = this.#kept()[0];
    if (oldest === undefined) return undefined;
    const age = oldest.sealedAt === undefined ? 0 : now() - oldest.sealedAt;
    return ageMsMax - age / MICROS_PER_MS;
  }

  /** Keeps nothing any more of the segments below a number, which memory does not need. Returns their numbers. */
  drop(below: number): number[] {
    const gone = this.#kept().filter(({ number }) => number < below);
    for (const segment of gone) this.#forget(segment);
    return gone.map(({ number }) => number);
  }

  /**
   * Where reading has to begin for everything after `afterSeq`; undefined where no segment is needed for that.
   * @throws FEED_TRIMMED
   */
  startFor(afterSeq: number): LogPosition | undefined {
    if (afterSeq < this.floor) throw trimmedError(afterSeq, this);
    const at = this.#segments.findLastIndex(({ firstSeq }) => firstSeq !== undefined && firstSeq <= afterSeq + 1);
    const segment = this.#segments[Math.max(0, at)];
    // Whoever has all of the log lacks restores at most.
    if (segment === undefined) {
      invariant(this.#restores.length > 0, "F1: a feed that is read has a segment, or a restore that no log holds");
      return undefined;
    }
    const mark = segment.marks.findLast(({ seq }) => seq <= afterSeq + 1);
    return { segment: segment.number, offset: mark?.offset ?? SEGMENT_HEADER_BYTES };
  }

  find(number: number): FeedSegment | undefined {
    return this.#segments.find((segment) => segment.number === number);
  }

  after(number: number): FeedSegment | undefined {
    return this.#segments.find((segment) => segment.number > number);
  }

  #readable(): readonly RestoreMark[] {
    return this.#restores.length === 0 ? this.#restores : marksAfter(this.#restores, this.floor);
  }

  /** What is kept for the feed alone. */
  #kept(): FeedSegment[] {
    return this.#segments.filter(({ number }) => number < this.#liveNumber);
  }

  #forget(segment: FeedSegment): void {
    const at = this.#segments.indexOf(segment);
    const { firstSeq } = this.#segments.find((later, index) => index > at && later.firstSeq !== undefined) ?? {};
    const lastSeq = segment.lastSeq ?? (firstSeq === undefined ? this.#recoveredSeq : firstSeq - 1);
    if (segment.firstSeq !== undefined) this.floor = Math.max(this.floor, lastSeq);
    this.#segments.splice(at, 1);
  }

  /** Gives back what was allocated ahead where that is more than half. Returns the bytes that the file takes. */
  #shrink({ number, end }: FeedSegment): number {
    const { fileSystem, directory } = this.#options;
    const path = logFileName(directory, number);
    if (!fileSystem.exists(path)) return 0;
    const { size } = closed(fileSystem.open(path));
    if (end === undefined || end * 2 > size) return size;
    const file = fileSystem.openWritable(path);
    try {
      file.truncate(end);
    } finally {
      file.close();
    }
    return end;
  }
}

export function emptySegment(number: number): FeedSegment {
  return {
    number,
    firstSeq: undefined,
    lastSeq: undefined,
    end: undefined,
    sealedAt: undefined,
    fileBytes: 0,
    marks: [],
  };
}

function closed<T extends { close(): void }>(file: T): T {
  file.close();
  return file;
}

type FeedFloor = Pick<FeedLog, "floor" | "isPassedBy">;

export function trimmedError(afterSeq: number, feed: FeedFloor): KvtsError {
  const { floor: oldestSeq, isPassedBy } = feed;
  const sentence = isPassedBy
    ? passedSentence(oldestSeq)
    : `what follows seq ${afterSeq} is no longer in the change feed, which goes back to seq ${oldestSeq}; begin again with initial`;
  return new KvtsError("FEED_TRIMMED", sentence, { details: { afterSeq, oldestSeq } });
}

/** What a watcher is told that was not fast enough, or could not be. */
export function overloadedError(lastSeq: number, feed: FeedFloor): KvtsError {
  const { floor: oldestSeq, isPassedBy } = feed;
  const sentence = isPassedBy
    ? passedSentence(oldestSeq)
    : `the watch fell behind: what follows seq ${lastSeq} is no longer in the change feed, which goes back to seq ${oldestSeq}; read faster, keep more of the feed, and begin again with initial`;
  return new KvtsError("OVERLOADED", sentence, { details: { lastSeq, oldestSeq } });
}

function passedSentence(oldestSeq: number): string {
  return `an erasure has changed the store up to seq ${oldestSeq} without the change feed, which goes on behind it; begin again with initial, to read the range anew`;
}
