import type { FileReading } from "../env/file-system.ts";
import { markFileName, parseFileName } from "../format/filenames.ts";
import { readMarkFile, salvageMarks } from "../marks/mark-file.ts";
import type { RangeMark } from "../marks/range-mark.ts";
import { damageIn } from "./damage.ts";

/** A file of range marks, and what has come of reading it. */
export interface ExaminedMarks {
  readonly number: number;
  readonly isThere: boolean;
  /** What is whole of it. */
  readonly marks: readonly RangeMark[];
  /** What is wrong with it; undefined for nothing. */
  readonly problem: string | undefined;
}

export function listMarkFiles(files: FileReading, directory: string): number[] {
  return files
    .list(directory)
    .map(parseFileName)
    .flatMap((name) => (name?.kind === "marks" ? [name.number] : []));
}

/**
 * Reads a file of range marks, or what can be read of it.
 * @param incarnation the store's; undefined where it is not known, and the file's own word counts
 * @param incarnationsBefore those that the store may have, or had: one of them is a damaged file's
 * @throws UNIMPLEMENTED where a newer kvts wrote it
 */
export function examineMarks(
  files: FileReading,
  directory: string,
  number: number,
  incarnation: string | undefined,
  incarnationsBefore: readonly string[] = [],
): ExaminedMarks {
  if (!files.exists(markFileName(directory, number))) {
    return { number, isThere: false, marks: [], problem: "the manifest names it, and it is not there" };
  }
  try {
    return { number, isThere: true, marks: readMarkFile(files, directory, number, incarnation), problem: undefined };
  } catch (error) {
    const problem = damageIn(error);
    const candidates = incarnation === undefined ? new Set(incarnationsBefore) : [incarnation];
    const parts = [...candidates].map((each) => salvageMarks(files, directory, number, each));
    return { number, isThere: true, marks: uniteMarks(parts), problem };
  }
}

/** The marks of logs, and of several files, each once, ascending by seq: as it was after the last erasure that moved a bound of it. */
export function uniteMarks(parts: readonly (readonly RangeMark[])[]): RangeMark[] {
  const bySeq = new Map<number, RangeMark>();
  for (const mark of parts.flat()) {
    const other = bySeq.get(mark.seq);
    if (other === undefined || mark.boundsSeq > other.boundsSeq) bySeq.set(mark.seq, mark);
  }
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq);
}
