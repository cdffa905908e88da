import type { KvtsError } from "@kvts/common";
import type { FileReading } from "../env/file-system.ts";
import { corruption, damageFrom } from "../format/corruption.ts";
import { logFileName } from "../format/filenames.ts";
import type { LogPosition } from "../wal/format.ts";
import { SegmentReader } from "../wal/segment-reader.ts";
import type { Findings } from "./findings.ts";
import { FrameCheck } from "./frame-check.ts";

/** The log of an open store at one moment. */
export interface OpenLog {
  readonly directory: string;
  readonly incarnation: string;
  readonly seqCeiling: number;
  /** Numbers of its segments, ascending, and how far the last one had been written. */
  readonly segments: readonly number[];
  readonly endOffset: number;
  /** Whether a segment still belongs to the log. One that does not may have been written over by now. */
  isLive(number: number): boolean;
}

/**
 * Reads the log of an open store up to where it ended at that moment. Segments that are given up meanwhile are left out:
 * what was in them is in tables.
 */
export async function checkOpenLog(files: FileReading, log: OpenLog, findings: Findings): Promise<void> {
  const ends = await findEnds(files, log);
  // Frames are looked into in order, so that their marks can be held against each other.
  const frames = new FrameCheck(log.seqCeiling, findings);
  for (const [index, number] of log.segments.entries()) {
    const path = logFileName(log.directory, number);
    const place = { number, before: log.segments[index - 1], end: ends[index] };
    const damage = await checkSegment(files, log, place, frames);
    if (!log.isLive(number)) continue;
    if (damage !== undefined) findings.add(damage);
    findings.read("log", path, ends[index] ?? 0, frames.operations.get(path) ?? 0);
  }
}

/** Where the frames of each segment end: as the header of the next one says; undefined where that says nothing. */
async function findEnds(files: FileReading, log: OpenLog): Promise<(number | undefined)[]> {
  const ends: (number | undefined)[] = [];
  for (const number of log.segments.slice(1)) {
    const previous = await readPrevious(files, log, number);
    ends.push(previous?.offset);
  }
  return [...ends, log.endOffset];
}

async function readPrevious(files: FileReading, log: OpenLog, number: number): Promise<LogPosition | undefined> {
  const path = logFileName(log.directory, number);
  try {
    const segment = SegmentReader.open(files, log.directory, number, log.incarnation);
    try {
      segment.readHeader();
      return segment.previous;
    } finally {
      segment.close();
    }
  } catch (error) {
    // It is told of when the segment itself is read.
    damageOrAbsence(error, path);
    return undefined;
  }
}

interface SegmentPlace {
  readonly number: number;
  /** The segment before it; undefined for the first. */
  readonly before: number | undefined;
  /** Where its frames end, where that is known. */
  readonly end: number | undefined;
}

/** What is wrong with a segment, if anything. */
async function checkSegment(
  files: FileReading,
  log: OpenLog,
  { number, before, end }: SegmentPlace,
  frames: FrameCheck,
): Promise<KvtsError | undefined> {
  const path = logFileName(log.directory, number);
  try {
    const segment = SegmentReader.open(files, log.directory, number, log.incarnation);
    try {
      segment.readHeader();
      if (segment.previous === undefined) return corruption(path, 0, "its header is not whole");
      if (before !== undefined && segment.previous.segment !== before) {
        return corruption(path, 0, `it does not go on from log ${before}, which comes before it`);
      }
      while (await segment.next(end ?? Number.POSITIVE_INFINITY)) frames.take(segment);
      if (end === undefined || segment.offset === end) return undefined;
      return corruption(path, segment.offset, "a frame is not whole that was written before");
    } finally {
      segment.close();
    }
  } catch (error) {
    return damageOrAbsence(error, path);
  }
}

function damageOrAbsence(error: unknown, path: string): KvtsError {
  if ((error as NodeJS.ErrnoException).code === "ENOENT") return corruption(path, 0, "the file is missing");
  return damageFrom(error, path, 0);
}
