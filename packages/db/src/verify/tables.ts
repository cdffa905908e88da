import type { FileReading } from "../env/file-system.ts";
import { tableFileName } from "../format/filenames.ts";
import type { TableMeta } from "../manifest/table-meta.ts";
import { type ExaminedTable, examineTable } from "../repair/examine-tables.ts";
import type { Findings } from "./findings.ts";
import { falseAccount, type ManifestPlace } from "./manifest.ts";

/** Reads a table that the manifest names, and holds it against what that says of it. */
export async function checkNamedTable(
  files: FileReading,
  directory: string,
  meta: TableMeta,
  place: ManifestPlace,
  findings: Findings,
): Promise<void> {
  const path = tableFileName(directory, meta.number);
  if (!files.exists(path)) return findings.missing(path, "the manifest names it");
  const account = falseAccount(meta, await checkTable(files, directory, meta.number, findings));
  if (account !== undefined) findings.add(place.damage(account));
}

/** Reads a table for what it is. */
export async function checkTable(
  files: FileReading,
  directory: string,
  number: number,
  findings: Findings,
): Promise<ExaminedTable> {
  const examined = await examineTable(files, directory, number);
  for (const damage of examined.damage) findings.add(damage);
  findings.read("table", tableFileName(directory, number), examined.fileBytes, examined.properties?.entryCount ?? 0);
  return examined;
}
