import type { KvtsError } from "@kvts/common";
import type { FileReading } from "../env/file-system.ts";
import { corruption, damageOf } from "../format/corruption.ts";
import { parseFileName, tableFileName } from "../format/filenames.ts";
import type { TableProperties } from "../table/properties.ts";
import { TableBytes } from "../table/table-bytes.ts";
import { type VerifiedTable, verifyTable } from "../table/verify.ts";

/** A table file, read from its first byte to its last. */
export interface ExaminedTable {
  readonly number: number;
  readonly fileBytes: number;
  /** Undefined where the file cannot even be opened as a table, or is another one. */
  readonly properties: TableProperties | undefined;
  /** What is wrong with it first of all; undefined where it is sound. */
  readonly problem: string | undefined;
  /** Everything that is wrong with it: CORRUPTION with file and offset. */
  readonly damage: readonly KvtsError[];
}

/** The numbers of all table files in a directory, ascending. */
export function listTables(fileSystem: FileReading, directory: string): number[] {
  return fileSystem
    .list(directory)
    .map(parseFileName)
    .flatMap((name) => (name?.kind === "table" ? [name.number] : []))
    .sort((a, b) => a - b);
}

/**
 * Reads the whole table.
 * @throws UNIMPLEMENTED for one that a newer kvts wrote; the system's error where it is not the file's fault
 */
export async function examineTable(fileSystem: FileReading, directory: string, number: number): Promise<ExaminedTable> {
  const bytes = new TableBytes(fileSystem.open(tableFileName(directory, number)), number);
  const damage: KvtsError[] = [];
  let verified: VerifiedTable;
  try {
    verified = await verifyTable(bytes, (found) => damage.push(found));
  } finally {
    await bytes.close();
  }
  const { path, size: fileBytes } = bytes;
  const properties = verified.canBeOpened ? verified.properties : undefined;
  if (properties === undefined || properties.fileNumber === number) {
    return { number, fileBytes, properties, problem: damage[0] && damageOf(damage[0]), damage };
  }
  const problem = `it is table ${properties.fileNumber} under another name`;
  return { number, fileBytes, properties: undefined, problem, damage: [corruption(path, 0, problem), ...damage] };
}
