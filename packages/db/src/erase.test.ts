import { type EraseProgress, utf8 } from "@kvts/common";
import { afterEach, describe, expect, test } from "vitest";
import { InlineRunner } from "./compaction/runner.ts";
import { HeldRunner } from "./testing/held-runner.ts";
import type { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { openPlainStore } from "./testing/plain-store.ts";
import { Random } from "./testing/random.ts";
import { filesWith } from "./testing/raw-bytes.ts";
import { TestStore, type TestStoreOptions } from "./testing/test-store.ts";
import type { StoreSettings } from "./testing/tiny-options.ts";

const KEY = "person:4711-Zwiebelkuchen";
const PLAIN = "Geheimnis ".repeat(20);
const NOISE: Uint8Array = new Random(99).bytes(300);
const LONG: Uint8Array = new Random(98).bytes(40_000);
/** What must be in no file: the key, and the first bytes of each value. */
const SECRETS: readonly Uint8Array[] = [
  utf8(KEY),
  utf8(PLAIN.slice(0, 40)),
  NOISE.subarray(0, 12),
  NOISE.subarray(200, 212),
  LONG.subarray(0, 12),
  LONG.subarray(20_000, 20_012),
];

const opened: TestStore[] = [];

async function openStore(settings: Partial<StoreSettings> = {}, options: Partial<TestStoreOptions> = {}) {
  const store = await openPlainStore(settings, options);
  opened.push(store);
  return store;
}

afterEach(async () => {
  for (const store of opened.splice(0)) await store.db.close();
});

/** The files of a store in which a secret stands. */
function leaks({ fileSystem, directory }: TestStore): string[] {
  return filesWith(fileSystem as MemoryFileSystem, directory, SECRETS);
}

/** Puts the secrets into level 1 and below, level 0, and memory. */
async function writeSecrets({ db }: TestStore): Promise<void> {
  const around = async (round: number): Promise<void> => {
    for (let n = 0; n < 40; n++) await db.put(`person:${4700 + n}`, `round ${round}`);
  };
  await around(0);
  await db.put(KEY, PLAIN, { timestamp: 10 });
  await db.put(KEY, LONG, { timestamp: 11 });
  await db.compact();
  await around(1);
  await db.put(KEY, NOISE, { timestamp: 12 });
  await db.delete(KEY, { timestamp: 13 });
  await db.flush();
  await around(2);
  await db.put(KEY, PLAIN, { timestamp: 14 });
  await db.put(KEY, LONG, { timestamp: 15 });
}

/** Turns until nothing is in force any more. */
async function finished(store: TestStore): Promise<void> {
  for (let turns = 0; turns < 20_000; turns++) {
    const { erasures } = await store.db.stats();
    if ((erasures as { inForce: number }).inForce === 0) return;
    await store.nextTurn();
  }
  throw new Error("the erasure does not come to its end");
}

describe("what is erased", () => {
  test.each([0, 64 * 1024 * 1024])(
    "is in no byte of any file, and everything else is as it was (feed of %d bytes)",
    async (feedBytes) => {
      const store = await openStore({ feedBytes });
      await writeSecrets(store);
      expect(leaks(store).length).toBeGreaterThanOrEqual(3);
      const phases: string[] = [];
      const done = await store.db.erase({ key: KEY }, { onProgress: ({ phase }) => void phases.push(phase) });
      expect(leaks(store)).toEqual([]);
      expect([...new Set(phases)]).toEqual(["hiding", "memory", "tables", "log", "files"]);
      expect(done.removed).toBe(6);
      expect(store.db.getSync(KEY)).toBeUndefined();
      expect([...store.db.history(KEY)]).toEqual([]);
      expect([...store.db.scan()].length).toBe(40);
      expect((await store.db.verify()).problems).toEqual([]);
    },
  );
});

test("a dry run counts what is in tables and memory, and changes no byte", async () => {
  const store = await openStore();
  await writeSecrets(store);
  const { fileSystem, directory, db } = store;
  const files = fileSystem.list(directory);
  const counted = await db.erase({ key: KEY }, { dryRun: true });
  expect(counted).toMatchObject({ removed: 6, tablesRewritten: 2, setAside: [], checkpoints: [] });
  expect(counted.bytesRewritten).toBeGreaterThan(40_000);
  expect(await db.erase({ prefix: "person:" }, { dryRun: true })).toMatchObject({ removed: 6 + 3 * 40 });
  expect(await db.erase({ prefix: "nobody" }, { dryRun: true })).toMatchObject({ removed: 0, tablesRewritten: 0 });
  expect(fileSystem.list(directory)).toEqual(files);
  expect(db.getSync(KEY)?.value.length).toBe(40_000);
  const erased = await db.erase({ key: KEY });
  expect([erased.removed, erased.seq]).toEqual([counted.removed, counted.seq]);
});

describe("an erasure hides at once", () => {
  test("from snapshots, histories, diffs and conditions, while its bytes are still there", async () => {
    let runner: HeldRunner | undefined;
    const store = await openStore(
      {},
      { runner: (fs, scheduler) => (runner = new HeldRunner(new InlineRunner(fs, scheduler))) },
    );
    const { db } = store;
    await writeSecrets(store);
    await db.put("person:4711", "stays");
    const snapshot = db.snapshot();
    runner!.hold();
    let isDone = false;
    const phases: string[] = [];
    const erased = db.erase({ key: KEY }, { onProgress: ({ phase }) => void phases.push(phase) }).then((result) => {
      isDone = true;
      return result;
    });
    while (!phases.includes("memory")) await store.nextTurn();
    const { seq } = await db.stats();
    expect(snapshot.getSync(KEY)).toBeUndefined();
    expect(snapshot.getSync(KEY, { asOf: 12 })).toBeUndefined();
    expect([...snapshot.history(KEY, { reverse: true })]).toEqual([]);
    expect(await db.diff({}, { from: 5, to: 13 }).toArray()).toEqual([]);
    expect(await snapshot.scan({ prefix: KEY }, { includeDeleted: true }).toArray()).toEqual([]);
    expect(await db.scan({ prefix: KEY }, { reverse: true, includeDeleted: true }).toArray()).toEqual([]);
    await db.put(KEY, "new", { ifAbsent: true, timestamp: 20 });
    await db.put(KEY, "backdated", { timestamp: 11 });
    expect(isDone).toBe(false);
    expect(leaks(store).length).toBeGreaterThan(0);
    runner!.letGo();
    expect((await erased).seq).toBe(seq);
    expect([...db.history(KEY)].map(({ timestamp }) => timestamp)).toEqual([20, 11]);
    expect(db.getSync(KEY, { asOf: 19 })?.text()).toBe("backdated");
    expect(snapshot.getSync("person:4711")?.text()).toBe("stays");
    snapshot.close();
    await db.compact();
    expect(db.getSync(KEY, { asOf: 19 })?.text()).toBe("backdated");
    expect(filesWith(store.fileSystem as MemoryFileSystem, store.directory, SECRETS.slice(1))).toEqual([]);
  });

  test("a range of every key leaves an empty store, and two at once are carried out together", async () => {
    const store = await openStore();
    await writeSecrets(store);
    const [first, second] = await Promise.all([store.db.erase({ prefix: "person:471" }), store.db.erase({})]);
    expect(second.seq).toBe(first.seq + 1);
    expect([...store.db.scan({}, { includeDeleted: true })]).toEqual([]);
    expect(leaks(store)).toEqual([]);
    expect((await store.db.stats()).tables).toMatchObject({ count: 0 });
  });

  test("writes go on meanwhile, and everything that is not erased stays", async () => {
    const store = await openStore({ tuning: { logSegmentBytes: 8192 } });
    await writeSecrets(store);
    const { db } = store;
    const erased = db.erase({ key: KEY });
    let written = 0;
    let isDone = false;
    const writer = (async () => {
      for (; !isDone && written < 5000; written++) await db.put(`other:${written}`, `${written}`);
    })();
    await erased;
    isDone = true;
    await writer;
    expect(leaks(store)).toEqual([]);
    expect([...db.scan({ prefix: "other:" })].length).toBe(written);
    expect([...db.scan({ prefix: "person:" })].length).toBe(40);
  });
});

describe("an erasure that a crash cuts short", () => {
  test.each([1, 0.5, 0])(
    "stays in force from the moment it was, is finished by the next opening, and nothing else is lost (coin %d)",
    { timeout: 240_000 },
    async (share) => {
      const random = new Random(40 + share * 10);
      const store = await openStore({ feedBytes: share === 1 ? 0 : 64 * 1024 * 1024 });
      await writeSecrets(store);
      const { db, directory } = store;
      const fs = store.fileSystem as MemoryFileSystem;
      const images: { fileSystem: MemoryFileSystem; isHidden: boolean }[] = [];
      let isHidden = false;
      fs.onCall = () => {
        images.push({ fileSystem: fs.crash(share === 1 ? () => true : random.fork().coin(share)), isHidden });
      };
      const onProgress = ({ phase }: EraseProgress): void => {
        isHidden = phase !== "hiding";
      };
      await db.erase({ key: KEY }, { onProgress });
      fs.onCall = undefined;
      images.push({ fileSystem: fs.crash(() => false), isHidden: true });
      expect(images.length).toBeGreaterThan(25);
      const others = await db.scan({ prefix: "person:47" }).toArray();
      const outcomes: boolean[] = [];
      for (const [at, image] of images.entries()) {
        const after = new TestStore({ settings: store.settings, fileSystem: image.fileSystem, clock: store.clock });
        await after.open();
        const isGone = after.db.getSync(KEY) === undefined;
        outcomes.push(isGone);
        if (image.isHidden) expect([at, isGone]).toEqual([at, true]);
        if (isGone) expect([...after.db.history(KEY)]).toEqual([]);
        else expect([...after.db.history(KEY)].length).toBe(6);
        const found = await after.db.scan({ prefix: "person:47" }).toArray();
        expect(found.filter(({ key }) => key.length < 12).map((entry) => [entry.seq, entry.text()])).toEqual(
          others.map((entry) => [entry.seq, entry.text()]),
        );
        await finished(after);
        if (isGone) expect([at, filesWith(image.fileSystem, directory, SECRETS)]).toEqual([at, []]);
        await after.close();
      }
      // A process that is killed leaves what it has handed to the system.
      if (share === 0) expect(outcomes.indexOf(true)).toBeGreaterThan(0);
      expect(outcomes.at(-1)).toBe(true);
    },
  );
});
