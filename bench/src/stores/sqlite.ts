import { join } from "node:path";
import type { StatementSync } from "node:sqlite";
import type { Contender, ContenderOptions, OpenContender, Put, Row, SyncReads } from "./contender.ts";
import { GroupWriter } from "./group-writer.ts";

type Database = InstanceType<typeof import("node:sqlite").DatabaseSync>;

const KIB = 1024;

/** Node's own SQLite: it needs no package, and was the faster of two bindings at point reads. */
export const sqlite: Contender = {
  name: "sqlite",
  async open(options) {
    const { DatabaseSync } = await import("node:sqlite");
    const db = new DatabaseSync(join(options.directory, "history.db"));
    db.exec(schema(options));
    const write = writer(db);
    return {
      sync: syncReads(db),
      put: putter(db, write, options),
      async load(batches) {
        for (const batch of batches) write(batch);
      },
      compact: async () => db.exec("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)"),
      close: async () => db.close(),
    };
  },
};

/** One clustered table, newest version of a key first; log-structured writes, checkpointed every 32 MiB. */
function schema({ durability, memoryBytes }: ContenderOptions): string {
  return `
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = ${durability === "sync" ? "FULL" : "OFF"};
    PRAGMA cache_size = ${-memoryBytes / 2 / KIB};
    PRAGMA mmap_size = ${2 * KIB * KIB * KIB};
    PRAGMA wal_autocheckpoint = 8192;
    CREATE TABLE IF NOT EXISTS history (
      key TEXT NOT NULL, timestamp INTEGER NOT NULL, value BLOB NOT NULL, PRIMARY KEY (key, timestamp DESC)
    ) WITHOUT ROWID`;
}

type Write = (puts: readonly Put[]) => void;

function prepareInsert(db: Database): StatementSync {
  return db.prepare("INSERT OR REPLACE INTO history VALUES (?, ?, ?)");
}

function writer(db: Database): Write {
  const begin = db.prepare("BEGIN IMMEDIATE");
  const commit = db.prepare("COMMIT");
  const insert = prepareInsert(db);
  return (puts) => {
    begin.run();
    for (const { key, timestamp, value } of puts) insert.run(key, timestamp, value);
    commit.run();
  };
}

function putter(db: Database, write: Write, { durability }: ContenderOptions): OpenContender["put"] {
  if (durability === "sync") {
    const group = new GroupWriter(write);
    return (put) => group.put(put);
  }
  const insert = prepareInsert(db);
  return ({ key, timestamp, value }) => {
    insert.run(key, timestamp, value);
    return undefined;
  };
}

function syncReads(db: Database): SyncReads {
  const newest = db.prepare("SELECT value FROM history WHERE key = ? ORDER BY timestamp DESC LIMIT 1");
  const asOf = db.prepare("SELECT value FROM history WHERE key = ? AND timestamp <= ? ORDER BY timestamp DESC LIMIT 1");
  const history = db.prepare("SELECT value FROM history WHERE key = ? ORDER BY timestamp DESC");
  // `max` makes SQLite take the other columns from the row that has the maximum; correlated subqueries are slower.
  const scan = db.prepare(
    "SELECT key, value, max(timestamp) FROM history WHERE key >= ? AND key < ? AND timestamp <= ? GROUP BY key",
  );
  return {
    newest: (key) => valueIn(newest.get(key)),
    asOf: (key, moment) => valueIn(asOf.get(key, moment)),
    history: (key) => history.all(key).map((row) => row.value as Uint8Array),
    scan: (start, end, moment) => scan.all(start, end, moment) as unknown as Row[],
  };
}

function valueIn(row: Record<string, unknown> | undefined): Uint8Array | undefined {
  return row?.value as Uint8Array | undefined;
}
