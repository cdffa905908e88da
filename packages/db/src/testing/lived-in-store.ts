import { Buffer } from "node:buffer";
import { InlineRunner } from "../compaction/runner.ts";
import type { FileSystem } from "../env/file-system.ts";
import { successor } from "../read/scan.ts";
import type { RepairReport } from "../repair/report.ts";
import { type RepairOptions, repair } from "../repair.ts";
import type { MemoryFileSystem } from "./memory-file-system.ts";
import { openPlainStore } from "./plain-store.ts";
import type { Random } from "./random.ts";
import { contentsDifference, modelContents, storeContents } from "./store-contents.ts";
import { type TestOperation, TestStore, type TestStoreOptions } from "./test-store.ts";
import type { StoreSettings } from "./tiny-options.ts";

const KIB = 1024;
const KEYS = 40;
/** Few, so that versions replace each other at their very timestamp. */
const TIMESTAMPS = 30;

/** Small tables, several levels, logs of several segments. */
const SETTINGS: StoreSettings = {
  keys: "bytes",
  compression: "none",
  memtableBytes: 256 * KIB,
  blockCacheBytes: 64 * KIB,
  tuning: {
    logSegmentBytes: 8 * KIB,
    tables: { tableBytesMax: 8 * KIB, compression: "none" },
    picker: { level0Tables: 2, level1BytesMax: 64 * KIB, levelFactor: 4, pickBytesMax: 1024 * KIB },
  },
};

/** A store with tables in several levels, whose merges have dropped something, and with logs that no table covers. */
export async function livedInStore(
  random: Random,
  rounds = 4,
  options: Partial<TestStoreOptions> = {},
): Promise<TestStore> {
  const store = await openPlainStore(SETTINGS, options);
  for (let round = 0; round < rounds; round++) {
    await writeSome(store, random, 60);
    await store.db.flush();
  }
  await store.db.compact();
  for (let round = 0; round < 3; round++) {
    await writeSome(store, random, 40);
    if (round < 2) await store.db.flush();
  }
  await rested(store);
  return store;
}

/** Turns without anything done in the background after which there is nothing left to do. */
const IDLE_TURNS = 20;

/** Waits until the store flushes and merges nothing of itself any more. */
async function rested(store: TestStore): Promise<void> {
  let done = "";
  for (let idle = 0; idle < IDLE_TURNS; idle++) {
    await store.nextTurn();
    const { background } = await store.db.stats();
    if (JSON.stringify(background) === done) continue;
    done = JSON.stringify(background);
    idle = 0;
  }
}

/** Writes of all kinds. */
export async function writeSome(store: TestStore, random: Random, batches: number): Promise<void> {
  for (let i = 0; i < batches; i++) {
    const operations = random.chance(0.1)
      ? [i % 3 === 0 ? deleteRange(random) : retract(random)]
      : Array.from({ length: random.between(1, 4) }, () => operation(random));
    const { state, error } = await store.submit(operations);
    if (state !== "acknowledged") throw new Error("a write was refused", { cause: error });
  }
}

function operation(random: Random): TestOperation {
  const key = keyOf(random);
  const given = random.chance(0.3) ? {} : { timestamp: random.below(TIMESTAMPS) };
  if (random.chance(0.15)) return { op: "delete", key, ...given };
  const value = random.bytes(random.chance(0.05) ? 10_000 : random.below(200));
  return { op: "put", key, value, ...given };
}

function retract(random: Random): TestOperation {
  return { op: "retract", key: keyOf(random), timestamp: random.below(TIMESTAMPS) };
}

function deleteRange(random: Random): TestOperation {
  const start = keyOf(random);
  const timestamp = random.below(TIMESTAMPS);
  // At an assigned timestamp one key alone, or little would be left.
  return timestamp % 4 === 0
    ? { op: "deleteRange", start, end: successor(start) }
    : { op: "deleteRange", start, timestamp };
}

function keyOf(random: Random): Uint8Array {
  return new Uint8Array(Buffer.from(`key-${random.below(KEYS)}`));
}

/** Ends the process that has a store open, as SIGKILL does. Returns the disk as it leaves it. */
export async function kill(store: TestStore): Promise<MemoryFileSystem> {
  const after = (store.fileSystem as MemoryFileSystem).crash(() => true);
  await store.abandon().close();
  return after;
}

/** Repairs a store's directory on a file system. */
export async function repairStore(store: TestStore, fileSystem: FileSystem): Promise<RepairReport> {
  return await repair(store.directory, repairOptions(store, fileSystem));
}

function repairOptions(store: TestStore, fileSystem: FileSystem): RepairOptions {
  const scheduler = { delay: async () => {}, nextTurn: async () => {}, monotonicMs: () => 0 };
  return {
    ...SETTINGS,
    components: {
      fileSystem,
      clock: store.clock,
      scheduler,
      runner: new InlineRunner(fileSystem, scheduler),
      randomBytes: () => new Uint8Array(16).fill(9),
    },
  };
}

/** Opens a store on a file system, and lists in what it differs from its model. */
export async function differenceAfterOpen(store: TestStore, fileSystem: FileSystem): Promise<string[]> {
  await store.open(fileSystem);
  return contentsDifference(await storeContents(store.db), modelContents(store.model));
}

/** Levels that are never too full. */
const UNMERGED = { level0Tables: 1_000_000, level1BytesMax: 2 ** 40, levelFactor: 10, pickBytesMax: 2 ** 40 };

/**
 * The same store as another that was killed, to be opened on one of several disks that it may have left. It merges
 * nothing of itself: what is missing afterwards was removed by opening it.
 */
export function successorOf(store: TestStore, fileSystem: FileSystem): TestStore {
  const { clock, batches } = store;
  const settings = { ...SETTINGS, tuning: { ...SETTINGS.tuning, picker: UNMERGED } };
  return new TestStore({ settings, fileSystem, clock, batches });
}
