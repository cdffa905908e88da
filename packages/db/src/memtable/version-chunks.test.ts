import { describe, expect, it } from "vitest";
import { NUMBER_MAX } from "../format/version-record.ts";
import { assertAsOf, assertHolds, assertVersions, groupsOf } from "../testing/memtable-check.ts";
import { MemtableWriter, memtableOf } from "../testing/memtable-writer.ts";
import { randomBelow, shuffled } from "../testing/shuffle.ts";
import { Arena } from "./arena.ts";

const arena = Arena.allocate(8 * 1024 * 1024);
const key = new TextEncoder().encode("deep");
const ascending = Array.from({ length: 20_000 }, (_, i) => i);
const below = randomBelow(3);

describe("20,000 versions of one key", () => {
  const late = ascending.map((i) => ({ i, arrives: i + below(20) }));
  const orders: [string, number[]][] = [
    ["in order", ascending],
    ["in reverse", ascending.toReversed()],
    ["at random", shuffled(ascending)],
    ["a little late", late.sort((a, b) => a.arrives - b.arrives).map(({ i }) => i)],
    ["from both ends", ascending.map((i) => (i % 2 === 0 ? i / 2 : 19_999 - (i - 1) / 2))],
    ["outwards from the middle", ascending.map((i) => (i % 2 === 0 ? 10_000 + i / 2 : 10_000 - (i + 1) / 2))],
  ];
  it.each(orders)("%s", (_, order) => {
    const written = order.map((i) => ({ key, timestamp: 2 ** 32 - 50_000 + i * 5, seq: i }));
    const neighbours = ["a", "z"].map((key) => ({ key, timestamp: 0, seq: 0 }));
    const memtable = memtableOf(arena, [...neighbours, ...written]);
    const { versions } = groupsOf(written)[0]!;
    assertVersions(memtable, key, versions);
    const moments = Array.from({ length: 200 }, () => 2 ** 32 - 50_050 + below(100_100));
    assertAsOf(memtable, key, versions, [0, NUMBER_MAX, ...moments]);
  });

  it("at one timestamp, seqs at random", () => {
    const written = shuffled(ascending).map((seq) => ({ key, timestamp: 42, seq }));
    const memtable = memtableOf(arena, written);
    const writer = new MemtableWriter();
    expect(written.every((version) => writer.insert(memtable, version))).toBe(true);
    assertHolds(memtable, written);
    assertAsOf(memtable, key, groupsOf(written)[0]!.versions, [41, 42, 43]);
  });

  it.each([orders[0]!, orders[1]!, orders[3]!])("leave well-filled chunks behind: %s", (_, order) => {
    const before = memtableOf(arena, []).bytesUsed;
    const memtable = memtableOf(
      arena,
      order.map((i) => ({ key, timestamp: i, seq: i })),
    );
    expect(memtable.bytesUsed - before).toBeLessThan(20_000 * 24 * 1.2);
  });
});

describe("outgrown chunks", () => {
  it("serve other keys", () => {
    const before = memtableOf(arena, []).bytesUsed;
    const versions = (keys: number, each: number) =>
      Array.from({ length: keys * each }, (_, i) => ({ key: `key ${Math.floor(i / each)}`, timestamp: i, seq: i }));
    const one = memtableOf(arena, versions(1, 64)).bytesUsed - before;
    const written = versions(500, 64);
    const memtable = memtableOf(arena, written);
    assertHolds(memtable, written);
    // Alone, a key that grows to 64 versions leaves chunks of 2 to 32 behind, nearly as much again.
    expect(memtable.bytesUsed - before).toBeLessThan(500 * one * 0.65);
  });
});
