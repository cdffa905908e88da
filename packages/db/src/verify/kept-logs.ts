import type { FileReading } from "../env/file-system.ts";
import { corruption, damageFrom } from "../format/corruption.ts";
import { logFileName, parseFileName } from "../format/filenames.ts";
import type { FeedStart } from "../manifest/version-edit.ts";
import type { StoreNumbers } from "../manifest/version-set.ts";
import { SEGMENT_HEADER_BYTES } from "../wal/format.ts";
import type { SegmentOrigin } from "../wal/segment-header.ts";
import { SegmentReader } from "../wal/segment-reader.ts";
import type { Findings } from "./findings.ts";
import { FrameCheck } from "./frame-check.ts";

export interface KeptLogs {
  readonly files: FileReading;
  readonly directory: string;
  readonly numbers: StoreNumbers;
  /** The log's oldest segment that is read; undefined where there is none, or it is not known. */
  readonly firstLive: number | undefined;
  /** Seq of the log's first operation, where it has one. */
  readonly firstSeq: number | undefined;
}

export type KeptFindings = Pick<Findings, "add" | "missing">;

const UNHEARD: KeptFindings = { add() {}, missing() {} };

/** A segment that the manifest promises to watchers. */
interface Link {
  readonly number: number;
  /** Where its frames end; undefined where no header says so. */
  readonly end: number | undefined;
}

/**
 * Reads the segments that are kept for the change feed alone, all that the manifest promises: whether the chain of them
 * goes back as far as it says, and every frame. A feed that starts at segment 0 promises none.
 * @returns operations in each of them, by number
 */
export async function checkKeptLogs(kept: KeptLogs, findings: KeptFindings): Promise<ReadonlyMap<number, number>> {
  const { feed, logNumber } = kept.numbers;
  const operations = new Map<number, number>();
  if (feed === undefined || feed.segment === 0 || feed.segment >= logNumber) return operations;
  const frames = new KeptFrames(kept, findings);
  for (const link of findLinks(kept, feed, findings)) {
    operations.set(link.number, await frames.read(link));
  }
  frames.expectBefore(kept.firstSeq);
  return operations;
}

/** From the log backwards, as far as headers lead, and ascending. What breaks the chain is told of. */
function findLinks(kept: KeptLogs, feed: FeedStart, findings: KeptFindings): Link[] {
  const { directory } = kept;
  const links: Link[] = [];
  let number = kept.firstLive ?? kept.numbers.logNumber;
  // What is wrong with the log's own header the check of the log tells.
  let previous = kept.firstLive === undefined ? undefined : originOf(kept, number, UNHEARD);
  while (number > feed.segment) {
    const isLinked = previous !== undefined && previous.segment !== 0;
    const before = isLinked ? previous!.segment : below(kept, number);
    if (before === undefined || before < feed.segment) {
      const first = logFileName(directory, feed.segment);
      if (kept.files.exists(first)) findings.add(corruption(first, 0, "it is not connected with the logs after it"));
      else findings.missing(first, "the change feed begins with it");
      return links;
    }
    const end = isLinked ? previous!.offset : undefined;
    previous = originOf(kept, before, isLinked ? findings : UNHEARD);
    // One that nothing leads to may be what a recovery found to be no part of the log.
    if (previous === undefined && isLinked) return links;
    if (previous !== undefined && before < kept.numbers.logNumber) links.unshift({ number: before, end });
    number = before;
  }
  return links;
}

/** Where the log ended before a segment; undefined where its header is not whole, which is told of. */
function originOf(
  { files, directory, numbers }: KeptLogs,
  number: number,
  findings: KeptFindings,
): SegmentOrigin | undefined {
  const path = logFileName(directory, number);
  if (!files.exists(path)) {
    findings.missing(path, "the change feed needs it");
    return undefined;
  }
  const reader = SegmentReader.open(files, directory, number, numbers.incarnation);
  try {
    reader.readHeader();
    if (reader.previous === undefined) findings.add(corruption(path, 0, "its header is not whole"));
    return reader.previous;
  } catch (error) {
    findings.add(damageFrom(error, path, 0));
    return undefined;
  } finally {
    reader.close();
  }
}

/** The newest log file before one that nothing leads back from. */
function below({ files, directory }: KeptLogs, number: number): number | undefined {
  const older = files
    .list(directory)
    .map(parseFileName)
    .flatMap((name) => (name?.kind === "log" && name.number < number ? [name.number] : []));
  return older.length === 0 ? undefined : Math.max(...older);
}

/** Reads frames of one segment after the other, and holds each against those before it. */
class KeptFrames {
  readonly #kept: KeptLogs;
  readonly #findings: KeptFindings;
  readonly #frames: FrameCheck;
  #lastSeq = 0;
  #last: { readonly file: string; readonly offset: number } | undefined;

  constructor(kept: KeptLogs, findings: KeptFindings) {
    this.#kept = kept;
    this.#findings = findings;
    this.#frames = new FrameCheck(kept.numbers.seqCeiling, findings);
  }

  /** How many operations are in it. */
  async read({ number, end }: Link): Promise<number> {
    const { files, directory, numbers } = this.#kept;
    const path = logFileName(directory, number);
    const reader = SegmentReader.open(files, directory, number, numbers.incarnation);
    try {
      const limit = end ?? reader.size;
      for (let start = SEGMENT_HEADER_BYTES; await reader.next(limit); start = reader.offset) this.#take(reader, start);
      // A header says where its frames end, and that was on disk before the segment was given over to the feed.
      if (end !== undefined && reader.offset < end) {
        this.#findings.add(corruption(path, reader.offset, "a frame is not whole that the change feed needs"));
      }
    } catch (error) {
      this.#findings.add(damageFrom(error, path, 0));
    } finally {
      reader.close();
    }
    return this.#frames.operations.get(path) ?? 0;
  }

  /** The log goes on behind what is kept. */
  expectBefore(firstSeq: number | undefined): void {
    if (firstSeq === undefined || this.#last === undefined || this.#lastSeq < firstSeq) return;
    const { file, offset } = this.#last;
    this.#findings.add(corruption(file, offset, `it has seq ${this.#lastSeq}, and the log goes on with ${firstSeq}`));
  }

  #take(frame: SegmentReader, start: number): void {
    this.#frames.take(frame);
    if (frame.firstSeq <= this.#lastSeq || frame.operationCount === 0) {
      this.#findings.add(corruption(frame.file, start, "its operations are not numbered in order"));
    }
    this.#lastSeq = Math.max(this.#lastSeq, frame.firstSeq + frame.operationCount - 1);
    this.#last = { file: frame.file, offset: start };
  }
}
