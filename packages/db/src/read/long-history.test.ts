import type { Version } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { LayeredStore } from "../testing/layered-store.ts";
import type { WrittenVersion } from "../testing/memtable-writer.ts";

const KEY = new TextEncoder().encode("key with a past");
const NEIGHBOURS = ["key", "key with a past\0", "zebra"].map((name) => new TextEncoder().encode(name));
const COUNT = 1200;

/** A key with versions at 0, 10, 20 …, taken in turn by three tables and a memtable, some blocks long in each. */
function storeWithHistory(): LayeredStore {
  const layers = Array.from({ length: 4 }, (): WrittenVersion[] => []);
  for (let i = 0; i < COUNT; i++) {
    // Stretches of seven, so that a layer's turn comes and goes.
    layers[Math.floor(i / 7) % 4]!.push({ key: KEY, timestamp: i * 10, seq: i + 1, value: new Uint8Array(300) });
  }
  const neighbours = NEIGHBOURS.map((key, i) => ({ key, timestamp: 5, seq: COUNT + i + 1, value: key }));
  const store = new LayeredStore();
  store.addTable(2, [...layers[0]!, ...neighbours]);
  store.addTable(1, [...layers[1]!, ...neighbours]);
  store.addTable(0, layers[2]!);
  store.addMemtable(layers[3]!);
  return store;
}

const TIMESTAMPS: readonly number[] = Array.from({ length: COUNT }, (_, i) => i * 10);

function timestampsOf(versions: readonly Version<Uint8Array>[]): number[] {
  return versions.map(({ timestamp }) => timestamp);
}

describe("the history of a key with many versions in many layers", () => {
  test.each([
    ["oldest first", true],
    ["newest first", false],
  ])("is whole, %s, at once and with every block missing", async (_, reverse) => {
    const store = storeWithHistory();
    const reader = store.reader(COUNT + 10);
    const expected = reverse ? TIMESTAMPS : TIMESTAMPS.toReversed();
    expect(timestampsOf(await reader.history(KEY, { reverse }).toArray())).toEqual(expected);
    expect(timestampsOf([...reader.history(KEY, { reverse })])).toEqual(expected);
    store.close();
  });

  test("may be taken in pieces of any size, from any moment to any other", async () => {
    const store = storeWithHistory();
    const reader = store.reader(COUNT + 10);
    for (const [from, to, piece] of [
      [0, 0, 1],
      [1, 9, 3],
      [65, 75, 1],
      [2000, 9995, 11],
      [11_990, 99_999, 2],
    ] as const) {
      for (const reverse of [false, true]) {
        const entries = reader.history(KEY, { from, to, reverse });
        const found: number[] = [];
        for (let part = await entries.nextv(piece); part.length > 0; part = await entries.nextv(piece)) {
          expect(part.length).toBeLessThanOrEqual(piece);
          found.push(...timestampsOf(part));
        }
        const within = TIMESTAMPS.filter((timestamp) => timestamp >= from && timestamp <= to);
        expect(found).toEqual(reverse ? within : within.toReversed());
      }
    }
    store.close();
  });

  test("does not show what its seq does not know", async () => {
    const store = storeWithHistory();
    for (const seq of [0, 1, 500, COUNT]) {
      expect(await store.reader(seq).history(KEY).toArray()).toHaveLength(seq);
      expect([...store.reader(seq).history(KEY, { limit: 5 })]).toHaveLength(Math.min(seq, 5));
    }
    store.close();
  });

  test("is stepped over by scans, in both directions", async () => {
    const store = storeWithHistory();
    const names = ["key", "key with a past", "key with a past\0", "zebra"];
    for (const reverse of [false, true]) {
      const expected = reverse ? names.toReversed() : names;
      const reader = store.reader(COUNT + 10);
      const found = [await reader.scan({}, { reverse }).toArray(), [...reader.scan({}, { reverse })]];
      for (const entries of found) expect(entries.map(({ key }) => new TextDecoder().decode(key))).toEqual(expected);
    }
    const old = await store
      .reader(COUNT + 10)
      .scan({}, { asOf: 4 })
      .toArray();
    expect(old.map(({ timestamp }) => timestamp)).toEqual([0]);
    store.close();
  });

  test("is read by many at the same time through four frames", async () => {
    const store = storeWithHistory();
    const reader = store.reader(COUNT + 10);
    const all = await Promise.all(
      Array.from({ length: 12 }, async (_, i) => {
        if (i % 3 === 0) return (await reader.get(KEY, { asOf: i * 900 + 5 }))?.timestamp === i * 900;
        if (i % 3 === 1) return (await reader.history(KEY, { reverse: i % 2 === 0 }).toArray()).length === COUNT;
        return (await reader.scan({}, { reverse: i % 2 === 0, asOf: i * 900 }).toArray()).length === 4;
      }),
    );
    expect(all).toEqual(all.map(() => true));
    store.close();
  });
});
