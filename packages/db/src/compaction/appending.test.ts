import { expect, test } from "vitest";
import { ARENA_BYTES_MIN, Arena } from "../memtable/arena.ts";
import { memtableOf } from "../testing/memtable-writer.ts";
import { flushedKeys, keysApart } from "./appending.ts";

const KEYS = new TextEncoder();
const span = (smallest: string, largest: string) => ({
  smallest: KEYS.encode(smallest),
  largest: KEYS.encode(largest),
});
const FULL = { bytes: 32 << 20, keyCount: 1000, entryCount: 10_000 };
const TABLES = [span("a", "m"), span("c", "f")];

function apart(tables: readonly ReturnType<typeof span>[], flushed: Parameters<typeof keysApart>[1]): string[] {
  return keysApart(tables, flushed).map((key) => new TextDecoder().decode(key));
}

test.each([
  ["goes on with the last key of all", span("m", "z"), {}, ["m", "z"]],
  ["begins behind it", span("n", "z"), {}, ["z"]],
  ["begins before it", span("l", "z"), {}, []],
  ["has one version of most keys", span("m", "z"), { entryCount: 1400 }, ["m"]],
  ["is small", span("m", "z"), { bytes: 1000 }, []],
  ["has one key only", span("m", "m"), { keyCount: 1 }, []],
])("a flush that %s", (_, keys, differences, expected) => {
  expect(apart(TABLES, { ...keys, ...FULL, ...differences })).toEqual(expected);
});

test("the first flush of a store has nothing to go on with", () => {
  expect(apart([], { ...span("a", "z"), ...FULL })).toEqual([]);
});

test("a memtable's ends are its least and its greatest key", () => {
  const versions = ["b", "aaaaa", "c", "b"].map((key, at) => ({ key, timestamp: at, seq: at + 1 }));
  const memtable = memtableOf(Arena.allocate(ARENA_BYTES_MIN), versions);
  expect(flushedKeys(memtable)).toEqual({
    ...span("aaaaa", "c"),
    bytes: memtable.bytesUsed,
    keyCount: 3,
    entryCount: 4,
  });
});
