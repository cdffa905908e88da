import {
  afterVersionsKey,
  firstVersionKey,
  isNewerThan,
  isVersionOf,
  momentSuffix,
  userKey,
  versionKey,
} from "./composite-key.ts";
import type { AsyncReads, Contender, ContenderOptions, Found, OpenContender, Put, Row } from "./contender.ts";
import { GroupWriter } from "./group-writer.ts";
import { loadPackage } from "./load-package.ts";

/** The parts of classic-level that are used here. */
interface LevelDatabase {
  open(): Promise<void>;
  close(): Promise<void>;
  put(key: Buffer, value: Uint8Array): Promise<void>;
  batch(): LevelBatch;
  iterator(options: object): LevelIterator;
  compactRange(start: Buffer, end: Buffer): Promise<void>;
}

interface LevelBatch {
  put(key: Buffer, value: Uint8Array): this;
  write(options: { sync: boolean }): Promise<void>;
}

interface LevelIterator {
  seek(target: Buffer): void;
  next(): Promise<[Buffer, Buffer] | undefined>;
  all(): Promise<[Buffer, Buffer][]>;
  close(): Promise<void>;
}

interface LevelPackage {
  readonly ClassicLevel: new (directory: string, options: object) => LevelDatabase;
}

/** LevelDB has iterators with promises only, so all reads are asynchronous. */
export const classicLevel: Contender = {
  name: "classic-level",
  async open(options) {
    const { ClassicLevel } = await loadPackage<LevelPackage>("classic-level");
    const db = new ClassicLevel(options.directory, settings(options));
    await db.open();
    return {
      async: asyncReads(db),
      put: putter(db, options),
      async load(batches) {
        for (const batch of batches) await write(db, batch, false);
      },
      compact: () => db.compactRange(Buffer.from([0]), Buffer.from([0xff])),
      close: () => db.close(),
    };
  },
};

/** Half of the memory for blocks; two write buffers may be held at a time. */
function settings({ memoryBytes }: ContenderOptions): object {
  return {
    keyEncoding: "buffer",
    valueEncoding: "buffer",
    cacheSize: memoryBytes / 2,
    writeBufferSize: memoryBytes / 8,
    maxFileSize: memoryBytes / 16,
  };
}

function putter(db: LevelDatabase, { durability }: ContenderOptions): OpenContender["put"] {
  if (durability === "sync") {
    const writer = new GroupWriter((puts) => write(db, puts, true));
    return (put) => writer.put(put);
  }
  return ({ key, timestamp, value }) => db.put(versionKey(key, timestamp), value);
}

function write(db: LevelDatabase, puts: readonly Put[], sync: boolean): Promise<void> {
  const batch = db.batch();
  for (const { key, timestamp, value } of puts) batch.put(versionKey(key, timestamp), value);
  return batch.write({ sync });
}

function asyncReads(db: LevelDatabase): AsyncReads {
  return {
    newest: (key) => lowest(db, firstVersionKey(key), key),
    asOf: (key, moment) => lowest(db, versionKey(key, moment), key),
    async history(key) {
      const range = { gte: firstVersionKey(key), lt: afterVersionsKey(key), fillCache: true };
      const entries = await db.iterator(range).all();
      return entries.map(([, value]) => value);
    },
    scan: (start, end, moment) => scanWalking(db, start, end, moment),
  };
}

async function lowest(db: LevelDatabase, from: Buffer, key: string): Promise<Found | undefined> {
  const iterator = db.iterator({ gte: from, limit: 1, fillCache: true });
  const entry = await iterator.next();
  await iterator.close();
  return entry !== undefined && isVersionOf(entry[0], key) ? { value: entry[1] } : undefined;
}

/** A seek costs a trip through the thread pool, so all versions are read in one. */
async function scanWalking(db: LevelDatabase, start: string, end: string, moment: number): Promise<Row[]> {
  const suffix = momentSuffix(moment);
  const rows: Row[] = [];
  let last: string | undefined;
  for (const [bytes, value] of await db
    .iterator({ gte: Buffer.from(start), lt: Buffer.from(end), fillCache: true })
    .all()) {
    if (isNewerThan(bytes, suffix)) continue;
    const key = userKey(bytes);
    if (key !== last) rows.push({ key, value });
    last = key;
  }
  return rows;
}
