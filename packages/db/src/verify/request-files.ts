import type { KvtsError } from "@kvts/common";
import type { FileReading } from "../env/file-system.ts";
import { corruption, damageFrom } from "../format/corruption.ts";
import { requestFileName } from "../format/filenames.ts";
import type { StoreNumbers } from "../manifest/version-set.ts";
import { readRequestFile } from "../requests/request-file.ts";
import { sizeOf } from "./file-size.ts";
import type { Findings } from "./findings.ts";

/** Paths of the files of request ids in force. */
export function requestFilesOf(directory: string, { requestFiles = [] }: StoreNumbers): string[] {
  return requestFiles.map((number) => requestFileName(directory, number));
}

/**
 * Reads the files of request ids, one at once.
 * @param isLive whether a file is in force still; one of an open store that is not may be gone
 */
export function checkRequestFiles(
  files: FileReading,
  directory: string,
  numbers: StoreNumbers,
  findings: Findings,
  isLive: (number: number) => boolean = () => true,
): void {
  for (const number of numbers.requestFiles ?? []) {
    if (!isLive(number)) continue;
    const path = requestFileName(directory, number);
    let records = 0;
    let lastSeq = 0;
    const damage = damageOf(path, () =>
      readRequestFile(files, directory, number, numbers.incarnation, ({ seq }) => {
        records++;
        lastSeq = seq;
      }),
    );
    if (damage !== undefined) findings.add(damage);
    if (lastSeq > numbers.seqCeiling) {
      findings.add(corruption(path, 0, `it has seq ${lastSeq}, and none above ${numbers.seqCeiling} was given out`));
    }
    if (files.exists(path)) findings.read("requests", path, sizeOf(files, path), records);
    else findings.absent(path);
  }
}

function damageOf(path: string, read: () => void): KvtsError | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    return damageFrom(error, path, 0);
  }
}
