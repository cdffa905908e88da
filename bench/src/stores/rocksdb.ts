import {
  afterVersionsKey,
  firstVersionKey,
  isNewerThan,
  isVersionOf,
  momentSuffix,
  userKey,
  versionKey,
} from "./composite-key.ts";
import type { Contender, ContenderOptions, OpenContender, Put, Row, SyncReads } from "./contender.ts";
import { GroupWriter } from "./group-writer.ts";
import { loadPackage } from "./load-package.ts";

/** The parts of the binding that are used here: the calls that answer at once are its fastest. */
interface RocksDatabase {
  open(options: object): Promise<void>;
  close(): Promise<void>;
  batch(): RocksBatch;
  iterator(options: object): RocksIterator;
  querySync(options: object): RocksRows;
}

interface RocksBatch {
  _put(key: Buffer, value: Uint8Array): void;
  _writeSync(options: { sync: boolean }): void;
  _closeSync(): void;
}

interface RocksIterator {
  _seekSync(target: Buffer): void;
  _nextvSync(count: number): RocksRows;
  _closeSync(): void;
}

/** Keys and values in turn. */
interface RocksRows {
  readonly rows: readonly Buffer[];
}

interface RocksPackage {
  readonly RocksLevel: new (directory: string, options: object) => RocksDatabase;
}

const buffers = { keyEncoding: "buffer", valueEncoding: "buffer" };
const reads = { ...buffers, fillCache: true, asyncIO: false };

export const rocksdb: Contender = {
  name: "rocksdb",
  async open(options) {
    const { RocksLevel } = await loadPackage<RocksPackage>("@nxtedition/rocksdb");
    const db = new RocksLevel(options.directory, buffers);
    await db.open(settings(options));
    // Reused by every lookup: it sees later writes, and seeking it costs half of opening another.
    const seeker = db.iterator({ ...reads, tailing: true });
    return {
      sync: syncReads(db, seeker),
      put: putter(db, options),
      async load(batches) {
        for (const batch of batches) write(db, batch, false);
      },
      // The binding cannot ask for a compaction: it is left to what RocksDB does by itself.
      compact: async () => {},
      async close() {
        seeker._closeSync();
        await db.close();
      },
    };
  },
};

/** Half of the memory for blocks, a quarter for memtables; the log is not worth compressing. */
function settings({ memoryBytes }: ContenderOptions): object {
  return {
    createIfMissing: true,
    parallelism: 2,
    cacheSize: memoryBytes / 2,
    memtableMemoryBudget: memoryBytes / 4,
    compaction: "level",
    walCompression: false,
    optimize: "point-lookup",
  };
}

function putter(db: RocksDatabase, { durability }: ContenderOptions): OpenContender["put"] {
  if (durability === "sync") {
    const writer = new GroupWriter((puts) => write(db, puts, true));
    return (put) => writer.put(put);
  }
  return (put) => {
    write(db, [put], false);
    return undefined;
  };
}

function write(db: RocksDatabase, puts: readonly Put[], sync: boolean): void {
  const batch = db.batch();
  for (const { key, timestamp, value } of puts) batch._put(versionKey(key, timestamp), value);
  batch._writeSync({ sync });
  batch._closeSync();
}

function syncReads(db: RocksDatabase, seeker: RocksIterator): SyncReads {
  return {
    newest: (key) => seekVersion(seeker, firstVersionKey(key), key),
    asOf: (key, moment) => seekVersion(seeker, versionKey(key, moment), key),
    history(key) {
      const { rows } = db.querySync({ ...reads, gte: firstVersionKey(key), lt: afterVersionsKey(key) });
      return rows.filter((_, at) => at % 2 === 1);
    },
    scan: (start, end, moment) => scanSeeking(seeker, Buffer.from(start), end, moment),
  };
}

function seekVersion(seeker: RocksIterator, target: Buffer, key: string): Buffer | undefined {
  seeker._seekSync(target);
  const [found, value] = seeker._nextvSync(1).rows;
  return found !== undefined && isVersionOf(found, key) ? value : undefined;
}

/** By seeks, from key to key: reading all versions costs twice as much at ten versions a key. */
function scanSeeking(seeker: RocksIterator, start: Buffer, end: string, moment: number): Row[] {
  const rows: Row[] = [];
  const suffix = momentSuffix(moment);
  for (let from = start; ; ) {
    seeker._seekSync(from);
    const [found, newest] = seeker._nextvSync(1).rows;
    if (found === undefined) return rows;
    const key = userKey(found);
    if (key >= end) return rows;
    const value = isNewerThan(found, suffix) ? seekVersion(seeker, versionKey(key, moment), key) : newest;
    if (value !== undefined) rows.push({ key, value });
    from = afterVersionsKey(key);
  }
}
