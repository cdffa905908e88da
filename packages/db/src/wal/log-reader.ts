import type { FileReading } from "../env/file-system.ts";
import { corruption } from "../format/corruption.ts";
import { logFileName, parseFileName } from "../format/filenames.ts";
import { LOG_START, type LogPosition, SEGMENT_HEADER_BYTES } from "./format.ts";
import type { Frame } from "./frame.ts";
import { isAfter, SegmentReader } from "./segment-reader.ts";

export interface LogSource {
  readonly fileSystem: FileReading;
  readonly directory: string;
  /** The store's, 32 hex digits. */
  readonly incarnation: string;
  /** The oldest segment that holds anything that is needed: what the manifest says. 0 before the first one. */
  readonly logNumber: number;
  /** How far the manifest says that the log is on disk; undefined where it says nothing of it. */
  readonly durable: LogPosition | undefined;
}

export interface LogContents {
  /** Where the log ends, and where {@link LogWriter.start} is to go on. */
  readonly end: LogPosition;
  /** Seq of the last operation; 0 where there is none. */
  readonly lastSeq: number;
  readonly frames: number;
  readonly operations: number;
  /** Segments that hold the log, ascending. What is in them is on disk for certain only after `secureLog`. */
  readonly live: readonly number[];
  /** Where in each of them its frames end, in bytes. */
  readonly liveEnds: readonly number[];
  /** Segments that hold nothing of it, to be removed once the log goes on elsewhere, durably. */
  readonly stale: readonly number[];
}

/**
 * Replays the log: gives every whole frame to `onFrame`, in order, and waits for it where it returns a promise.
 *
 * Where a frame is not whole, either the machine stopped while the frame was being written, or something was damaged
 * later. Every frame tells how far the log was known to be on disk when it was written, so any frame behind that place,
 * in this segment or a later one, may prove that what is broken was whole once: then it is CORRUPTION, and nothing is
 * left out in silence. The manifest's edits tell the same, so that a tail which was cut off is missed as far as the last
 * edit knew of it. Without such a proof the log ends there, and what follows was never acknowledged.
 *
 * The segments form a chain, each naming the one before it and the offset at which that ended; what is not in the chain
 * of the newest segment was given up by an earlier recovery.
 *
 * @throws CORRUPTION with file and offset; UNIMPLEMENTED for what a newer kvts wrote
 */
export async function readLog(
  source: LogSource,
  onFrame: (frame: Frame) => Promise<void> | void,
): Promise<LogContents> {
  const log = new LogSegments(source);
  try {
    const chain = await log.findChain();
    const live: number[] = [];
    const liveEnds: number[] = [];
    let contents = { end: LOG_START, lastSeq: 0, frames: 0, operations: 0 };
    for (const [index, segment] of chain.entries()) {
      live.push(segment.number);
      const limit = chain[index + 1]?.previous?.offset ?? Number.POSITIVE_INFINITY;
      contents = await replay(segment, limit, contents, onFrame);
      liveEnds.push(segment.offset);
      if (segment.offset === limit) continue;
      await log.expectEnd(segment);
      break;
    }
    return { ...contents, live, liveEnds, stale: log.numbers.filter((number) => !live.includes(number)) };
  } finally {
    log.close();
  }
}

type Progress = Omit<LogContents, "live" | "liveEnds" | "stale">;

/** Replays one segment up to `limit` or the first frame that is not whole. */
async function replay(
  segment: SegmentReader,
  limit: number,
  before: Progress,
  onFrame: (frame: Frame) => Promise<void> | void,
): Promise<Progress> {
  let { lastSeq, frames, operations } = before;
  for (let start = segment.offset; await segment.next(limit); start = segment.offset) {
    if (segment.firstSeq <= lastSeq || segment.operationCount === 0) {
      throw corruption(segment.file, start, "its operations are not numbered in order");
    }
    frames++;
    operations += segment.operationCount;
    lastSeq = segment.firstSeq + segment.operationCount - 1;
    const taken = onFrame(segment);
    if (taken !== undefined) await taken;
  }
  return { end: { segment: segment.number, offset: segment.offset }, lastSeq, frames, operations };
}

/** The log files of a directory. */
class LogSegments {
  /** All log files, older ones than the log needs included, ascending. */
  readonly numbers: readonly number[];
  readonly #directory: string;
  readonly #logNumber: number;
  readonly #durable: LogPosition;
  readonly #segments: SegmentReader[] = [];

  constructor({ fileSystem, directory, incarnation, logNumber, durable }: LogSource) {
    this.#directory = directory;
    this.#logNumber = logNumber;
    this.#durable = durable ?? LOG_START;
    this.numbers = fileSystem
      .list(directory)
      .map(parseFileName)
      .flatMap((name) => (name?.kind === "log" ? [name.number] : []))
      .sort((a, b) => a - b);
    try {
      for (const number of this.numbers) {
        if (number < logNumber) continue;
        this.#segments.push(SegmentReader.open(fileSystem, directory, number, incarnation));
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    for (const segment of this.#segments) segment.close();
  }

  /** The segments that make up the log, oldest first, as far as their headers tell. */
  async findChain(): Promise<SegmentReader[]> {
    for (const segment of this.#segments) segment.readHeader();
    let bound = Number.POSITIVE_INFINITY;
    for (;;) {
      const chain: SegmentReader[] = [];
      const broken = this.#follow(chain, bound);
      if (broken === undefined) {
        this.#checkStart(chain);
        // Where no segment has a whole header, one may have had it.
        if (chain.length === 0) await this.#expectUnproven({ segment: this.#logNumber, offset: 0 }, 0);
        return chain;
      }
      // Unless it is proven to have been on disk, nothing from there on was ever acknowledged.
      await this.#expectUnproven({ segment: broken, offset: 0 }, 0);
      bound = broken;
    }
  }

  /** Checks that the log may end where reading `segment` has stopped. */
  async expectEnd(segment: SegmentReader): Promise<void> {
    await this.#expectUnproven({ segment: segment.number, offset: segment.offset }, segment.offset);
  }

  /**
   * Collects into `chain` the newest segment below `bound` and those before it. Returns the number of one that is
   * missing or has no whole header, if any.
   */
  #follow(chain: SegmentReader[], bound: number): number | undefined {
    let segment = this.#segments.findLast(({ number, previous }) => number < bound && previous !== undefined);
    while (segment !== undefined) {
      chain.unshift(segment);
      const { segment: number } = segment.previous!;
      if (number === 0 || number < this.#logNumber) return undefined;
      const before = this.#segments.find((other) => other.number === number);
      if (before?.previous === undefined) return number;
      segment = before;
    }
    return undefined;
  }

  #checkStart(chain: readonly SegmentReader[]): void {
    const first = chain[0];
    if (first === undefined && this.#logNumber === 0) return;
    const isThere = this.#segments[0]?.number === this.#logNumber;
    // One that says that nothing comes before it was begun by a recovery that found nothing.
    if (first === undefined ? isThere : first.number === this.#logNumber || first.previous!.segment === 0) return;
    const path = logFileName(this.#directory, this.#logNumber);
    throw corruption(path, 0, isThere ? "it is not connected with the logs after it" : "it is missing");
  }

  /** @throws CORRUPTION where some frame behind `place`, or the manifest, says that the log was on disk beyond it */
  async #expectUnproven(place: LogPosition, from: number): Promise<void> {
    for (const segment of this.#segments) {
      if (segment.number < place.segment) continue;
      const { mark } = await segment.survey(segment.number === place.segment ? from : SEGMENT_HEADER_BYTES);
      if (isAfter(mark, place)) throw this.#damage(place, mark);
    }
    if (isAfter(this.#durable, place)) throw this.#cutOff(place);
  }

  #cutOff(place: LogPosition): Error {
    const { segment, offset } = this.#durable;
    const path = logFileName(this.#directory, segment);
    if (segment === place.segment) {
      return corruption(path, place.offset, `a frame is not whole, and the log was on disk up to byte ${offset}`);
    }
    const isThere = this.#segments.some(({ number }) => number === segment);
    return corruption(path, 0, isThere ? "it is not connected with the logs before it" : "the file is missing");
  }

  #damage(place: LogPosition, mark: LogPosition): Error {
    const broken = this.#segments.find(({ number, previous }) => number === mark.segment && previous === undefined);
    if (broken !== undefined)
      return corruption(broken.file, 0, "its header is not whole, and what follows proves that it was");
    const path = logFileName(this.#directory, place.segment);
    const exists = this.#segments.some(({ number }) => number === place.segment);
    const problem = exists
      ? "a frame is not whole, and what follows proves that it was"
      : "it is missing, and later logs need it";
    return corruption(path, place.offset, problem);
  }
}
