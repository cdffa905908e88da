import type { Logger } from "@kvts/common";
import type { FileSystem } from "./env/file-system.ts";
import { corruption } from "./format/corruption.ts";
import { tableFileName } from "./format/filenames.ts";
import { TableFile } from "./manifest/table-file.ts";
import { differingField, type TableMeta, tableMeta } from "./manifest/table-meta.ts";
import type { BlockCache, BlockCacheStats } from "./table/block-cache.ts";
import type { IndexCache, IndexCacheStats } from "./table/index-cache.ts";
import { Table } from "./table/table.ts";

/** Opens tables, and closes them when no version names them any more; removed ones lose their files then. */
export class TableOpener {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #cache: BlockCache;
  readonly #indexes: IndexCache;
  readonly #logger: Logger;
  /** Whether a file may be removed now: never while the manifest is in doubt. */
  readonly #mayRemove: () => boolean;
  /** Tables whose files are open, or still have to go. */
  readonly #files: Set<TableFile> = new Set();
  readonly #ending: Set<Promise<void>> = new Set();
  /** Closed, and could not be removed. */
  readonly #stuck: Set<TableFile> = new Set();

  constructor(
    fileSystem: FileSystem,
    directory: string,
    cache: BlockCache,
    indexes: IndexCache,
    logger: Logger,
    mayRemove: () => boolean,
  ) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
    this.#cache = cache;
    this.#indexes = indexes;
    this.#logger = logger;
    this.#mayRemove = mayRemove;
  }

  /**
   * Opens a table that has just been written, and makes sure of it before the manifest names it.
   * @throws CORRUPTION where the file is missing, damaged, or not the one that `meta` describes
   */
  open(meta: TableMeta): TableFile {
    const file = this.openUnread(meta);
    try {
      file.table.learnSync();
    } catch (error) {
      this.#files.delete(file);
      void file.table.close();
      throw error;
    }
    return file;
  }

  /**
   * Reads the footer and nothing else: whether it is the table that the manifest describes is seen when it is first needed.
   * @throws CORRUPTION where the file is missing, not as long as it was, or does not end like a table; UNIMPLEMENTED for a
   *   table of a newer format
   */
  openUnread(meta: TableMeta): TableFile {
    const path = tableFileName(this.#directory, meta.number);
    if (!this.#fileSystem.exists(path)) throw corruption(path, 0, "the file is missing");
    const file = this.#fileSystem.open(path);
    const { size } = file;
    if (size !== meta.fileBytes) {
      file.close();
      throw corruption(path, Math.min(size, meta.fileBytes), `it has ${size} bytes, and had ${meta.fileBytes}`);
    }
    const table = Table.openUnread(file, meta.number, this.#cache, this.#indexes, (properties) => {
      const differing = differingField(tableMeta(properties, size), meta);
      if (differing === undefined) return;
      throw corruption(path, 0, `the manifest describes another table (${differing} differs)`);
    });
    const opened = new TableFile(meta, table, (unused) => this.#unused(unused));
    this.#files.add(opened);
    return opened;
  }

  /** Numbers of tables that the manifest has dropped, while their files may still be there. */
  obsolete(): number[] {
    return [...this.#files].filter((file) => file.isRemoved).map((file) => file.meta.number);
  }

  /** Overwrites what memory still holds of tables that are gone. */
  async scrubCache(nextTurn: () => Promise<void>): Promise<void> {
    for (let from = this.#cache.scrub(0); from >= 0; from = this.#cache.scrub(from)) await nextTurn();
  }

  /** Tries again to remove what could not be removed. @throws the system's error */
  async removeStuck(): Promise<void> {
    for (const file of this.#stuck) await this.#remove(file);
  }

  cacheStats(): BlockCacheStats {
    return this.#cache.stats();
  }

  indexStats(): IndexCacheStats {
    return this.#indexes.stats();
  }

  /** Closes every table, used or not: where a store fails to open. */
  async closeAll(): Promise<void> {
    for (const file of this.#files) await file.table.close();
    this.#files.clear();
  }

  /** Waits until every table that fell out of use is closed. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#ending);
  }

  #unused(file: TableFile): void {
    const ending = this.#end(file).catch((error: unknown) => {
      this.#logger.warn(
        { err: error, table: file.meta.number },
        "a table that is not needed any more could not be removed",
      );
    });
    this.#ending.add(ending);
    void ending.finally(() => this.#ending.delete(ending));
  }

  async #end(file: TableFile): Promise<void> {
    await file.table.close();
    if (file.isRemoved && this.#mayRemove()) {
      this.#stuck.add(file);
      await this.#remove(file);
    } else {
      this.#files.delete(file);
    }
  }

  async #remove(file: TableFile): Promise<void> {
    await this.#fileSystem.remove(tableFileName(this.#directory, file.meta.number));
    this.#stuck.delete(file);
    this.#files.delete(file);
  }
}
