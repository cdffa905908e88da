import { utf8 } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { repairStore } from "./testing/lived-in-store.ts";
import type { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { openPlainStore } from "./testing/plain-store.ts";
import { TestStore } from "./testing/test-store.ts";

const ROOM = { prefix: "room:" };

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

/** Every key that was ever written, with all that its history lists. */
function histories({ db }: TestStore): string[] {
  return [...db.scan({}, { includeDeleted: true })].map(({ key }) => {
    const versions = [...db.history(key)].map((version) =>
      version.deleted === true ? `${version.timestamp} deleted` : `${version.timestamp} ${text(version.value)}`,
    );
    return `${text(key)}: ${versions.join(", ")}`;
  });
}

/** Ranges deleted before, between and behind versions, and one taken back for a key. */
async function furnish({ db }: TestStore): Promise<string[]> {
  await db.put("hall", "open", { timestamp: 100 });
  await db.put("room:1", "lit", { timestamp: 100 });
  await db.put("room:2", "dark", { timestamp: 100 });
  await db.deleteRange(ROOM, { timestamp: 200 });
  await db.put("room:1", "lit again", { timestamp: 300 });
  await db.retract("room:2", 200);
  await db.deleteRange({ start: "room:3" }, { timestamp: 250 });
  await db.put("room:3", "late", { timestamp: 150 });
  return [
    "hall: 100 open",
    "room:1: 300 lit again, 200 deleted, 100 lit",
    "room:2: 100 dark",
    "room:3: 250 deleted, 200 deleted, 150 late",
  ];
}

async function expectFurnished(store: TestStore, expected: readonly string[]): Promise<void> {
  expect(histories(store)).toEqual(expected);
  const { db } = store;
  expect([...db.scan({})].map(({ key, value }) => `${text(key)} ${text(value)}`)).toEqual([
    "hall open",
    "room:1 lit again",
    "room:2 dark",
  ]);
  expect(db.getSync("room:4", { asOf: 200 })).toBeUndefined();
  expect((await db.verify()).problems).toEqual([]);
}

describe("a deleted range", () => {
  test("is the same in memory, flushed, merged, opened again, in a checkpoint and repaired", async () => {
    const store = await openPlainStore();
    const expected = await furnish(store);
    await expectFurnished(store, expected);
    for (const step of ["flush", "compact", "flush", "compact"] as const) {
      await store.db[step]();
      await expectFurnished(store, expected);
      await store.close();
      await store.open();
      await expectFurnished(store, expected);
    }
    await store.db.checkpoint("copy");
    const { fileSystem, settings, clock } = store;
    const copy = new TestStore({ fileSystem, settings, clock, directory: "copy" });
    await copy.open();
    await expectFurnished(copy, expected);
    await copy.close();
    await store.close();
    await repairStore(store, fileSystem as MemoryFileSystem);
    await store.open();
    await expectFurnished(store, expected);
    // Still for keys that are written only now.
    await store.db.put("room:9", "backdated", { timestamp: 120 });
    expect(store.db.getSync("room:9")).toBeUndefined();
    await store.close();
  });

  test("hides a key that a table's filter says nothing of", async () => {
    const store = await openPlainStore();
    const { db } = store;
    await db.put("room:0", "v", { timestamp: 100 });
    await db.put("room:8", "v", { timestamp: 100 });
    await db.deleteRange(ROOM, { timestamp: 200 });
    await db.flush();
    await db.compact();
    // The range lies with a table that holds neither key, and whose filter knows of neither.
    await db.put("room:4", "older", { timestamp: 150 });
    expect([db.getSync("room:4"), db.getSync("room:5")]).toEqual([undefined, undefined]);
    await db.flush();
    expect([db.getSync("room:4"), db.getSync("room:4", { asOf: 199 })?.text()]).toEqual([undefined, "older"]);
    await expect(db.put("room:5", "v", { ifAbsent: true, timestamp: 180 })).rejects.toMatchObject({ code: "CONFLICT" });
    await store.close();
  });

  test("hides a value below it that would expire, and taken back leaves it to its time", async () => {
    const store = await openPlainStore();
    const { db, clock } = store;
    const now = clock.now();
    await db.put("room:1", "guest", { timestamp: now - 10, expiresAt: now + 1000 });
    await db.deleteRange(ROOM, { timestamp: now - 5 });
    await db.put("room:2", "guest", { timestamp: now - 8, expiresAt: now + 1000 });
    for (const key of ["room:1", "room:2"]) {
      expect(db.getSync(key)).toBeUndefined();
      expect(db.getSync(key, { asOf: now - 6 })?.expiresAt).toBe(now + 1000);
      await db.retract(key, now - 5);
      expect(db.getSync(key)?.expiresAt).toBe(now + 1000);
    }
    clock.advance(1000);
    expect([db.getSync("room:1"), db.getSync("room:2")]).toEqual([undefined, undefined]);
    await store.close();
  });

  test("is taken back for one key, and shows in the history of keys alone that have another version", async () => {
    const store = await openPlainStore();
    const { db } = store;
    await db.put("room:1", "v", { timestamp: 100 });
    await db.put("room:2", "v", { timestamp: 100 });
    await db.deleteRange(ROOM, { timestamp: 200 });
    await db.retract("room:2", 200);
    await db.retract("room:7", 200);
    for (const flushes of [false, true]) {
      if (flushes) await db.compact();
      expect(histories(store)).toEqual(["room:1: 200 deleted, 100 v", "room:2: 100 v"]);
      expect([...db.history("room:7"), ...db.history("room:8")]).toEqual([]);
    }
    // The retract counts for a key without versions too.
    await db.put("room:7", "below", { timestamp: 150 });
    await db.put("room:8", "below", { timestamp: 150 });
    expect([db.getSync("room:7")?.text(), db.getSync("room:8")]).toEqual(["below", undefined]);
    await store.close();
  });

  test("is one operation of the change feed, live and from the log, whatever it covers", async () => {
    const store = await openPlainStore({ feedBytes: 1024 * 1024, feedAgeMs: 3_600_000 });
    const { db } = store;
    for (let i = 0; i < 50; i++) await db.put(`room:${i}`, "v", { timestamp: 100 });
    const { seq: afterSeq } = await db.stats();
    const live = db.watch({ start: "room:3", end: "room:5" })[Symbol.asyncIterator]();
    const next = live.next();
    const { seq } = await db.deleteRange(ROOM, { timestamp: 200 });
    const range = { start: utf8("room:3"), end: utf8("room:5") };
    expect((await next).value).toEqual({ seq, items: [{ op: "deleteRange", range, timestamp: 200, seq }] });
    await live.return?.();
    await db.flush();
    await store.close();
    await store.open();
    const since = store.db.watch({}, { afterSeq })[Symbol.asyncIterator]();
    const whole = { start: utf8("room:"), end: utf8("room;") };
    expect((await since.next()).value).toEqual({
      seq,
      items: [{ op: "deleteRange", range: whole, timestamp: 200, seq }],
    });
    await since.return?.();
    await store.close();
  });

  test("below a horizon that any of its keys has is refused, and one exactly at it is not", async () => {
    const store = await openPlainStore();
    const { db, clock } = store;
    await db.put("room:1", "v", { timestamp: 100 });
    await db.put("hall", "v", { timestamp: 100 });
    const horizon = clock.now() - 60_000_000;
    await db.setRetention("room:", "1m");
    const refused = { code: "HISTORY_TRIMMED", details: { oldestReadable: horizon } };
    for (const range of [ROOM, { prefix: "room:1" }, {}, { start: "h" }]) {
      await expect(db.deleteRange(range, { timestamp: horizon - 1 })).rejects.toMatchObject(refused);
    }
    const batch = [{ op: "deleteRange" as const, ...ROOM, timestamp: horizon - 1 }];
    await expect(db.write(batch)).rejects.toMatchObject(refused);
    expect(db.getSync("room:1")?.text()).toBe("v");
    await db.deleteRange({ prefix: "hall" }, { timestamp: horizon - 1 });
    await db.deleteRange({ start: "room:2", end: "room:1" }, { timestamp: horizon - 1 });
    await db.deleteRange(ROOM, { timestamp: horizon });
    expect([db.getSync("hall"), db.getSync("room:1")]).toEqual([undefined, undefined]);
    await store.close();
  });
});
