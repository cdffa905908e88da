import { versionKey } from "./composite-key.ts";
import type { Contender, Put, SyncReads } from "./contender.ts";
import { compaction, historyReads, type LmdbDatabase, openHistory } from "./lmdb.ts";

const timestampBytes = 8;

/**
 * The same, and beside it a table of each key's newest version, which makes reads of the newest a plain get. To keep it
 * right, every write has to look whether it is the newest: versions may arrive in any order.
 */
export const lmdbLatest: Contender = {
  name: "lmdb+latest",
  async open(options) {
    const history = await openHistory(options);
    const latest = history.openDB<string>({ name: "latest", encoding: "binary", keyEncoding: "ordered-binary" });
    return {
      sync: { ...historyReads(history), newest: newestFrom(latest) },
      put: (put) => history.transaction(() => putBoth(history, latest, put)),
      async load(batches) {
        for (const batch of batches) {
          history.transactionSync(() => {
            for (const put of batch) putBoth(history, latest, put);
          });
        }
      },
      ...compaction(history, options.directory),
    };
  },
};

function putBoth(history: LmdbDatabase<Buffer>, latest: LmdbDatabase<string>, put: Put): void {
  const { key, timestamp, value } = put;
  history.putSync(versionKey(key, timestamp), value);
  const newest = latest.get(key);
  if (newest !== undefined && newest.readDoubleBE(0) > timestamp) return;
  const entry = Buffer.allocUnsafe(timestampBytes + value.length);
  entry.writeDoubleBE(timestamp, 0);
  value.copy(entry, timestampBytes);
  latest.putSync(key, entry);
}

function newestFrom(latest: LmdbDatabase<string>): SyncReads["newest"] {
  return (key) => latest.get(key)?.subarray(timestampBytes);
}
