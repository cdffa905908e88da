import { randomBytes } from "node:crypto";
import { type Db, open } from "@kvts/db";
import { expect, test } from "vitest";
import { temporaryDirectory } from "./server-process.ts";

const KEYS = 100_000;
const VERSIONS = 10;
const VALUE_BYTES = 100;
const BATCH_OPERATIONS = 1_000;
/** Between the versions of a key, in microseconds. */
const STEP = 1_000_000;
/**
 * What the process may come to need on top of what it had: the engine's budget of 256 MiB twice, for what the first store
 * had stays until garbage is collected, and the heaps of two threads.
 */
const MEMORY_BYTES_MAX = 768 * 2 ** 20;
const timeout = 120_000;

const keyOf = (key: number): string => `user:${String(key).padStart(8, "0")}`;
const timestampOf = (version: number): number => (version + 1) * STEP;

/** Values that do not compress well, and that anybody can tell again: 92 bytes from one pool, then key and version. */
const pool = randomBytes(1 << 16);
function valueAt(key: number, version: number): Uint8Array {
  const value = new Uint8Array(VALUE_BYTES);
  const from = (key * 7919 + version * 104_729) % (pool.length - VALUE_BYTES);
  value.set(pool.subarray(from, from + VALUE_BYTES - 8));
  new DataView(value.buffer).setUint32(VALUE_BYTES - 8, key);
  new DataView(value.buffer).setUint32(VALUE_BYTES - 4, version);
  return value;
}

test("a million entries are loaded, read back right, and survive a restart", { timeout }, async () => {
  await using directory = await temporaryDirectory();
  using memory = sampleMemory();
  const seconds: Record<string, number> = {};
  const timed = async (what: string, work: () => Promise<void>): Promise<void> => {
    const started = performance.now();
    await work();
    seconds[what] = Number(((performance.now() - started) / 1000).toFixed(1));
  };
  {
    await using db = await open(directory.path);
    await timed("load", () => load(db));
    await timed("scan", () => expectNewest(db));
    await timed("samples", () => expectSamples(db));
  }
  {
    let db: Db | undefined;
    await timed("reopen", async () => {
      db = await open(directory.path, { createIfMissing: false });
    });
    await using reopened = db!;
    expect(reopened.recovery).toMatchObject({ created: false, clean: true, operations: 0, setAside: [] });
    await timed("scan again", () => expectNewest(reopened));
    await timed("samples again", () => expectSamples(reopened));
  }
  const grown = memory.bytesMax();
  console.info(`1,000,000 entries: ${JSON.stringify(seconds)} s, ${Math.round(grown / 2 ** 20)} MiB more than before`);
  expect(grown).toBeLessThan(MEMORY_BYTES_MAX);
});

/** Version after version of all keys, as time series come in. */
async function load(db: Db): Promise<void> {
  for (let version = 0; version < VERSIONS; version++) {
    for (let first = 0; first < KEYS; first += BATCH_OPERATIONS) {
      const operations = Array.from({ length: BATCH_OPERATIONS }, (_, at) => {
        const key = first + at;
        return { op: "put", key: keyOf(key), value: valueAt(key, version), timestamp: timestampOf(version) } as const;
      });
      const { seq } = await db.write(operations);
      if (seq !== version * KEYS + first + BATCH_OPERATIONS) throw new Error(`a batch has seq ${seq}`);
    }
  }
}

async function expectNewest(db: Db): Promise<void> {
  let key = 0;
  for await (const entry of db.scan()) {
    expectEntry(entry, key, VERSIONS - 1);
    key++;
  }
  expect(key).toBe(KEYS);
}

/** Reads as of all kinds of moments, and whole histories. */
async function expectSamples(db: Db): Promise<void> {
  for (let sample = 0; sample < 20_000; sample++) {
    const key = (sample * 50_021) % KEYS;
    const version = (sample % (VERSIONS + 1)) - 1;
    // Right at the version's timestamp, and right before the next one.
    const asOf = timestampOf(version) + (sample % 2 === 0 ? 0 : STEP - 1);
    const entry = await db.get(keyOf(key), { asOf });
    if (version < 0) expect(entry).toBeUndefined();
    else expectEntry(entry, key, version);
  }
  for (let sample = 0; sample < 2_000; sample++) {
    const key = (sample * 70_001) % KEYS;
    let version = VERSIONS;
    for (const entry of db.history(keyOf(key))) {
      if (entry.deleted) throw new Error(`${entry.key} is deleted at ${entry.timestamp}`);
      expectEntry(entry, key, --version);
    }
    if (version !== 0) throw new Error(`${keyOf(key)} has ${VERSIONS - version} versions`);
  }
}

interface Read {
  readonly key: string;
  readonly timestamp: number;
  readonly seq: number;
  readonly value: Uint8Array;
}

/** Without vitest's own comparison: that takes longer than reading. */
function expectEntry(entry: Read | undefined, key: number, version: number): void {
  const isRight =
    entry !== undefined &&
    entry.key === keyOf(key) &&
    entry.timestamp === timestampOf(version) &&
    entry.seq === version * KEYS + key + 1 &&
    Buffer.compare(entry.value, valueAt(key, version)) === 0;
  if (!isRight) throw new Error(`${keyOf(key)} at ${timestampOf(version)} is ${JSON.stringify(entry)}`);
}

/** How much more memory the process has at most than when this was called. */
function sampleMemory(): { bytesMax(): number } & Disposable {
  const before = process.memoryUsage.rss();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 20);
  return { bytesMax: () => most - before, [Symbol.dispose]: () => clearInterval(timer) };
}
