import { isKvtsError } from "@kvts/common";
import type { FileReading } from "../env/file-system.ts";
import { logFileName, parseFileName } from "../format/filenames.ts";
import { FRAME_ALIGNMENT, LOG_START, type LogPosition, SEGMENT_HEADER_BYTES } from "./format.ts";
import type { Frame } from "./frame.ts";
import { OperationCursor } from "./operation-cursor.ts";
import { segmentIncarnation } from "./segment-header.ts";
import { isAfter, SegmentReader } from "./segment-reader.ts";

/** What became of a log file: read as far as it is whole, or why nothing was looked for in it. */
export type SegmentFate =
  | "read"
  /** Everything in it is in tables. */
  | "not needed"
  /** An earlier recovery has found that the log ends before it. */
  | "given up"
  /** The log ends before it: what it holds was never acknowledged. */
  | "beyond the end"
  | "of another store"
  /** It is another store's, and stands where one of this store's was. */
  | "in place of another"
  /** Its header is not whole, and nothing else tells whose frames it may hold. */
  | "unreadable";

/** Bytes `offset` … `end - 1` of a log file that were whole once. */
export interface LogDamage {
  readonly offset: number;
  readonly end: number;
}

export interface SalvagedSegment {
  readonly number: number;
  readonly fate: SegmentFate;
  readonly operations: number;
  readonly damage: readonly LogDamage[];
}

export interface SalvagedLog {
  /** Every log file, ascending. */
  readonly segments: readonly SalvagedSegment[];
  /** Segments that others follow, and that are not there. */
  readonly missing: readonly number[];
  readonly operations: number;
  /** The greatest seq that any frame claims, read or not. */
  readonly lastSeq: number;
}

export interface SalvageSource {
  readonly fileSystem: FileReading;
  readonly directory: string;
  /** The store's, where that is known. Otherwise it is that of the newest log with anything in it. */
  readonly incarnation: string | undefined;
  /** Whose frames may be in a log whose header does not say it. */
  readonly incarnationsBefore: readonly string[];
  /** Older segments hold nothing that is not in tables. */
  readonly logNumber: number;
  /** Whether the log begins at `logNumber` for certain; otherwise it may begin later. */
  readonly isExact: boolean;
  /** How far a sound manifest says that the log is on disk; undefined where none says anything of it. */
  readonly durable: LogPosition | undefined;
}

/**
 * Replays what is whole of a damaged log: gives every whole frame to `onFrame`, in order, and waits for it where it
 * returns a promise.
 *
 * The log ends where `readLog` would say that it does, at a frame that is not whole and that nothing proves to have been.
 * Where there is proof it goes on with the next frame behind the damage: what was acknowledged there is as good as ever.
 *
 * @throws UNIMPLEMENTED for what a newer kvts wrote
 */
export async function salvageLog(
  source: SalvageSource,
  onFrame: (frame: Frame) => Promise<void> | void,
): Promise<SalvagedLog> {
  const salvage = new LogSalvage(source, onFrame);
  try {
    return await salvage.run();
  } finally {
    salvage.close();
  }
}

class LogSalvage {
  readonly #source: SalvageSource;
  readonly #onFrame: (frame: Frame) => Promise<void> | void;
  readonly #found: Map<number, SalvagedSegment> = new Map();
  readonly #missing: Set<number> = new Set();
  /** Those that may hold something that is needed, ascending. */
  #segments: SegmentReader[] = [];
  /** How far the frames of each segment prove the log to have been on disk. */
  readonly #marks: Map<number, LogPosition> = new Map();
  readonly #cursor: OperationCursor = new OperationCursor();
  #lastTaken = 0;
  #lastSeq = 0;
  #operations = 0;

  constructor(source: SalvageSource, onFrame: (frame: Frame) => Promise<void> | void) {
    this.#source = source;
    this.#onFrame = onFrame;
  }

  async run(): Promise<SalvagedLog> {
    await this.#openSegments();
    const { logNumber, isExact } = this.#source;
    if (isExact && logNumber > 0 && this.#segments.length === 0) this.#missing.add(logNumber);
    let ended = false;
    for (const [index, segment] of this.#segments.entries()) {
      if (ended) this.#leaveOut(segment.number, "beyond the end");
      else ended = await this.#readSegment(segment, index);
    }
    const { segment: last } = this.#durable;
    if (last >= logNumber && last > 0 && !this.#found.has(last)) this.#missing.add(last);
    return {
      segments: [...this.#found.values()].sort((a, b) => a.number - b.number),
      missing: [...this.#missing],
      operations: this.#operations,
      lastSeq: this.#lastSeq,
    };
  }

  close(): void {
    for (const segment of this.#segments) segment.close();
  }

  async #openSegments(): Promise<void> {
    const { fileSystem, directory, logNumber } = this.#source;
    const owners = segmentOwners(fileSystem, directory);
    const incarnation = this.#source.incarnation ?? (await newestIncarnation(this.#source, owners));
    for (const [number, owner] of owners) {
      if (number < logNumber) this.#leaveOut(number, "not needed");
      // No log holds a frame, as far as anybody can tell.
      else if (incarnation === undefined) this.#leaveOut(number, owner === undefined ? "unreadable" : "read");
      else if (owner !== undefined && owner !== incarnation)
        this.#leaveOut(number, await this.#foreignFate(number, owner));
      else this.#segments.push(SegmentReader.open(fileSystem, directory, number, incarnation));
    }
    for (const segment of this.#segments) {
      readHeader(segment);
      const { mark, lastSeq } = await segment.survey(SEGMENT_HEADER_BYTES);
      this.#marks.set(segment.number, mark);
      this.#lastSeq = Math.max(this.#lastSeq, lastSeq);
    }
    this.#dropGivenUp();
  }

  /** A log of another store may be an empty one, of a repair that was cut short; with frames it has no business here. */
  async #foreignFate(number: number, owner: string): Promise<SegmentFate> {
    const { fileSystem, directory, isExact } = this.#source;
    return isExact && (await holdsFrames(fileSystem, directory, number, owner))
      ? "in place of another"
      : "of another store";
  }

  /** A segment that a later one passes over, naming an older one as the one before it, was given up. */
  #dropGivenUp(): void {
    const givenUp = this.#segments.filter(({ number }) =>
      this.#segments.some((later) => later.number > number && (later.previous?.segment ?? number) < number),
    );
    for (const segment of givenUp) {
      segment.close();
      this.#leaveOut(segment.number, "given up");
    }
    this.#segments = this.#segments.filter((segment) => !givenUp.includes(segment));
  }

  /** Reads one segment past whatever is broken in it. Returns whether the log ends in it. */
  async #readSegment(segment: SegmentReader, index: number): Promise<boolean> {
    const { number } = segment;
    const limit = this.#limitOf(segment);
    const damage: LogDamage[] = [];
    const before = this.#operations;
    this.#noteMissing(segment);
    let ended = false;
    if (segment.previous === undefined) {
      ended = !this.#isProven({ segment: number, offset: 0 }, index, this.#marks.get(number)!);
      if (!ended) damage.push({ offset: 0, end: SEGMENT_HEADER_BYTES });
    }
    while (!ended) {
      const start = segment.offset;
      if (await segment.next(limit)) {
        if (!(await this.#take(segment))) damage.push({ offset: start, end: segment.offset });
        continue;
      }
      if (start >= limit) break;
      ended = !this.#isProven({ segment: number, offset: start }, index, (await segment.survey(start)).mark);
      if (ended) break;
      const broken = await this.#skipDamage(segment, limit);
      if (broken !== undefined) damage.push({ offset: start, end: broken });
      if (segment.offset === start) break;
    }
    this.#found.set(number, { number, fate: "read", operations: this.#operations - before, damage });
    return ended;
  }

  /**
   * From a frame that is not whole to the next one in the segment, where there is one. Returns where the damage ends. It is
   * undefined where the segment may as well end here: who knows that, the next segment's header, is broken or missing.
   */
  async #skipDamage(segment: SegmentReader, limit: number): Promise<number | undefined> {
    const start = segment.offset;
    const claimedEnd = await segment.claimedEnd();
    // What lies within the broken frame is not looked at: it may be a value that looks like a frame.
    if (await segment.seekHeader(claimedEnd ?? start + FRAME_ALIGNMENT)) {
      if (segment.offset < limit) return segment.offset;
      segment.offset = start;
    }
    if (Number.isFinite(limit)) return limit;
    const { segment: last, offset } = this.#durable;
    return last === segment.number && offset > start ? Math.max(offset, claimedEnd ?? 0) : claimedEnd;
  }

  /** Hands a frame on, once all of it is known to make sense: no part of a batch may be taken. False where it does not. */
  async #take(frame: Frame): Promise<boolean> {
    if (frame.firstSeq <= this.#lastTaken || frame.operationCount === 0) return false;
    try {
      const cursor = this.#cursor.open(frame);
      while (cursor.next());
    } catch (error) {
      if (isKvtsError(error, "CORRUPTION")) return false;
      throw error;
    }
    this.#lastTaken = frame.firstSeq + frame.operationCount - 1;
    this.#operations += frame.operationCount;
    await this.#onFrame(frame);
    return true;
  }

  /** Where the frames of a segment ended, as the one after it says. */
  #limitOf(segment: SegmentReader): number {
    const next = this.#segments.find(({ previous }) => previous?.segment === segment.number);
    return next?.previous?.offset ?? Number.POSITIVE_INFINITY;
  }

  /** One that is gone from between two others is missing; one before the first may have been removed in good order. */
  #noteMissing({ previous }: SegmentReader): void {
    if (previous === undefined || previous.segment === 0) return;
    const found = this.#found.get(previous.segment);
    if (found?.fate === "of another store") this.#leaveOut(previous.segment, "in place of another");
    if (found !== undefined) return;
    const hasOlder = this.#segments[0]!.number < previous.segment;
    const isNeeded = this.#source.isExact && previous.segment >= this.#source.logNumber;
    if (hasOlder || isNeeded) this.#missing.add(previous.segment);
  }

  /**
   * Whether some frame behind `place`, or the manifest, says that the log was on disk beyond it.
   * @param own the mark of the frames behind it in its segment
   */
  #isProven(place: LogPosition, index: number, own: LogPosition): boolean {
    const later = this.#segments.slice(index + 1).map(({ number }) => this.#marks.get(number)!);
    return [own, ...later, this.#durable].some((mark) => isAfter(mark, place));
  }

  get #durable(): LogPosition {
    return this.#source.durable ?? LOG_START;
  }

  #leaveOut(number: number, fate: SegmentFate): void {
    this.#found.set(number, { number, fate, operations: 0, damage: [] });
  }
}

/** A header that cannot be true tells no more than one that is not whole. @throws UNIMPLEMENTED for a newer format */
function readHeader(segment: SegmentReader): void {
  try {
    segment.readHeader();
  } catch (error) {
    if (!isKvtsError(error, "CORRUPTION")) throw error;
  }
}

/** The log files of a directory, ascending, each with the incarnation that its header names, where that is whole. */
function segmentOwners(fileSystem: FileReading, directory: string): Map<number, string | undefined> {
  const numbers = fileSystem
    .list(directory)
    .map(parseFileName)
    .flatMap((name) => (name?.kind === "log" ? [name.number] : []))
    .sort((a, b) => a - b);
  return new Map(numbers.map((number) => [number, ownerOf(fileSystem, directory, number)]));
}

function ownerOf(fileSystem: FileReading, directory: string, number: number): string | undefined {
  const file = fileSystem.open(logFileName(directory, number));
  try {
    const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
    const length = file.readSync(bytes, 0, bytes.length, 0);
    return segmentIncarnation(bytes.subarray(0, length), number, file.path);
  } finally {
    file.close();
  }
}

/** That of the newest segment which holds a frame: one without any may be all that an earlier repair came to make. */
async function newestIncarnation(
  { fileSystem, directory, incarnationsBefore }: SalvageSource,
  owners: ReadonlyMap<number, string | undefined>,
): Promise<string | undefined> {
  const known = new Set([...owners.values(), ...incarnationsBefore].filter((owner) => owner !== undefined));
  for (const [number, owner] of [...owners].reverse()) {
    for (const incarnation of owner === undefined ? known : [owner]) {
      if (await holdsFrames(fileSystem, directory, number, incarnation)) return incarnation;
    }
  }
  return undefined;
}

/** Whether a segment holds so much as the header of a frame of the store with that incarnation. */
async function holdsFrames(
  fileSystem: FileReading,
  directory: string,
  number: number,
  incarnation: string,
): Promise<boolean> {
  const segment = SegmentReader.open(fileSystem, directory, number, incarnation);
  try {
    return (await segment.survey(SEGMENT_HEADER_BYTES)).headers > 0;
  } finally {
    segment.close();
  }
}
