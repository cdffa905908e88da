import { isKvtsError, utf8 } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { InlineRunner } from "../compaction/runner.ts";
import type { FileSystem } from "../env/file-system.ts";
import { FaultFileSystem } from "../testing/fault-file-system.ts";
import { HeldRunner } from "../testing/held-runner.ts";
import { MemoryFileSystem } from "../testing/memory-file-system.ts";
import { openPlainStore } from "../testing/plain-store.ts";
import type { TestStore } from "../testing/test-store.ts";
import type { StoreSettings } from "../testing/tiny-options.ts";

const KEY = utf8("key");

function put(store: TestStore, value: string, timestamp: number): Promise<{ lastSeq: number }> {
  return store.submit([{ op: "put", key: KEY, value: utf8(value), timestamp }]);
}

async function storeWithHeldRunner(
  settings: Partial<StoreSettings> = {},
  fileSystem: FileSystem = new MemoryFileSystem(),
): Promise<{ store: TestStore; runner: HeldRunner }> {
  let runner: HeldRunner | undefined;
  const store = await openPlainStore(settings, {
    fileSystem,
    runner: (files, scheduler) => (runner = new HeldRunner(new InlineRunner(files, scheduler))),
  });
  return { store, runner: runner! };
}

/**
 * What a snapshot shows after a flush that drops its version, where it was taken at the given call to the file system in
 * the flush; undefined where there were not so many.
 */
async function snapshotDuringFlush(call: number): Promise<string | undefined> {
  const fileSystem = new MemoryFileSystem();
  const store = await openPlainStore({}, { fileSystem });
  const { lastSeq } = await put(store, "first", 1);
  await put(store, "second", 1);
  let calls = 0;
  let taken: (() => string) | undefined;
  fileSystem.onCall = () => {
    if (++calls !== call) return;
    try {
      const snapshot = store.db.snapshot({ seq: lastSeq });
      taken = () => snapshot.getSync(KEY)?.text() ?? "nothing";
    } catch (error) {
      taken = () => (isKvtsError(error) ? error.code : String(error));
    }
  };
  await store.db.flush();
  const outcome = taken?.();
  await store.close();
  return outcome;
}

describe("a version that a merge drops", () => {
  test("is kept for a snapshot taken at any moment, or the snapshot is refused", async () => {
    const outcomes: string[] = [];
    for (let call = 1; ; call++) {
      const outcome = await snapshotDuringFlush(call);
      if (outcome === undefined) break;
      outcomes.push(outcome);
    }
    expect(outcomes.length).toBeGreaterThan(5);
    expect([...new Set(outcomes)]).toEqual(["first", "CURSOR_EXPIRED"]);
  });

  test("is never there again once it has been dropped", async () => {
    const store = await openPlainStore();
    const { lastSeq } = await put(store, "first", 1);
    await put(store, "second", 1);
    await store.db.flush();
    await store.close();
    await store.open();
    expect(() => store.db.snapshot({ seq: lastSeq })).toThrow("no longer kept whole");
    await store.close();
  });

  test("stays for a snapshot that was taken while the merge ran: it is done again", async () => {
    const { store, runner } = await storeWithHeldRunner();
    const { lastSeq } = await put(store, "first", 1);
    await put(store, "second", 1);
    runner.hold();
    const flushed = store.db.flush();
    await store.nextTurn();
    const snapshot = store.db.snapshot({ seq: lastSeq });
    runner.letGo();
    await flushed;
    expect(snapshot.getSync(KEY)?.text()).toBe("first");
    expect(store.db.getSync(KEY)?.text()).toBe("second");
    expect((await store.db.stats()).seqFloor).toBe(0);
    await snapshot.close();
    await store.db.compact();
    expect((await store.db.stats()).seqFloor).toBe(lastSeq + 1);
    expect((await store.db.stats()).tables).toMatchObject({ entries: 1 });
    await store.close();
  });
});

describe("a store that closes", () => {
  test("refuses the merge that waits behind the one that runs", async () => {
    const { store, runner } = await storeWithHeldRunner();
    await put(store, "first", 1);
    await store.db.flush();
    runner.hold();
    const running = store.db.compact();
    await store.nextTurn();
    const waiting = store.db.compact();
    await store.nextTurn();
    const closed = store.close();
    runner.letGo();
    await running;
    await expect(waiting).rejects.toMatchObject({ code: "CLOSED" });
    await closed;
  });
});

describe("a merge that is cut short by a crash", () => {
  test("leaves nothing behind, however many file numbers it was given", async () => {
    const fileSystem = new MemoryFileSystem();
    // Every key is to have a table of its own, so that a job is given far more numbers than a manifest has to spare.
    const tuning = { tables: { tableBytesMax: 1, compression: "none" } } as const;
    const { store, runner } = await storeWithHeldRunner({ tuning }, fileSystem);
    await put(store, "first", 1);
    await store.db.flush();
    runner.hold();
    const merged = store.db.compact();
    for (let turn = 0; turn < 3; turn++) await store.nextTurn();
    await put(store, "second", 2);
    const flushed = store.db.flush();
    for (let turn = 0; turn < 3; turn++) await store.nextTurn();
    const images: MemoryFileSystem[] = [];
    fileSystem.onCall = ({ kind, path }) => {
      if (kind === "write" && path.endsWith(".sst")) images.push(fileSystem.crash(() => true));
    };
    runner.letGo();
    await Promise.all([merged, flushed]);
    await store.close();
    expect(images.length).toBeGreaterThan(1);
    for (const image of images) {
      const after = await openPlainStore({ tuning }, { fileSystem: image });
      expect(after.db.recovery.setAside).toEqual([]);
      await after.close();
      expect(image.exists("d/lost")).toBe(false);
    }
  });
});

describe("tables that overlap nothing", () => {
  test("change level as they are, and are found there after a restart", async () => {
    const fileSystem = new MemoryFileSystem();
    const picker = { level0Tables: 2, level1BytesMax: 1, levelFactor: 1, pickBytesMax: 1024 * 1024 };
    const store = await openPlainStore({ tuning: { picker, restMs: 0 } }, { fileSystem });
    for (const name of ["a", "b", "c"]) {
      await store.submit([{ op: "put", key: utf8(name), value: utf8(name), timestamp: 1 }]);
      await store.db.flush();
    }
    for (let turn = 0; turn < 50; turn++) await store.nextTurn();
    const { background, tables } = await store.db.stats();
    expect(background).toMatchObject({ compactions: 0 });
    expect((background as { moves: number }).moves).toBeGreaterThan(5);
    // The last level has no bound.
    expect((tables as { levels: { tables: number }[] }).levels.map((level) => level.tables)).toEqual([
      1, 0, 0, 0, 0, 0, 2,
    ]);
    await store.close();
    await store.open();
    expect([...store.db.scan()].map(({ key }) => new TextDecoder().decode(key))).toEqual(["a", "b", "c"]);
    await store.close();
    expect(fileSystem.openPaths).toEqual([]);
  });
});

describe("a store at rest", () => {
  const TURNS = 200;

  async function counts(store: TestStore): Promise<{ level0: number; compactions: number }> {
    const { background, tables } = await store.db.stats();
    const { levels } = tables as { levels: { tables: number }[] };
    return { level0: levels[0]!.tables, compactions: (background as { compactions: number }).compactions };
  }

  test("merges the one table that it has flushed into what is below", async () => {
    const store = await openPlainStore();
    for (const timestamp of [1, 2]) {
      await put(store, "value", timestamp);
      await store.db.flush();
      for (let turn = 0; turn < TURNS; turn++) await store.nextTurn();
      expect(await counts(store)).toEqual({ level0: 0, compactions: timestamp - 1 });
    }
    await store.close();
  });

  test("flushes a memtable that is a quarter full, once nobody writes", async () => {
    const store = await openPlainStore({ memtableBytes: 256 * 1024 });
    const value = new Uint8Array(1024);
    const puts = Array.from({ length: 100 }, (_, timestamp) => ({ op: "put" as const, key: KEY, value, timestamp }));
    await store.submit(puts);
    expect((await store.db.stats()).background).toMatchObject({ flushes: 0 });
    for (let turn = 0; turn < TURNS; turn++) await store.nextTurn();
    const { background } = await store.db.stats();
    expect(background).toMatchObject({ flushes: 1, moves: 1 });
    await store.close();
  });

  test("keeps a memtable that is emptier", async () => {
    const store = await openPlainStore({ memtableBytes: 256 * 1024 });
    await store.submit([{ op: "put", key: KEY, value: new Uint8Array(1024), timestamp: 1 }]);
    for (let turn = 0; turn < TURNS; turn++) await store.nextTurn();
    expect((await store.db.stats()).background).toMatchObject({ flushes: 0 });
    await store.close();
  });

  test("begins nothing while somebody writes", async () => {
    const store = await openPlainStore();
    await put(store, "first", 1);
    await store.db.flush();
    for (let turn = 0; turn < TURNS; turn++) {
      await put(store, "more", turn);
      await store.nextTurn();
    }
    expect(await counts(store)).toEqual({ level0: 1, compactions: 0 });
    await store.close();
  });

  test("leaves level 0 alone where that is asked for, and closes while it waits", async () => {
    const never = await openPlainStore({ tuning: { restMs: 0 } });
    await put(never, "value", 1);
    await never.db.flush();
    for (let turn = 0; turn < TURNS; turn++) await never.nextTurn();
    expect(await counts(never)).toEqual({ level0: 1, compactions: 0 });
    await never.close();
    const waiting = await openPlainStore({ tuning: { restMs: 1e9 } });
    await put(waiting, "value", 1);
    await waiting.db.flush();
    await waiting.close();
  });
});

test("whoever waits for a flush is told that a failed sync has left it in vain", async () => {
  const disk = new FaultFileSystem(new MemoryFileSystem(), { kinds: new Set(["sync"]) });
  const { store, runner } = await storeWithHeldRunner({ tuning: { frozenMemtablesMax: 3 } }, disk);
  await put(store, "first", 1);
  runner.hold();
  const flushed = store.db.flush();
  await store.nextTurn();
  disk.fault = { at: disk.calls + 1, code: "EIO" };
  // It fills a memtable and goes on in the next; then its sync fails, and what it has filled must not be flushed.
  const { state } = await store.submit(
    Array.from({ length: 40 }, (_, i) => ({ op: "put", key: KEY, value: new Uint8Array(8000), timestamp: i + 2 })),
  );
  expect(state).toBe("unknown");
  const refused = expect(flushed).rejects.toMatchObject({ code: "READ_ONLY" });
  runner.letGo();
  await refused;
  await expect(store.db.flush()).rejects.toMatchObject({ code: "READ_ONLY" });
  await store.close();
});
