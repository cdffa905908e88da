import type { FileSystem } from "../env/file-system.ts";
import { parseFileName, tableFileName } from "../format/filenames.ts";
import { BlockCache } from "../table/block-cache.ts";
import type { TableProperties } from "../table/properties.ts";
import { Table } from "../table/table.ts";
import { damageIn } from "./damage.ts";

/** A table file, read from its first byte to its last. */
export interface ExaminedTable {
  readonly number: number;
  readonly fileBytes: number;
  /** Undefined where the file cannot even be opened as a table. */
  readonly properties: TableProperties | undefined;
  /** What is wrong with it; undefined where it is sound. */
  readonly problem: string | undefined;
}

/** The numbers of all table files in a directory, ascending. */
export function listTables(fileSystem: FileSystem, directory: string): number[] {
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
export async function examineTable(fileSystem: FileSystem, directory: string, number: number): Promise<ExaminedTable> {
  const file = fileSystem.open(tableFileName(directory, number));
  const fileBytes = file.size;
  let properties: TableProperties | undefined;
  try {
    const table = Table.open(file, number, new BlockCache(0));
    properties = table.properties;
    try {
      await table.verify();
    } finally {
      await table.close();
    }
  } catch (error) {
    return { number, fileBytes, properties, problem: damageIn(error) };
  }
  const { fileNumber } = properties;
  const problem = fileNumber === number ? undefined : `it is table ${fileNumber} under another name`;
  return { number, fileBytes, properties: problem === undefined ? properties : undefined, problem };
}
