import { utf8 } from "@kvts/common";
import { afterEach, describe, expect, test } from "vitest";
import { LayeredStore } from "../testing/layered-store.ts";
import type { WrittenVersion } from "../testing/memtable-writer.ts";
import { Random } from "../testing/random.ts";

const TABLES = 12;
const KEYS = 20;
const VERSIONS = 1200;
const value = new Uint8Array(100);

let store: LayeredStore;
afterEach(() => store.close());

/** So many versions of each key, in any order, over tables that overlap. Answers the newest timestamp by key. */
function fill(keys: number, versions: number): Map<string, number> {
  store = new LayeredStore(64 * 1024 * 1024);
  const random = new Random(7);
  const tables: WrittenVersion[][] = Array.from({ length: TABLES }, () => []);
  const newest = new Map<string, number>();
  for (let index = 0; index < keys; index++) {
    const key = `key${String(index).padStart(4, "0")}`;
    for (let version = 0; version < versions; version++) {
      random.pick(tables).push({ key, timestamp: index * 7 + version * 1000, seq: version + 1, value });
    }
    newest.set(key, index * 7 + (versions - 1) * 1000);
  }
  for (const [at, table] of tables.entries()) if (table.length > 0) store.addTable(at === 0 ? 1 : 0, table);
  return newest;
}

/** Blocks that the newest versions of all keys have been looked for in, for each key. */
function blocksRead(newest: ReadonlyMap<string, number>): number {
  const reader = store.reader(VERSIONS + 1);
  const before = store.blockLookups;
  for (const [key, timestamp] of newest) expect(reader.getSync(utf8(key))?.timestamp).toBe(timestamp);
  return (store.blockLookups - before) / newest.size;
}

describe("a get of the newest version, versions lying in any order in twelve tables", () => {
  test("looks into few blocks where keys have many versions", () => {
    const looks = blocksRead(fill(KEYS, VERSIONS));
    expect(looks).toBeGreaterThanOrEqual(1);
    // 1 + 1/2 + 1/3 + … is what is to be expected: a table is read where it beats all before it.
    expect(looks).toBeLessThan(TABLES / 2);
  });

  test("finds it where blocks hold many keys too", () => {
    expect(blocksRead(fill(200, 6))).toBeGreaterThanOrEqual(1);
  });

  test("finds the newest up to a moment, whatever it is", () => {
    fill(3, VERSIONS);
    const reader = store.reader(VERSIONS + 1);
    for (let version = 0; version < VERSIONS; version += 37) {
      expect(reader.getSync(utf8("key0002"), { asOf: 14 + version * 1000 + 999 })?.timestamp).toBe(14 + version * 1000);
    }
  });
});
