import { describe, expect, it } from "vitest";
import { KeyBuffer } from "../format/key-buffer.ts";
import { ABSENT, VersionRun } from "../format/version-run.ts";
import { assertHolds, assertSeeks } from "../testing/memtable-check.ts";
import { memtableOf } from "../testing/memtable-writer.ts";
import { randomBelow, shuffled } from "../testing/shuffle.ts";
import { Arena } from "./arena.ts";

const arena = Arena.allocate(16 * 1024 * 1024);

const versionsOf = (keys: readonly string[]) => keys.map((key, i) => ({ key, timestamp: i, seq: i }));

describe("keys in order", () => {
  const orders: [string, (keys: string[]) => string[]][] = [
    ["in order", (keys) => keys],
    ["in reverse", (keys) => keys.toReversed()],
    ["at random", (keys) => shuffled(keys)],
  ];
  const cases = [0, 8, 256].flatMap((shared) => orders.map(([name, arrange]) => ({ shared, name, arrange })));
  it.each(cases)("that share their first $shared bytes, inserted $name", ({ shared, arrange }) => {
    const beginning = "s".repeat(shared);
    const keys = Array.from({ length: 6000 }, (_, i) => beginning + String(i * 7).padStart(6, "0"));
    const written = versionsOf(arrange(keys));
    const memtable = memtableOf(arena, written);
    assertHolds(memtable, written);
    const below = randomBelow(shared + 1);
    const probes = Array.from({ length: 300 }, () => beginning + String(below(43_000)).padStart(6, "0"));
    assertSeeks(memtable, written, [...probes, "a", "~"]);
  });

  it("that share their first 65,000 bytes", () => {
    const keys = Array.from({ length: 220 }, (_, i) => "k".repeat(65_000) + "x".repeat(i % 5) + i);
    const written = versionsOf(shuffled(keys));
    const memtable = memtableOf(arena, written);
    assertHolds(memtable, written);
    assertSeeks(memtable, written, [...keys.slice(0, 40), "k".repeat(64_999), "k".repeat(65_001)]);
  });

  it("that are prefixes of one another", () => {
    const keys = Array.from({ length: 300 }, (_, i) => "p".repeat(i + 1));
    const written = versionsOf(shuffled(keys));
    const memtable = memtableOf(arena, written);
    assertHolds(memtable, written);
    assertSeeks(memtable, written, [...keys, "p".repeat(301)]);
  });

  it("that differ only in trailing NULs", () => {
    const keys = Array.from({ length: 300 }, (_, i) => `a${"\0".repeat(i)}`);
    const written = versionsOf(shuffled(keys));
    const memtable = memtableOf(arena, written);
    assertHolds(memtable, written);
    assertSeeks(memtable, written, [...keys, "\0"]);
    const longer = new KeyBuffer();
    longer.set(`a${"\0".repeat(300)}`);
    expect(memtable.latest(longer, new VersionRun())).toBe(ABSENT);
  });

  it("whose subtrees share long beginnings", () => {
    const keys = Array.from({ length: 5000 }, (_, i) => `tenant-${"abcdefgh"[i % 8]}/collection/documents/${i}`);
    const written = versionsOf(shuffled(keys));
    const memtable = memtableOf(arena, written);
    assertHolds(memtable, written);
    const probes = keys.slice(0, 200).flatMap((key) => [key.slice(0, 9), key.slice(0, -1), `${key}0`, `${key}\0`]);
    assertSeeks(memtable, written, probes);
  });

  it("leave full nodes behind when they come in order", () => {
    const before = memtableOf(arena, []).bytesUsed;
    const bytes = (keys: string[]) => memtableOf(arena, versionsOf(keys)).bytesUsed - before;
    const keys = Array.from({ length: 20_000 }, (_, i) => String(i).padStart(8, "0"));
    // Node, key, first chunk; a leaf entry has 3 words, and everything above it little more than none.
    expect(bytes(keys)).toBeLessThan(20_000 * (4 * (7 + 2 + 12 + 3) * 1.1));
    expect(bytes(keys)).toBeLessThan(bytes(shuffled(keys)));
  });
});
