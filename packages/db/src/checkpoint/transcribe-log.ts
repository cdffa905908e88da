import type { FileSystem } from "../env/file-system.ts";
import type { Scheduler } from "../env/scheduler.ts";
import { corruption } from "../format/corruption.ts";
import { FRAME_HEADER_BYTES, FRAME_HEADER_WORDS, type LogPosition } from "../wal/format.ts";
import { sealFrame } from "../wal/frame.ts";
import type { LogWriter } from "../wal/log-writer.ts";
import { SegmentReader } from "../wal/segment-reader.ts";

/** Bytes after which the event loop gets a turn. */
const BYTES_PER_TURN = 256 * 1024;

/** A part of a store's log: these segments, ascending, up to `end` in the last. */
export interface LogPart {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly incarnation: string;
  readonly segments: readonly number[];
  readonly end: LogPosition;
}

/**
 * Writes the frames of one store's log to another's. Their headers are made anew, since they say whose they are and
 * where; each frame is checked as recovery would check it.
 * @param each called before every frame; what it throws ends it
 * @returns how many operations and bytes of frames there were
 * @throws CORRUPTION where a frame is not whole
 */
export async function transcribeLog(
  part: LogPart,
  writer: LogWriter,
  scheduler: Scheduler,
  each: () => void,
): Promise<{ readonly operations: number; readonly bytes: number }> {
  const segments: SegmentReader[] = [];
  let operations = 0;
  let bytes = 0;
  let turnAt = BYTES_PER_TURN;
  try {
    await openSegments(part, segments);
    for (const [index, segment] of segments.entries()) {
      const limit = segments[index + 1]?.previous?.offset ?? part.end.offset;
      while (segment.offset < limit) {
        each();
        if (!(await segment.next(limit))) throw corruption(segment.file, segment.offset, "a frame is not whole");
        bytes += await transcribeFrame(segment, writer);
        operations += segment.operationCount;
        if (bytes < turnAt) continue;
        turnAt = bytes + BYTES_PER_TURN;
        await scheduler.nextTurn();
      }
    }
  } finally {
    for (const segment of segments) segment.close();
  }
  return { operations, bytes };
}

async function openSegments(
  { fileSystem, directory, incarnation, segments: numbers }: LogPart,
  segments: SegmentReader[],
): Promise<void> {
  for (const number of numbers) {
    const segment = SegmentReader.open(fileSystem, directory, number, incarnation);
    segments.push(segment);
    segment.readHeader();
    const before = segments.at(-2)?.number;
    if (segment.previous === undefined) throw corruption(segment.file, 0, "its header is not whole");
    if (before !== undefined && segment.previous.segment !== before) {
      throw corruption(segment.file, 0, "it is not connected with the log before it");
    }
  }
}

/** The frame's memory is the reader's until its next step: the new header goes over the old one. */
async function transcribeFrame(frame: SegmentReader, writer: LogWriter): Promise<number> {
  const firstWord = frame.firstWord - FRAME_HEADER_WORDS;
  const i32 = frame.i32.subarray(firstWord, frame.endWord);
  const u8 = frame.u8.subarray(firstWord * 4, frame.endWord * 4);
  if (!writer.fits(u8.length)) writer.rotate(u8.length);
  sealFrame(i32, u8, u8.length - FRAME_HEADER_BYTES, frame.operationCount, frame.firstSeq, writer);
  await writer.append(u8);
  return u8.length;
}
