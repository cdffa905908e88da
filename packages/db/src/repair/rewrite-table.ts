import { isKvtsError } from "@kvts/common";
import type { JobProvenance } from "../compaction/job.ts";
import type { FileSystem } from "../env/file-system.ts";
import { tableFileName } from "../format/filenames.ts";
import { type TableMeta, tableMeta } from "../manifest/table-meta.ts";
import { BlockCache } from "../table/block-cache.ts";
import type { Compression } from "../table/compression.ts";
import type { TableProperties, TableProvenance } from "../table/properties.ts";
import { Table } from "../table/table.ts";
import { TableBuilder } from "../table/table-builder.ts";

export interface RewriteJob {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  /** The damaged table, and the one that gets what can be read of it. */
  readonly from: number;
  readonly to: number;
  readonly level: number;
  readonly compression: Compression;
  readonly provenance: JobProvenance;
}

/** Writes what can be read of a damaged table to a new one. Undefined, and no file is left, where that is nothing. */
export async function rewriteTable(job: RewriteJob): Promise<TableMeta | undefined> {
  const { fileSystem, directory, from, to, level, compression, provenance } = job;
  const table = Table.open(fileSystem.open(tableFileName(directory, from)), from, new BlockCache(0));
  const path = tableFileName(directory, to);
  const file = fileSystem.create(path);
  let saved: TableMeta | undefined;
  try {
    const builder = new TableBuilder(file, { fileNumber: to, level, compression });
    const properties = await copyReadable(table, builder, { ...provenance, firstOutput: to, isLastOutput: true });
    if (properties !== undefined) {
      await file.sync();
      saved = tableMeta(properties, builder.fileBytes);
    }
  } finally {
    file.close();
    await table.close();
    if (saved === undefined) await fileSystem.remove(path);
  }
  return saved;
}

/** Copies what can be read; undefined where that is nothing, or where even whole blocks contradict each other. */
async function copyReadable(
  table: Table,
  into: TableBuilder,
  provenance: TableProvenance,
): Promise<TableProperties | undefined> {
  try {
    return (await table.salvage(into)) > 0 ? into.finish(provenance) : undefined;
  } catch (error) {
    // The builder refuses keys and versions that are out of order, the last of them when it finishes.
    if (isKvtsError(error, "INTERNAL")) return undefined;
    throw error;
  }
}
