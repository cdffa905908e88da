import { utf8 } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { KIND_DELETE, KIND_RETRACT } from "../format/version-record.ts";
import { LayeredStore } from "../testing/layered-store.ts";
import type { WrittenVersion } from "../testing/memtable-writer.ts";
import { openPlainStore } from "../testing/plain-store.ts";

const put = (key: string, timestamp: number, seq: number, expiresAt?: number): WrittenVersion => {
  return {
    key: utf8(key),
    timestamp,
    seq,
    value: utf8(`${key}${timestamp}#${seq}`),
    ...(expiresAt !== undefined && { expiresAt }),
  };
};
const del = (key: string, timestamp: number, seq: number): WrittenVersion => ({
  key: utf8(key),
  timestamp,
  seq,
  kind: KIND_DELETE,
});
const retract = (key: string, timestamp: number, seq: number): WrittenVersion => ({
  key: utf8(key),
  timestamp,
  seq,
  kind: KIND_RETRACT,
});

function diff(store: LayeredStore, from: number, to: number, seq = 100): string[] {
  const changes = [...store.reader(seq).diff({}, { from, to })];
  return changes.map(({ kind, before, after }) => `${kind} ${before?.text() ?? "-"} ${after?.text() ?? "-"}`);
}

describe("a diff", () => {
  test("looks behind the layers that changed for what was there before", () => {
    const store = new LayeredStore();
    store.addTable(1, [put("a", 10, 1), put("b", 10, 2), put("c", 10, 3)]);
    store.addTable(0, [put("b", 20, 4), put("d", 20, 5), del("c", 20, 6)]);
    store.addMemtable([put("b", 30, 7)]);
    expect(diff(store, 10, 20)).toEqual(["changed b10#2 b20#4", "removed c10#3 -", "added - d20#5"]);
    expect(diff(store, 10, 30)).toEqual(["changed b10#2 b30#7", "removed c10#3 -", "added - d20#5"]);
    expect(diff(store, 9, 10)).toEqual(["added - a10#1", "added - b10#2", "added - c10#3"]);
    expect(diff(store, 20, 20)).toEqual([]);
    expect(diff(store, 10, 20, 4)).toEqual(["changed b10#2 b20#4"]);
    store.close();
  });

  test("lists nothing for a tombstone over nothing, or a value that is retracted", () => {
    const store = new LayeredStore();
    store.addTable(1, [put("b", 20, 2)]);
    store.addTable(0, [del("a", 20, 1), retract("b", 20, 5), put("c", 15, 3), del("c", 20, 4)]);
    expect(diff(store, 10, 20)).toEqual([]);
    store.close();
  });

  test("tells an expiry between its moments, in whatever layer the value lies", () => {
    const store = new LayeredStore();
    // The retract makes the older value the visible one, and only that expires.
    store.addTable(2, [put("a", 5, 1, 15), put("b", 5, 2, 15), put("c", 5, 3, 40)]);
    store.addTable(1, [put("b", 7, 4)]);
    store.addTable(0, [retract("b", 7, 5)]);
    store.addMemtable([put("d", 5, 6, 20), put("e", 12, 7, 18)]);
    expect(diff(store, 10, 20)).toEqual(["removed a5#1 -", "removed b5#2 -", "removed d5#6 -"]);
    expect(diff(store, 10, 15)).toEqual(["removed a5#1 -", "removed b5#2 -", "added - e12#7"]);
    expect(diff(store, 15, 19)).toEqual(["removed e12#7 -"]);
    store.close();
  });

  test("that begins where a value expires at that very moment does not know it", () => {
    const store = new LayeredStore();
    store.addTable(1, [put("a", 5, 1, 10), put("a", 12, 2)]);
    expect(diff(store, 10, 12)).toEqual(["added - a12#2"]);
    expect(diff(store, 9, 12)).toEqual(["changed a5#1 a12#2"]);
    store.close();
  });
});

test("long values of both sides come whole, at once and with promises, over more than a batch", async () => {
  const store = await openPlainStore({ memtableBytes: 8 * 1024 * 1024 });
  const long = (byte: number) => new Uint8Array(10_000).fill(byte);
  const keys = Array.from({ length: 300 }, (_, i) => utf8(`k${String(i).padStart(3, "0")}`));
  await store.db.write(keys.map((key) => ({ op: "put", key, value: long(1), timestamp: 10 })));
  await store.db.flush();
  await store.db.write(keys.map((key) => ({ op: "put", key, value: long(2), timestamp: 20 })));
  const moments = { from: 10, to: 20 };
  for (const changes of [[...store.db.diff({}, moments)], await store.db.diff({}, moments).toArray()]) {
    expect(changes).toHaveLength(300);
    for (const { before, after } of changes) {
      expect([before!.value, after!.value]).toEqual([long(1), long(2)]);
    }
  }
  expect(await store.db.diff({ prefix: "k29" }, { ...moments, limit: 7 }).toArray()).toHaveLength(7);
  await store.db.close();
});

test("the last minute of a large store is found without reading the rest", async () => {
  const store = await openPlainStore({ memtableBytes: 256 * 1024, tuning: { restMs: 0 } });
  const value = new Uint8Array(100).fill(97);
  for (let batch = 0; batch < 40; batch++) {
    const operations = Array.from({ length: 500 }, (_, i) => {
      return {
        op: "put",
        key: utf8(`k${String((i * 40 + batch) % 20_000).padStart(6, "0")}`),
        value,
        timestamp: 1000,
      } as const;
    });
    await store.db.write(operations);
  }
  await store.db.compact();
  await store.db.write([{ op: "put", key: utf8("k000007"), value, timestamp: 60_000 }]);
  const misses = async () => ((await store.db.stats()).blockCache as { misses: number }).misses;
  const before = await misses();
  expect(await store.db.diff({}, { from: 59_000, to: 60_000 }).toArray()).toMatchObject([{ kind: "changed" }]);
  // The one block in which the key's older version lies.
  expect((await misses()) - before).toBeLessThanOrEqual(1);
  await store.db.close();
});

test("goes on behind the longest keys there are", async () => {
  const store = await openPlainStore({ memtableBytes: 16 * 1024 * 1024 });
  const keys = Array.from({ length: 20 }, (_, i) => new Uint8Array(65_535).fill(i + 1));
  for (const key of keys) await store.db.put(key, "v", { timestamp: 10 });
  await store.db.compact();
  const changes = await store.db.diff({}, { from: 0, to: 10 }).toArray();
  expect(changes.map(({ key }) => key[0])).toEqual(keys.map((key) => key[0]));
  await store.db.close();
});
