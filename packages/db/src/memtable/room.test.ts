import { describe, expect, it } from "vitest";
import { MemtableWriter, type WrittenVersion } from "../testing/memtable-writer.ts";
import { randomBelow } from "../testing/shuffle.ts";
import { Arena } from "./arena.ts";
import { Memtable } from "./memtable.ts";
import { arenaBytesFor } from "./room.ts";

const writer = new MemtableWriter();
const arena = Arena.allocate(2 * 1024 * 1024);
const bytesOf = ({ key, value }: WrittenVersion) => key.length + (value?.length ?? 0);

/** Ways to fill a memtable, the costly ones among them. */
const shapes: [string, (i: number) => WrittenVersion][] = [
  ["new keys", (i) => ({ key: `${(i * 7919) % 1_000_003}`, timestamp: 1, seq: i })],
  ["new keys in order", (i) => ({ key: String(i).padStart(9, "0"), timestamp: 1, seq: i })],
  [
    "three versions a key, the third one outgrowing its chunk",
    (i) => ({ key: `${(i * 31) % 997}`, timestamp: i, seq: i }),
  ],
  ["129 versions a key, the last one outgrowing its chunk", (i) => ({ key: `${i % 40}`, timestamp: i, seq: i })],
  ["one key, in order", (i) => ({ key: "k", timestamp: i, seq: i })],
  ["one key, at random", (i) => ({ key: "k", timestamp: (i * 7919) % 1_000_003, seq: i })],
  ["forty keys, in reverse", (i) => ({ key: `${i % 40}`, timestamp: 1_000_000 - i, seq: i })],
  ["long keys", (i) => ({ key: `${i}`.padStart(3000, "0"), timestamp: 1, seq: i, value: new Uint8Array(i % 7) })],
  [
    "expiring values",
    (i) => ({ key: `${i % 1000}`, timestamp: i, seq: i, expiresAt: i, value: new Uint8Array(i % 300) }),
  ],
];

describe("room", () => {
  it.each(shapes)("that is promised is there: %s", (_, shape) => {
    const below = randomBelow(11);
    let promises = 0;
    for (let round = 0; round < 2; round++) {
      const memtable = Memtable.create(arena);
      let next = 0;
      for (;;) {
        const batch = Array.from({ length: 1 + below(round % 2 === 0 ? 5 : 80) }, () => shape(next++));
        const bytes = batch.reduce((sum, version) => sum + bytesOf(version), 0);
        if (!memtable.hasRoomFor(batch.length, bytes)) break;
        promises++;
        expect(batch.every((version) => writer.insert(memtable, version))).toBe(true);
      }
      expect(memtable.bytesUsed).toBeGreaterThan(0.5 * arena.bytes);
    }
    expect(promises).toBeGreaterThan(4);
  });

  it.each(shapes)("is enough in an arena made to measure: %s", (_, shape) => {
    for (const operations of [1, 2, 1000, 20_000]) {
      const batch = Array.from({ length: operations > 1000 && bytesOf(shape(1)) > 1000 ? 1000 : operations }, (_, i) =>
        shape(i),
      );
      const bytes = batch.reduce((sum, version) => sum + bytesOf(version), 0);
      const memtable = Memtable.create(Arena.allocate(arenaBytesFor(batch.length, bytes)));
      expect(batch.every((version) => writer.insert(memtable, version))).toBe(true);
    }
  });
});
