import type { TableMeta } from "./table-meta.ts";
import type { Version } from "./version.ts";

/**
 * Reads of the wanted tables what they tell of themselves, where nothing has been read of them since the store was opened.
 * From then on `table.properties` need not be read. The tables are held meanwhile.
 * @throws CORRUPTION, where one is damaged or not the one that the manifest describes; the system's error
 */
export async function learnTables(version: Version, isWanted: (meta: TableMeta) => boolean): Promise<void> {
  const unread = version.tables().filter(({ file: { meta, table } }) => !table.isKnown && isWanted(meta));
  if (unread.length === 0) return;
  version.acquire();
  try {
    for (const { file } of unread) await file.table.learn();
  } finally {
    version.release();
  }
}
