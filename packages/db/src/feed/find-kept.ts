import type { FileSystem } from "../env/file-system.ts";
import { isDamage } from "../format/corruption.ts";
import { logFileName, parseFileName } from "../format/filenames.ts";
import type { FeedStart } from "../manifest/version-edit.ts";
import type { SegmentOrigin } from "../wal/segment-header.ts";
import { SegmentReader } from "../wal/segment-reader.ts";
import { emptySegment, type FeedSegment } from "./feed-log.ts";

export interface KeptSource {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly incarnation: string;
  /** What the manifest says of the feed; undefined where nothing was kept for it. */
  readonly feed: FeedStart | undefined;
  /** The oldest segment that memory needs, so says the manifest. */
  readonly logNumber: number;
  /** The oldest one that recovery has read; undefined where there is none. */
  readonly firstLive: number | undefined;
}

export interface KeptSegments {
  /** Without a gap up to the log that memory needs, ascending. */
  readonly segments: readonly FeedSegment[];
  /** Everything after this seq is in them and the log; undefined where that is less than the manifest says. */
  readonly afterSeq: number | undefined;
}

interface Found {
  readonly segment: FeedSegment;
  readonly previous: SegmentOrigin;
}

/**
 * Finds the segments that are kept for the change feed alone, from the newest backwards: each header names the segment
 * before it, and where that ended. What is not linked in this way was given up, or is damaged, and so is what lies before
 * it: the feed begins behind.
 */
export async function findKept(source: KeptSource): Promise<KeptSegments> {
  const { feed, firstLive } = source;
  const segments: FeedSegment[] = [];
  if (feed === undefined) return { segments, afterSeq: undefined };
  let number = firstLive ?? source.logNumber;
  let previous = firstLive === undefined ? undefined : (await look(source, firstLive, undefined))?.previous;
  while (number > feed.segment) {
    const before = previous === undefined || previous.segment === 0 ? below(source, number) : previous.segment;
    const end = before === previous?.segment ? previous?.offset : undefined;
    const found = before === undefined ? undefined : await look(source, before, end ?? "where it stops");
    if (before === undefined || before < feed.segment || found === undefined) return { segments, afterSeq: undefined };
    found.segment.sealedAt = previous?.createdAt ?? 0;
    segments.unshift(found.segment);
    ({ previous } = found);
    number = before;
  }
  return { segments, afterSeq: feed.afterSeq };
}

/** The newest log file before one that says that nothing comes before it: a recovery has begun that, and found nothing. */
function below({ fileSystem, directory }: KeptSource, number: number): number | undefined {
  return fileSystem
    .list(directory)
    .map(parseFileName)
    .flatMap((name) => (name?.kind === "log" && name.number < number ? [name.number] : []))
    .sort((a, b) => a - b)
    .at(-1);
}

/**
 * What a segment's header and first frame tell; undefined where they are not whole.
 * @param end where its frames end; undefined where only its header is of interest.
 */
async function look(
  { fileSystem, directory, incarnation }: KeptSource,
  number: number,
  end: number | "where it stops" | undefined,
): Promise<Found | undefined> {
  if (!fileSystem.exists(logFileName(directory, number))) return undefined;
  const reader = SegmentReader.open(fileSystem, directory, number, incarnation);
  try {
    reader.readHeader();
    const { previous } = reader;
    if (previous === undefined) return undefined;
    const segment = { ...emptySegment(number), fileBytes: reader.size };
    if (end === undefined) return { segment, previous };
    return (await readFrames(reader, segment, end)) ? { segment, previous } : undefined;
  } catch (error) {
    if (!isDamage(error)) throw error;
    return undefined;
  } finally {
    reader.close();
  }
}

/** Notes the first frame and the end; false where what should be there is not. */
async function readFrames(
  reader: SegmentReader,
  segment: FeedSegment,
  end: number | "where it stops",
): Promise<boolean> {
  const limit = end === "where it stops" ? reader.size : end;
  if (limit > reader.size) return false;
  const isEmpty = limit <= reader.offset;
  if (!isEmpty && (await reader.next(limit))) segment.firstSeq = reader.firstSeq;
  if (end === "where it stops") while (await reader.next(limit));
  segment.end = end === "where it stops" ? reader.offset : end;
  return isEmpty || end === "where it stops" || segment.firstSeq !== undefined;
}
