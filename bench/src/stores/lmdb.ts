import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterVersionsKey, firstVersionKey, isNewerThan, momentSuffix, userKey, versionKey } from "./composite-key.ts";
import type { Contender, ContenderOptions, OpenContender, Put, Row, SyncReads } from "./contender.ts";
import { loadPackage } from "./load-package.ts";

/** The parts of lmdb that are used here. */
export interface LmdbDatabase<K> {
  get(key: K): Buffer | undefined;
  put(key: K, value: Uint8Array): Promise<boolean>;
  putSync(key: K, value: Uint8Array): boolean;
  transaction<T>(action: () => T): Promise<T>;
  transactionSync<T>(action: () => T): T;
  getRange(range: { start: K; end: K; limit?: number }): Iterable<{ key: Buffer; value: Buffer }>;
  openDB<L>(options: object): LmdbDatabase<L>;
  backup(path: string, compact: boolean): Promise<void>;
  close(): Promise<void>;
}

interface LmdbPackage {
  open(options: object): LmdbDatabase<Buffer>;
}

/** All versions under composite keys: every read seeks. */
export const lmdb: Contender = {
  name: "lmdb",
  async open(options) {
    const history = await openHistory(options);
    return {
      sync: historyReads(history),
      put: (put) => history.put(versionKey(put.key, put.timestamp), put.value),
      async load(batches) {
        for (const batch of batches) history.transactionSync(() => putVersions(history, batch));
      },
      ...compaction(history, options.directory),
    };
  },
};

/**
 * Without syncs, a writable map spares lmdb both copies and system calls; the price is that a power cut may leave the
 * file unreadable. With them, a promise is to resolve when the write is on disk, not only committed.
 */
export async function openHistory({ directory, durability }: ContenderOptions): Promise<LmdbDatabase<Buffer>> {
  const { open } = await loadPackage<LmdbPackage>("lmdb");
  const durable = { overlappingSync: false };
  const unsynced = { noSync: true, useWritemap: true };
  const settings = durability === "sync" ? durable : unsynced;
  return open({ path: directory, encoding: "binary", keyEncoding: "binary", noMemInit: true, ...settings });
}

export function putVersions(history: LmdbDatabase<Buffer>, puts: readonly Put[]): void {
  for (const { key, timestamp, value } of puts) history.putSync(versionKey(key, timestamp), value);
}

export function historyReads(history: LmdbDatabase<Buffer>): SyncReads {
  return {
    newest: (key) => first(history, firstVersionKey(key), afterVersionsKey(key))?.value,
    asOf: (key, moment) => first(history, versionKey(key, moment), afterVersionsKey(key))?.value,
    history(key) {
      const values: Uint8Array[] = [];
      const range = { start: firstVersionKey(key), end: afterVersionsKey(key) };
      for (const { value } of history.getRange(range)) values.push(value);
      return values;
    },
    scan: (start, end, moment) => scanSeeking(history, Buffer.from(start), Buffer.from(end), moment),
  };
}

/** By seeks, from key to key: walking all versions costs three times as much at ten versions a key. */
function scanSeeking(history: LmdbDatabase<Buffer>, start: Buffer, end: Buffer, moment: number): Row[] {
  const rows: Row[] = [];
  const suffix = momentSuffix(moment);
  for (let newest = first(history, start, end); newest !== undefined; ) {
    const key = userKey(newest.key);
    const after = afterVersionsKey(key);
    const visible = isNewerThan(newest.key, suffix) ? first(history, versionKey(key, moment), after) : newest;
    if (visible !== undefined) rows.push({ key, value: visible.value });
    newest = first(history, after, end);
  }
  return rows;
}

function first(
  history: LmdbDatabase<Buffer>,
  start: Buffer,
  end: Buffer,
): { readonly key: Buffer; readonly value: Buffer } | undefined {
  for (const entry of history.getRange({ start, end, limit: 1 })) return entry;
  return undefined;
}

/** lmdb compacts into a copy; it takes the place of the file once that is closed. */
export function compaction(
  database: LmdbDatabase<Buffer>,
  directory: string,
): Pick<OpenContender, "compact" | "close"> {
  const copy = join(directory, "compacted");
  let copied = false;
  return {
    async compact() {
      await mkdir(copy);
      await database.backup(copy, true);
      copied = true;
    },
    async close() {
      await database.close();
      if (!copied) return;
      await rename(join(copy, "data.mdb"), join(directory, "data.mdb"));
      await rm(copy, { recursive: true });
    },
  };
}
