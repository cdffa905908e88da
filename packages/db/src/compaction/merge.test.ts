import { describe, expect, test } from "vitest";
import { KIND_DELETE, KIND_RETRACT } from "../format/version-record.ts";
import { LayeredStore } from "../testing/layered-store.ts";
import type { WrittenVersion } from "../testing/memtable-writer.ts";
import { storeContents } from "../testing/store-contents.ts";

/** Four of them fill a block. */
const LARGE_BYTES = 4000;

function put(timestamp: number, seq: number, bytes = 1): WrittenVersion {
  return { key: key("k"), timestamp, seq, value: new Uint8Array(bytes) };
}

function retract(timestamp: number, seq: number): WrittenVersion {
  return { key: key("k"), timestamp, seq, kind: KIND_RETRACT };
}

function key(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** What is left of the tables when all are merged: `timestamp#seq` of every version that is visible at some seq. */
async function seqsAt(store: LayeredStore, seqs: readonly number[]): Promise<string[]> {
  const all: string[] = [];
  for (const seq of seqs) {
    const lines = await storeContents(store.reader(seq));
    all.push(lines.map((line) => / @(\d+ #\d+) /.exec(line)![1]!.replace(" ", "")).join(" "));
  }
  return all;
}

async function merged(
  tables: readonly (readonly WrittenVersion[])[],
  pins: readonly number[] = [],
): Promise<{ store: LayeredStore; entries: number; seqFloor: number }> {
  const store = new LayeredStore();
  const numbers = tables.map((versions) => store.addTable(0, versions));
  const result = await store.merge(numbers, { pins });
  const entries = result.tables.reduce((sum, { entryCount }) => sum + entryCount, 0);
  return { store, entries, seqFloor: result.seqFloor };
}

describe("equal timestamps", () => {
  test("over many blocks of one table leave the last one", async () => {
    const versions = Array.from({ length: 41 }, (_, i) => put(5, i + 1, LARGE_BYTES));
    const { store, entries, seqFloor } = await merged([versions]);
    expect(entries).toBe(1);
    expect(seqFloor).toBe(41);
    expect(await seqsAt(store, [41])).toEqual(["5#41"]);
    store.close();
  });

  test("over many blocks of several tables leave the last one, and one for each pin", async () => {
    const tables = [0, 1, 2].map((table) => {
      return Array.from({ length: 20 }, (_, i) => put(5, 3 * i + table + 1, LARGE_BYTES));
    });
    const { store, entries, seqFloor } = await merged(tables, [7, 8, 50]);
    expect(entries).toBe(4);
    expect(seqFloor).toBe(60);
    expect(await seqsAt(store, [7, 8, 50, 60])).toEqual(["5#7", "5#8", "5#50", "5#60"]);
    store.close();
  });

  test("between other timestamps, at the ends of runs", async () => {
    // Blocks end in the midst of the equal ones, behind the first and before the last of them.
    for (let before = 0; before < 6; before++) {
      const versions = [
        ...Array.from({ length: before }, (_, i) => put(i, 1 + i, LARGE_BYTES)),
        ...Array.from({ length: 6 }, (_, i) => put(50, 10 + i, LARGE_BYTES)),
        ...Array.from({ length: 3 }, (_, i) => put(60 + i, 20 + i, LARGE_BYTES)),
      ];
      const { store, entries } = await merged([versions, [put(55, 30)]]);
      expect(entries).toBe(before + 5);
      const own = Array.from({ length: before }, (_, i) => `${i}#${i + 1}`).reverse();
      expect(await seqsAt(store, [30])).toEqual([["62#22", "61#21", "60#20", "55#30", "50#15", ...own].join(" ")]);
      store.close();
    }
  });

  test("with the same seq are one version, found in a log and in a table", async () => {
    const { store, entries, seqFloor } = await merged([
      [put(1, 1), put(2, 2)],
      [put(2, 2), put(3, 3)],
    ]);
    expect(entries).toBe(3);
    expect(seqFloor).toBe(0);
    store.close();
  });
});

describe("retracts", () => {
  test("go with what they hide, where nothing outside can hold it", async () => {
    const { store, entries, seqFloor } = await merged([[put(1, 1), put(2, 2)], [retract(2, 3)]]);
    expect(entries).toBe(1);
    expect(seqFloor).toBe(3);
    expect(await seqsAt(store, [3])).toEqual(["1#1"]);
    store.close();
  });

  test("stay while an older table outside may hold it", async () => {
    const store = new LayeredStore();
    store.addTable(1, [put(2, 2)]);
    const young = store.addTable(0, [retract(2, 3)]);
    expect((await store.merge([young])).tables).toMatchObject([{ retractCount: 1 }]);
    expect(await seqsAt(store, [2, 3])).toEqual(["2#2", ""]);
    const all = store.levels().flat();
    expect((await store.merge(all.map(({ number }) => number))).tables).toEqual([]);
    store.close();
  });

  test("stay, with what they hide, for a pin between the two", async () => {
    const { store, entries } = await merged([[put(2, 2)], [retract(2, 5)]], [3]);
    expect(entries).toBe(2);
    expect(await seqsAt(store, [3, 5])).toEqual(["2#2", ""]);
    store.close();
  });

  test("that a later write revives go, and the write stays", async () => {
    const { store, entries } = await merged([[put(2, 2), retract(2, 5), put(2, 7)]]);
    expect(entries).toBe(1);
    expect(await seqsAt(store, [7])).toEqual(["2#7"]);
    store.close();
  });

  test("of a key with nothing else leave no key", async () => {
    const other = { key: key("z"), timestamp: 1, seq: 9, value: new Uint8Array(1) };
    const { store, entries } = await merged([[put(2, 2), retract(2, 3), other]]);
    expect(entries).toBe(1);
    expect(store.levels().flat()).toMatchObject([{ keyCount: 1, smallest: key("z"), largest: key("z") }]);
    store.close();
  });
});

describe("what stays", () => {
  test("are tombstones: a backdated write may come", async () => {
    const { store, entries } = await merged([
      [put(1, 1)],
      [{ key: key("k"), timestamp: 9, seq: 2, kind: KIND_DELETE }],
    ]);
    expect(entries).toBe(2);
    expect(await seqsAt(store, [2])).toEqual(["9#2 1#1"]);
    store.close();
  });

  test("is cut into tables by size, a key's versions always in one", async () => {
    const store = new LayeredStore();
    const versions = ["a", "b", "c"].flatMap((name, at) => {
      return Array.from({ length: 20 }, (_, i) => ({
        key: key(name),
        timestamp: i,
        seq: at * 100 + i + 1,
        value: new Uint8Array(LARGE_BYTES),
      }));
    });
    const number = store.addTable(0, versions);
    const { tables } = await store.merge([number], { tableBytesMax: 100, outputLevel: 2 });
    expect(tables.map(({ smallest, largest, entryCount }) => [smallest, largest, entryCount])).toEqual(
      ["a", "b", "c"].map((name) => [key(name), key(name), 20]),
    );
    expect(store.levels()[2]).toHaveLength(3);
    store.close();
  });
});
