import { corruption, damageFrom } from "../format/corruption.ts";
import { markFileName } from "../format/filenames.ts";
import type { StoreNumbers } from "../manifest/version-set.ts";
import { readMarkFile } from "../marks/mark-file.ts";
import { OUT_OF_ORDER } from "../marks/mark-files.ts";
import { sizeOf } from "./file-size.ts";
import type { Findings } from "./findings.ts";
import type { MeteredFiles } from "./metered-files.ts";

/** Paths of the files of range marks in force. */
export function markFilesOf(directory: string, { markFiles = [] }: StoreNumbers): string[] {
  return markFiles.map((number) => markFileName(directory, number));
}

/**
 * Reads the files of range marks, each at once.
 * @param isLive whether a file is in force still; one of an open store that is not may be gone
 */
export async function checkMarkFiles(
  files: MeteredFiles,
  directory: string,
  { markFiles = [], incarnation, seqCeiling }: StoreNumbers,
  findings: Findings,
  isLive: (number: number) => boolean = () => true,
): Promise<void> {
  let lastSeq = 0;
  for (const number of markFiles) {
    const path = markFileName(directory, number);
    if (isLive(number)) {
      const [first, last] = checkMarkFile(files, directory, number, incarnation, findings);
      if (first !== undefined && first <= lastSeq) {
        findings.add(corruption(path, 0, OUT_OF_ORDER));
      }
      lastSeq = last ?? lastSeq;
      if (lastSeq > seqCeiling) {
        findings.add(corruption(path, 0, `it has seq ${lastSeq}, and none above ${seqCeiling} was given out`));
      }
      await files.pause();
    }
    files.finish(path);
  }
}

/**
 * Checks one file of range marks.
 * @param incarnation undefined where it is not known
 * @returns its first and last seq, where it has any
 */
export function checkMarkFile(
  files: MeteredFiles,
  directory: string,
  number: number,
  incarnation: string | undefined,
  findings: Findings,
): readonly [number?, number?] {
  const path = markFileName(directory, number);
  const bytes = files.exists(path) ? sizeOf(files, path) : undefined;
  let seqs: number[] = [];
  try {
    seqs = readMarkFile(files, directory, number, incarnation).map(({ seq }) => seq);
  } catch (error) {
    findings.add(damageFrom(error, path, 0));
  }
  if (bytes === undefined) findings.absent(path);
  else findings.read("marks", path, bytes, seqs.length);
  return seqs.length === 0 ? [] : [seqs[0]!, seqs.at(-1)!];
}
