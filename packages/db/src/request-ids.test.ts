import { isKvtsError, type Operation, utf8, type WriteResult } from "@kvts/common";
import { describe, expect, test } from "vitest";
import type { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { openPlainStore } from "./testing/plain-store.ts";
import { storeContents } from "./testing/store-contents.ts";
import { TestStore } from "./testing/test-store.ts";
import type { StoreSettings } from "./testing/tiny-options.ts";

const KEY = utf8("k");
const MINUTE = 60_000_000;

/** Small enough that a few dozen writes fill memory, rotate logs and merge tables. */
const SETTINGS: StoreSettings = {
  keys: "bytes",
  compression: "none",
  memtableBytes: 256 * 1024,
  blockCacheBytes: 64 * 1024,
  tuning: { logSegmentBytes: 4096, manifestBytesMax: 1000, tables: { tableBytesMax: 4000, compression: "none" } },
};

async function codeOf(write: Promise<WriteResult>): Promise<string> {
  try {
    await write;
    return "written";
  } catch (error) {
    if (!isKvtsError(error)) throw error;
    return error.code;
  }
}

async function idFiles(store: TestStore): Promise<string[]> {
  return (store.fileSystem as MemoryFileSystem).list("d").filter((name) => name.endsWith(".ids"));
}

describe("a write that is sent again under its request id", () => {
  test("happens once, and gets the first answer", async () => {
    const store = await openPlainStore();
    const first = await store.db.put(KEY, "a", { requestId: "r" });
    await store.db.put(KEY, "b");
    store.clock.advance(MINUTE);
    expect(await store.db.put(KEY, "a", { requestId: "r" })).toEqual(first);
    expect((await store.db.get(KEY))?.text()).toBe("b");
    expect(await storeContents(store.db)).toHaveLength(2);
    await store.close();
  });

  test("while the first is under way, happens once too", async () => {
    const store = await openPlainStore();
    const batch: Operation[] = [
      { op: "put", key: KEY, value: "a" },
      { op: "delete", key: KEY, timestamp: 5 },
    ];
    const results = await Promise.all(Array.from({ length: 10 }, () => store.db.write(batch, { requestId: "r" })));
    expect(new Set(results.map(({ seq, timestamp }) => `${seq} ${timestamp}`)).size).toBe(1);
    expect(results[0]?.seq).toBe(2);
    expect(await storeContents(store.db)).toHaveLength(2);
    await store.close();
  });

  test("is not judged again: its conditions held the first time", async () => {
    const store = await openPlainStore();
    const first = await store.db.put(KEY, "a", { requestId: "r", ifAbsent: true });
    expect(await store.db.put(KEY, "a", { requestId: "r", ifAbsent: true })).toEqual(first);
    expect(await codeOf(store.db.put(KEY, "a", { requestId: "s", ifAbsent: true }))).toBe("CONFLICT");
    await store.close();
  });

  test("once its value has expired gets the first answer too; a new write of such a value is refused", async () => {
    const store = await openPlainStore();
    const expiresAt = store.clock.now() + MINUTE;
    const put = (requestId: string) => store.db.put(KEY, "a", { expiresAt, requestId });
    const batch: Operation[] = [
      { op: "delete", key: "other" },
      { op: "put", key: KEY, value: "b", expiresAt },
    ];
    const first = await put("r");
    const firstBatch = await store.db.write(batch, { requestId: "batch" });
    store.clock.advance(2 * MINUTE);
    expect(await put("r")).toEqual(first);
    expect(await store.db.write(batch, { requestId: "batch" })).toEqual(firstBatch);
    expect(await codeOf(put("s"))).toBe("INVALID_ARGUMENT");
    expect(await codeOf(store.db.put(KEY, "a", { expiresAt }))).toBe("INVALID_ARGUMENT");
    expect(await codeOf(store.db.write(batch, { requestId: "another" }))).toBe("INVALID_ARGUMENT");
    expect(await codeOf(store.db.write(batch))).toBe("INVALID_ARGUMENT");
    expect((await store.db.put(KEY, "c")).seq).toBe(firstBatch.seq + 1);
    await store.close();
  });

  test("after a refusal is judged anew: nothing has happened yet", async () => {
    const store = await openPlainStore();
    const { seq } = await store.db.put(KEY, "a");
    const again = () => store.db.put(KEY, "b", { requestId: "r", ifAbsent: true });
    expect(await codeOf(again())).toBe("CONFLICT");
    await store.db.delete(KEY);
    const { seq: written } = await again();
    expect(written).toBe(seq + 2);
    expect((await again()).seq).toBe(written);
    await store.close();
  });

  test("after ten minutes is a new write", async () => {
    const store = await openPlainStore();
    const first = await store.db.put(KEY, "a", { requestId: "r" });
    store.clock.advance(10 * MINUTE);
    expect(await store.db.put(KEY, "a", { requestId: "r" })).toEqual(first);
    store.clock.advance(1);
    expect((await store.db.put(KEY, "a", { requestId: "r" })).seq).toBe(first.seq + 1);
    expect(await codeOf(store.db.put(KEY, "other", { requestId: "r" }))).toBe("INVALID_ARGUMENT");
    await store.close();
  });
});

describe("the same id with other content is refused", () => {
  const put: Operation = { op: "put", key: "k", value: "value", timestamp: 100, expiresAt: 200 };
  const others: [string, Operation[], object?][] = [
    ["another value", [{ ...put, value: "valuf" }]],
    ["a longer value", [{ ...put, value: "value " }]],
    ["another key", [{ ...put, key: "K" }]],
    ["another timestamp", [{ ...put, timestamp: 101 }]],
    ["an assigned timestamp", [{ op: "put", key: "k", value: "value", expiresAt: 2_000_000_000 }]],
    ["another expiry", [{ ...put, expiresAt: 201 }]],
    ["no expiry", [{ op: "put", key: "k", value: "value", timestamp: 100 }]],
    ["another kind", [{ op: "delete", key: "k", timestamp: 100 }]],
    ["one more operation", [put, put]],
    ["a condition", [put], { preconditions: [{ key: "k", ifSeq: 1 }] }],
  ];

  test.each(others)("%s", async (_, operations, options = {}) => {
    const store = await openPlainStore();
    const first = await store.db.write([put], { requestId: "r" });
    const error = await store.db.write(operations, { requestId: "r", ...options }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", details: { requestId: "r" } });
    expect(await storeContents(store.db)).toHaveLength(1);
    expect(await store.db.put("k", "value", { timestamp: 100, expiresAt: 200, requestId: "r" })).toEqual(first);
    await store.close();
  });

  test("also another condition, and no condition", async () => {
    const store = await openPlainStore();
    await store.db.put(KEY, "a", { requestId: "r", ifAbsent: true });
    expect(await codeOf(store.db.put(KEY, "a", { requestId: "r" }))).toBe("INVALID_ARGUMENT");
    expect(await codeOf(store.db.put(KEY, "a", { requestId: "r", ifSeq: 1 }))).toBe("INVALID_ARGUMENT");
    await store.close();
  });
});

describe("request ids outlast", () => {
  /** Writes with ids, each of more than a log segment, and memory written to tables in between. */
  async function fill(store: TestStore, count: number): Promise<WriteResult[]> {
    const results: WriteResult[] = [];
    for (let i = 0; i < count; i++) {
      results.push(await store.db.put(`key ${i}`, "x".repeat(3000), { requestId: `request ${i}` }));
      if (i % 3 === 2) await store.db.flush();
    }
    return results;
  }

  async function expectRemembered(store: TestStore, results: readonly WriteResult[]): Promise<void> {
    const before = await storeContents(store.db);
    for (const [i, result] of results.entries()) {
      expect(await store.db.put(`key ${i}`, "x".repeat(3000), { requestId: `request ${i}` })).toEqual(result);
    }
    expect(await codeOf(store.db.put("key 0", "other", { requestId: "request 0" }))).toBe("INVALID_ARGUMENT");
    expect(await storeContents(store.db)).toEqual(before);
  }

  test("flushes, recycled logs, merges and restarts", async () => {
    const store = await openPlainStore(SETTINGS);
    const results = await fill(store, 40);
    await store.db.compact();
    await expectRemembered(store, results);
    const files = await idFiles(store);
    expect(files.length).toBeGreaterThan(0);
    expect(files.length).toBeLessThanOrEqual(9);
    for (let restarts = 0; restarts < 3; restarts++) {
      await store.close();
      await store.open();
      await expectRemembered(store, results);
    }
    await store.close();
  });

  test("a killed process", async () => {
    const store = await openPlainStore(SETTINGS);
    const results = await fill(store, 20);
    const killed = (store.fileSystem as MemoryFileSystem).crash(() => true);
    await store.close();
    const after = new TestStore({ settings: SETTINGS, fileSystem: killed });
    await after.open();
    await expectRemembered(after, results);
    await after.close();
  });

  test("their files go once their ten minutes are over", async () => {
    const store = await openPlainStore(SETTINGS);
    await fill(store, 20);
    expect((await idFiles(store)).length).toBeGreaterThan(0);
    store.clock.advance(11 * MINUTE);
    await store.db.put("last", "x");
    await store.db.flush();
    expect(await idFiles(store)).toEqual([]);
    expect(await store.db.stats()).toMatchObject({ requestIds: { count: 0, files: 0 } });
    await store.close();
    await store.open();
    await store.close();
  });
});

test("more ids than are kept: the oldest are forgotten, and memory and files stay bounded", async () => {
  const tuning = { ...SETTINGS.tuning, logSegmentBytes: 1024 * 1024, requestIdsMax: 1024 };
  const store = await openPlainStore({ ...SETTINGS, tuning });
  for (let round = 0; round < 30; round++) {
    const writes = Array.from({ length: 200 }, (_, i) => {
      return store.db.put(`key ${i}`, "v", { timestamp: round, requestId: `${round}/${i}` });
    });
    await Promise.all(writes);
    await store.db.flush();
  }
  const { requestIds } = await store.db.stats();
  expect(requestIds).toMatchObject({ count: 1024, bytes: 1024 * 52 });
  const fileSystem = store.fileSystem as MemoryFileSystem;
  const names = await idFiles(store);
  expect(names.length).toBeLessThanOrEqual(9);
  const bytes = names.reduce((sum, name) => sum + fileSystem.open(`d/${name}`).size, 0);
  expect(bytes).toBeLessThan(2 * 1024 * 40 + 10 * 40 + 200 * 40);
  const again = await store.db.put("key 0", "v", { timestamp: 0, requestId: "0/0" });
  expect(again.seq).toBe(6001);
  await store.close();
});

test("with buffered durability a power cut takes no id's answer for a write that it has lost", async () => {
  const store = await openPlainStore({ ...SETTINGS, durability: "buffered" });
  await store.db.put("flushed", "x".repeat(3000), { requestId: "a" });
  const flushed = store.db.flush();
  await store.db.put("lost", "x", { requestId: "b" });
  await flushed;
  const cut = (store.fileSystem as MemoryFileSystem).crash(() => false);
  await store.close();
  const after = new TestStore({ settings: SETTINGS, fileSystem: cut });
  await after.open();
  await after.db.put("flushed", "x".repeat(3000), { requestId: "a" });
  await after.db.put("lost", "x", { requestId: "b" });
  expect((await after.db.get("lost"))?.text()).toBe("x");
  expect(await storeContents(after.db)).toHaveLength(2);
  await after.close();
});
