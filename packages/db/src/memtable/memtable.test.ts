import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KeyBuffer } from "../format/key-buffer.ts";
import { KIND_DELETE, KIND_PUT, KIND_RETRACT, NUMBER_MAX } from "../format/version-record.ts";
import { ABSENT, VersionRun } from "../format/version-run.ts";
import { assertAsOf, assertHolds, assertSeeks, groupsOf } from "../testing/memtable-check.ts";
import { MemtableWriter, memtableOf, type WrittenVersion } from "../testing/memtable-writer.ts";
import { shuffled } from "../testing/shuffle.ts";
import { Arena } from "./arena.ts";
import { Memtable } from "./memtable.ts";

const KIB = 1024;
// One arena for all runs, so that each finds what the ones before it left behind.
const arena = Arena.allocate(1024 * KIB);
const writer = new MemtableWriter();

const tail = fc.array(fc.constantFrom(0, 1, 97, 98, 128, 255), { minLength: 1, maxLength: 6 });
const keyBytes = fc
  .tuple(fc.constantFrom(0, 0, 8, 256), tail)
  .map(([shared, end]) => Uint8Array.from([...new Array<number>(shared).fill(120), ...end]));
const moment = fc.oneof(
  fc.integer({ min: 0, max: 5 }),
  fc.integer({ min: 2 ** 32 - 3, max: 2 ** 32 + 3 }),
  fc.constant(NUMBER_MAX),
);
const versionOf = (key: fc.Arbitrary<Uint8Array>): fc.Arbitrary<WrittenVersion> =>
  fc.record({
    key,
    timestamp: moment,
    seq: moment,
    kind: fc.constantFrom(KIND_PUT, KIND_PUT, KIND_DELETE, KIND_RETRACT),
    value: fc.uint8Array({ maxLength: 9 }),
    expiresAt: fc.option(moment, { nil: undefined }),
  });
const versionsOf = (key: fc.Arbitrary<Uint8Array>) =>
  fc.uniqueArray(versionOf(key), {
    selector: (version) => `${version.key}@${version.timestamp}@${version.seq}`,
    minLength: 1,
    maxLength: 400,
  });

describe("a memtable against a sorted array", () => {
  it("holds what was inserted, in any order, duplicates once", () => {
    fc.assert(
      fc.property(versionsOf(keyBytes), fc.array(keyBytes), (written, probes) => {
        const memtable = memtableOf(arena, written);
        for (const { key, timestamp, seq } of shuffled(written)) {
          expect(writer.insert(memtable, { key, timestamp, seq, value: new Uint8Array(7) })).toBe(true);
        }
        assertHolds(memtable, written);
        assertSeeks(memtable, written, [...probes, ...written.map(({ key }) => key)]);
      }),
      { numRuns: 150 },
    );
  });

  it("answers as-of reads", () => {
    const key = Uint8Array.of(107);
    fc.assert(
      fc.property(versionsOf(fc.constant(key)), fc.array(moment), (written, moments) => {
        assertAsOf(memtableOf(arena, written), key, groupsOf(written)[0]!.versions, moments);
      }),
      { numRuns: 100 },
    );
  });

  it("is empty at first", () => {
    const memtable = Memtable.create(arena);
    assertHolds(memtable, []);
    assertSeeks(memtable, [], ["\0", "a"]);
    expect(memtable.minTimestamp).toBeGreaterThan(NUMBER_MAX);
    expect(memtable.minSeq).toBeGreaterThan(NUMBER_MAX);
    expect([memtable.maxTimestamp, memtable.maxSeq]).toEqual([-1, -1]);
    const key = new KeyBuffer();
    key.set("a");
    expect(memtable.latest(key, new VersionRun())).toBe(ABSENT);
    expect(memtable.locate(key, 0, 0, new VersionRun())).toBe(ABSENT);
  });
});

describe("a full arena", () => {
  const shapes: [string, (i: number) => WrittenVersion][] = [
    ["small values", (i) => ({ key: `key${i % 1000}`, timestamp: i, seq: i, value: new Uint8Array(i % 100) })],
    ["many keys", (i) => ({ key: `${i}`, timestamp: 1, seq: i })],
    ["one key, backdated", (i) => ({ key: "k", timestamp: (i * 7919) % 100_003, seq: i })],
    ["longest keys", (i) => ({ key: `${i}`.padEnd(65_535, "k"), timestamp: 1, seq: i })],
    ["longest inline values", (i) => ({ key: `${i}`, timestamp: 1, seq: i, value: new Uint8Array(8 * KIB).fill(i) })],
    ["expiring", (i) => ({ key: `${i % 9}`, timestamp: 5, seq: i, expiresAt: i, value: new Uint8Array(11) })],
    [
      "mixed",
      (i) => ({ key: "m".repeat(1 + ((i * 37) % 900)), timestamp: i % 50, seq: i, value: new Uint8Array(i % 4000) }),
    ],
  ];
  it.each(shapes)("refuses and stays as it is: %s", (_, shape) => {
    const small = Arena.allocate(256 * KIB);
    const memtable = Memtable.create(small);
    const written: WrittenVersion[] = [];
    for (let i = 0, refused = 0; refused < 20; i++) {
      const before = Buffer.from(small.u8);
      const version = shape(i);
      if (writer.insert(memtable, version)) written.push(version);
      else {
        refused++;
        expect(Buffer.compare(before, small.u8)).toBe(0);
      }
    }
    expect(written.length).toBeGreaterThan(1);
    expect(memtable.bytesUsed).toBeLessThanOrEqual(small.bytes);
    assertHolds(memtable, written);
  });

  it("still takes a version that is there already", () => {
    const memtable = Memtable.create(Arena.allocate(256 * KIB));
    let next = 0;
    const version = (i: number) => ({ key: "k", timestamp: i, seq: i, value: new Uint8Array(500) });
    while (writer.insert(memtable, version(next))) next++;
    expect(writer.insert(memtable, version(next - 1))).toBe(true);
    expect(memtable.entryCount).toBe(next);
  });
});

describe("arenas", () => {
  it.each([0, 256 * KIB - 8, 256 * KIB + 4])("of %d bytes are refused", (bytes) => {
    expect(() => Memtable.create(new SharedArrayBuffer(bytes))).toThrow(/arena has \d+ bytes; give it a multiple of 8/);
  });

  it("that nobody formatted are refused", () => {
    expect(() => Memtable.attach({ arena: new SharedArrayBuffer(256 * KIB), slabs: [] })).toThrow(/MT3/);
  });
});
