import { corruption, damageFrom } from "../format/corruption.ts";
import { requestFileName } from "../format/filenames.ts";
import type { StoreNumbers } from "../manifest/version-set.ts";
import { requestRecords } from "../requests/request-file.ts";
import { sizeOf } from "./file-size.ts";
import type { Findings } from "./findings.ts";
import type { MeteredFiles } from "./metered-files.ts";

/** Paths of the files of request ids in force. */
export function requestFilesOf(directory: string, { requestFiles = [] }: StoreNumbers): string[] {
  return requestFiles.map((number) => requestFileName(directory, number));
}

/** Records looked at between two turns of the event loop: some 2 ms of work. */
const RECORDS_PER_TURN = 32 * 1024;

/**
 * Reads the files of request ids, each at once.
 * @param isLive whether a file is in force still; one of an open store that is not may be gone
 */
export async function checkRequestFiles(
  files: MeteredFiles,
  directory: string,
  numbers: StoreNumbers,
  findings: Findings,
  isLive: (number: number) => boolean = () => true,
): Promise<void> {
  for (const number of numbers.requestFiles ?? []) {
    const path = requestFileName(directory, number);
    if (isLive(number)) await checkRequestFile(files, directory, number, numbers, findings);
    files.finish(path);
  }
}

async function checkRequestFile(
  files: MeteredFiles,
  directory: string,
  number: number,
  { incarnation, seqCeiling }: StoreNumbers,
  findings: Findings,
): Promise<void> {
  const path = requestFileName(directory, number);
  const bytes = files.exists(path) ? sizeOf(files, path) : undefined;
  let records = 0;
  let lastSeq = 0;
  try {
    for (const { seq } of requestRecords(files, directory, number, incarnation)) {
      lastSeq = seq;
      if (++records % RECORDS_PER_TURN === 0) await files.pause();
    }
  } catch (error) {
    findings.add(damageFrom(error, path, 0));
  }
  if (lastSeq > seqCeiling) {
    findings.add(corruption(path, 0, `it has seq ${lastSeq}, and none above ${seqCeiling} was given out`));
  }
  if (bytes === undefined) findings.absent(path);
  else findings.read("requests", path, bytes, records);
}
