import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareKeys, KeyBuffer } from "../format/key-buffer.ts";
import {
  findVersion,
  HIGH_WORD_MAX,
  highWord,
  joinWords,
  KIND_DELETE,
  KIND_MASK,
  KIND_PUT,
  KIND_RETRACT,
  LOW_WORD_MAX,
  lowWord,
  META,
  META_EXPIRES,
  META_EXTENT,
  META_LENGTH_SHIFT,
  NUMBER_MAX,
  POINTER,
  SEQ_HI,
  SEQ_LO,
  TS_LO,
  VERSION_WORDS,
} from "../format/version-record.ts";
import { ABSENT, BlockDemand, FOUND, VersionRun } from "../format/version-run.ts";
import { MemtableWriter, type WrittenVersion } from "../testing/memtable-writer.ts";
import { Arena } from "./arena.ts";
import { Memtable } from "./memtable.ts";

const MIB = 1024 * 1024;
const demand = new BlockDemand(true);
const writer = new MemtableWriter();

type Stored = Required<WrittenVersion> & { readonly key: Uint8Array };

/** What a memtable should hold: one sorted array. */
class Model {
  readonly versions: Stored[] = [];

  constructor(written: readonly WrittenVersion[]) {
    const seen = new Set<string>();
    for (const { key, timestamp, seq, kind = KIND_PUT, value = new Uint8Array(0), expiresAt } of written) {
      const bytes = typeof key === "string" ? Buffer.from(key) : key;
      const id = `${Buffer.from(bytes).toString("latin1")}@${timestamp}@${seq}`;
      if (seen.has(id)) continue;
      seen.add(id);
      this.versions.push({ key: bytes, timestamp, seq, kind, value, expiresAt });
    }
    this.versions.sort((a, b) => Buffer.compare(a.key, b.key) || a.timestamp - b.timestamp || a.seq - b.seq);
  }

  /** Versions by key, keys ascending. */
  groups(): { key: Uint8Array; versions: Stored[] }[] {
    const groups: { key: Uint8Array; versions: Stored[] }[] = [];
    for (const version of this.versions) {
      const last = groups.at(-1);
      if (last !== undefined && Buffer.compare(last.key, version.key) === 0) last.versions.push(version);
      else groups.push({ key: version.key, versions: [version] });
    }
    return groups;
  }
}

function keyOf(bytes: Uint8Array | string): KeyBuffer {
  const key = new KeyBuffer();
  key.set(bytes);
  return key;
}

function readRecord(memtable: Memtable, run: VersionRun, index: number): Omit<Stored, "key"> {
  const { i32 } = run;
  const at = run.first + index * VERSION_WORDS;
  const meta = i32[at + META]!;
  const length = meta >>> META_LENGTH_SHIFT;
  const pointer = run.base + i32[at + POINTER]!;
  const expires = (meta & META_EXPIRES) !== 0;
  const offset = pointer + (expires ? 8 : 0);
  return {
    timestamp: joinWords(i32[at]!, i32[at + TS_LO]!),
    seq: joinWords(i32[at + SEQ_HI]!, i32[at + SEQ_LO]!),
    kind: meta & KIND_MASK,
    value:
      (meta & META_EXTENT) !== 0
        ? memtable.extentAt(run, index).readSync()
        : new Uint8Array(run.u8.subarray(offset, offset + length)),
    expiresAt: expires ? joinWords(i32[pointer >>> 2]!, i32[(pointer >>> 2) + 1]!) : undefined,
  };
}

function readRun(memtable: Memtable, run: VersionRun): Omit<Stored, "key">[] {
  expect(run.count).toBeGreaterThan(0);
  return Array.from({ length: run.count }, (_, index) => readRecord(memtable, run, index));
}

const withoutKey = ({ timestamp, seq, kind, value, expiresAt }: Stored): Omit<Stored, "key"> => ({
  timestamp,
  seq,
  kind,
  value: new Uint8Array(value),
  expiresAt,
});

/** Every version, by every way there is to it. */
function expectHolds(memtable: Memtable, written: readonly WrittenVersion[]): void {
  const model = new Model(written);
  const groups = model.groups();
  expect(memtable.entryCount).toBe(model.versions.length);
  expect(memtable.keyCount).toBe(groups.length);
  expect(memtable.hasRetracts).toBe(model.versions.some((version) => version.kind === KIND_RETRACT));
  if (model.versions.length > 0) {
    const sorted = (of: (version: Stored) => number) => model.versions.map(of).sort((a, b) => a - b);
    expect([memtable.minTimestamp, memtable.maxTimestamp]).toEqual(ends(sorted((version) => version.timestamp)));
    expect([memtable.minSeq, memtable.maxSeq]).toEqual(ends(sorted((version) => version.seq)));
  }
  for (const { key, versions } of groups) expectGroup(memtable, keyOf(key), versions);
  expectCursor(memtable, groups);
}

const ends = (sorted: readonly number[]) => [sorted[0], sorted.at(-1)];

function expectGroup(memtable: Memtable, key: KeyBuffer, versions: readonly Stored[]): void {
  const run = new VersionRun();
  expect(memtable.locate(key, -1, 0, run, demand)).toBe(FOUND);
  expect(run.hasPrevious).toBe(false);
  expect(memtable.previousRun(run, demand)).toBe(ABSENT);
  const up = readRun(memtable, run);
  for (let more = run.hasNext; more; more = run.hasNext) {
    expect(memtable.nextRun(run, demand)).toBe(FOUND);
    up.push(...readRun(memtable, run));
  }
  expect(memtable.nextRun(run, demand)).toBe(ABSENT);
  expect(up).toEqual(versions.map(withoutKey));

  const newest = new VersionRun();
  expect(memtable.latest(key, newest)).toBe(FOUND);
  expect(newest).toEqual(run);
  const down = readRun(memtable, newest);
  while (memtable.previousRun(newest, demand) === FOUND) down.unshift(...readRun(memtable, newest));
  expect(down).toEqual(up);
}

function expectCursor(memtable: Memtable, groups: readonly { key: Uint8Array; versions: Stored[] }[]): void {
  const cursor = memtable.cursor();
  const keys: Uint8Array[] = [];
  const run = new VersionRun();
  for (let lookup = cursor.seekFirst(demand); lookup === FOUND; lookup = cursor.next(demand)) {
    const group = groups[keys.length]!;
    keys.push(cursorKey(cursor));
    expect(cursor.firstRun(run, demand)).toBe(FOUND);
    expect(readRecord(memtable, run, 0)).toEqual(withoutKey(group.versions[0]!));
    expect(cursor.locate(HIGH_WORD_MAX, LOW_WORD_MAX, run, demand)).toBe(FOUND);
    expect(readRecord(memtable, run, run.count - 1)).toEqual(withoutKey(group.versions.at(-1)!));
  }
  expect(cursor.valid).toBe(false);
  expect(cursor.next(demand)).toBe(ABSENT);
  expect(cursor.firstRun(run, demand)).toBe(ABSENT);
  expect(keys).toEqual(groups.map(({ key }) => new Uint8Array(key)));

  const reversed: Uint8Array[] = [];
  for (let lookup = cursor.seekLast(demand); lookup === FOUND; lookup = cursor.previous(demand)) {
    reversed.push(cursorKey(cursor));
  }
  expect(cursor.valid).toBe(false);
  expect(reversed.reverse()).toEqual(keys);
}

function cursorKey(cursor: ReturnType<Memtable["cursor"]>): Uint8Array {
  const key = new KeyBuffer();
  key.setWords(cursor.keyI32, cursor.keyWord, cursor.keyLength);
  return key.toBytes();
}

/** Seeks to `probes`, which need not be there. */
function expectSeeks(memtable: Memtable, written: readonly WrittenVersion[], probes: readonly Uint8Array[]): void {
  const keys = new Model(written).groups().map(({ key }) => key);
  const cursor = memtable.cursor();
  for (const probe of probes) {
    const at = keys.findIndex((key) => Buffer.compare(key, probe) >= 0);
    const index = at < 0 ? keys.length : at;
    expect(cursor.seek(keyOf(probe), demand)).toBe(index < keys.length ? FOUND : ABSENT);
    expect(cursor.valid).toBe(index < keys.length);
    if (cursor.valid) expect(Buffer.compare(cursorKey(cursor), keys[index]!)).toBe(0);
    expect(cursor.seekBefore(keyOf(probe), demand)).toBe(index > 0 ? FOUND : ABSENT);
    expect(cursor.valid).toBe(index > 0);
    if (cursor.valid) expect(Buffer.compare(cursorKey(cursor), keys[index - 1]!)).toBe(0);
  }
}

/** As-of reads of one key, as point reads make them, at random moments and seqs. */
function expectAsOf(
  memtable: Memtable,
  key: Uint8Array,
  versions: readonly Stored[],
  moments: readonly number[],
): void {
  const buffer = keyOf(key);
  const run = new VersionRun();
  for (const moment of moments) {
    const expected = versions.filter((version) => version.timestamp <= moment).at(-1);
    expect(memtable.locate(buffer, highWord(moment), lowWord(moment), run, demand)).toBe(FOUND);
    const index = findVersion(
      run.i32,
      run.first,
      run.count,
      highWord(moment),
      lowWord(moment),
      HIGH_WORD_MAX,
      LOW_WORD_MAX,
    );
    if (expected === undefined) {
      expect([index, run.part]).toEqual([-1, 0]);
    } else {
      expect(readRecord(memtable, run, index)).toEqual(withoutKey(expected));
    }
  }
}

/** A small generator of repeatable numbers below `bound`. */
function randomBelow(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

function shuffled<T>(items: readonly T[], seed = 7): T[] {
  const below = randomBelow(seed);
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = below(i + 1);
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}

function filled(arena: Arena, written: readonly WrittenVersion[]): Memtable {
  const memtable = Memtable.create(arena);
  for (const version of written) expect(writer.insert(memtable, version)).toBe(true);
  return memtable;
}

// One arena for all runs, so that each finds what the ones before it left behind.
const arena = Arena.allocate(16 * MIB);

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

describe("a memtable against a sorted array", () => {
  it("holds what was inserted, in any order, duplicates once", () => {
    fc.assert(
      fc.property(fc.array(versionOf(keyBytes), { maxLength: 300 }), fc.array(keyBytes), (written, probes) => {
        const distinct = [...new Map(written.map((v) => [`${v.key}@${v.timestamp}@${v.seq}`, v])).values()];
        const memtable = filled(arena, distinct);
        for (const version of shuffled(distinct)) expect(writer.insert(memtable, version)).toBe(true);
        expectHolds(memtable, distinct);
        expectSeeks(memtable, distinct, [...probes, ...distinct.map(({ key }) => key as Uint8Array)]);
      }),
      { numRuns: 150 },
    );
  });

  it("answers as-of reads", () => {
    const key = fc.constant(Uint8Array.of(107));
    fc.assert(
      fc.property(fc.array(versionOf(key), { minLength: 1, maxLength: 400 }), fc.array(moment), (written, moments) => {
        const distinct = [...new Map(written.map((v) => [`${v.timestamp}@${v.seq}`, v])).values()];
        expectAsOf(filled(arena, distinct), Uint8Array.of(107), new Model(distinct).versions, moments);
      }),
      { numRuns: 100 },
    );
  });

  it("is empty at first", () => {
    const memtable = Memtable.create(arena);
    expectHolds(memtable, []);
    expectSeeks(memtable, [], [Uint8Array.of(0), Uint8Array.of(255)]);
    expect(memtable.minTimestamp).toBeGreaterThan(NUMBER_MAX);
    expect([memtable.maxTimestamp, memtable.maxSeq]).toEqual([-1, -1]);
    expect(memtable.locate(keyOf("a"), 0, 0, new VersionRun(), demand)).toBe(ABSENT);
    expect(memtable.latest(keyOf("a"), new VersionRun())).toBe(ABSENT);
  });
});

describe("many keys", () => {
  const orders: [string, (keys: string[]) => string[]][] = [
    ["in order", (keys) => keys],
    ["in reverse", (keys) => keys.toReversed()],
    ["at random", (keys) => shuffled(keys)],
  ];
  for (const shared of [0, 8, 256]) {
    for (const [name, arrange] of orders) {
      it(`that share their first ${shared} bytes, ${name}`, () => {
        const keys = Array.from({ length: 6000 }, (_, i) => "s".repeat(shared) + String(i * 7).padStart(6, "0"));
        const written = arrange(keys).map((key, i) => ({ key, timestamp: i, seq: i }));
        const memtable = filled(arena, written);
        expectHolds(memtable, written);
        const below = randomBelow(shared + 1);
        const probes = Array.from({ length: 300 }, () => "s".repeat(shared) + String(below(43000)).padStart(6, "0"));
        expectSeeks(
          memtable,
          written,
          [...probes, "a", "~"].map((probe) => Buffer.from(probe)),
        );
      });
    }
  }

  it("that share their first 65,000 bytes", () => {
    const keys = Array.from({ length: 220 }, (_, i) => "k".repeat(65_000) + "x".repeat(i % 5) + i);
    const written = shuffled(keys).map((key, i) => ({ key, timestamp: 220 - i, seq: i }));
    const memtable = filled(arena, written);
    expectHolds(memtable, written);
    expectSeeks(
      memtable,
      written,
      [...keys, "k".repeat(64_999), "k".repeat(65_001)].map((key) => Buffer.from(key)),
    );
  });

  it("that are prefixes of one another", () => {
    const written = shuffled(Array.from({ length: 300 }, (_, i) => i + 1)).map((length, i) => ({
      key: "p".repeat(length),
      timestamp: i,
      seq: i,
    }));
    expectHolds(filled(arena, written), written);
  });

  it("that differ only in trailing NULs", () => {
    const written = shuffled(Array.from({ length: 300 }, (_, i) => i)).map((nuls, i) => ({
      key: `a${"\0".repeat(nuls)}`,
      timestamp: i,
      seq: i,
    }));
    const memtable = filled(arena, written);
    expectHolds(memtable, written);
    expect(memtable.latest(keyOf(`a${"\0".repeat(300)}`), new VersionRun())).toBe(ABSENT);
  });

  it("of tenants whose keys share long beginnings in each subtree", () => {
    const keys = Array.from({ length: 5000 }, (_, i) => `tenant-${"abcdefgh"[i % 8]}/collection/documents/${i}`);
    const written = shuffled(keys).map((key, i) => ({ key, timestamp: 1, seq: i }));
    const memtable = filled(arena, written);
    expectHolds(memtable, written);
    const probes = keys.slice(0, 200).flatMap((key) => [key.slice(0, 9), key.slice(0, -1), `${key}0`, `${key}\0`]);
    expectSeeks(
      memtable,
      written,
      probes.map((probe) => Buffer.from(probe)),
    );
  });
});

describe("20,000 versions of one key", () => {
  const ascending = Array.from({ length: 20_000 }, (_, i) => i);
  const below = randomBelow(3);
  const orders: [string, number[]][] = [
    ["in order", ascending],
    ["in reverse", ascending.toReversed()],
    ["at random", shuffled(ascending)],
    [
      "a little late",
      ascending
        .map((i) => [i + below(20), i] as const)
        .sort((a, b) => a[0] - b[0])
        .map((pair) => pair[1]),
    ],
    ["from both ends", ascending.map((i) => (i % 2 === 0 ? i / 2 : 19_999 - (i - 1) / 2))],
    ["inwards from one point", ascending.map((i) => (i % 2 === 0 ? 10_000 + i / 2 : 10_000 - (i + 1) / 2))],
  ];
  for (const [name, order] of orders) {
    it(name, () => {
      const written = order.map((i) => ({ key: "deep", timestamp: 2 ** 32 - 50_000 + i * 5, seq: i }));
      const memtable = filled(arena, [
        { key: "a", timestamp: 0, seq: 0 },
        ...written,
        { key: "z", timestamp: 0, seq: 0 },
      ]);
      const { versions } = new Model(written);
      expectGroup(memtable, keyOf("deep"), versions);
      const moments = Array.from({ length: 200 }, () => 2 ** 32 - 50_050 + below(100_100));
      expectAsOf(memtable, Buffer.from("deep"), versions, moments);
    });
  }

  it("at one timestamp, seqs at random", () => {
    const written = shuffled(ascending).map((i) => ({ key: "deep", timestamp: 42, seq: i }));
    const memtable = filled(arena, written);
    for (const version of written.slice(0, 3000)) expect(writer.insert(memtable, version)).toBe(true);
    expectHolds(memtable, written);
    expectAsOf(memtable, Buffer.from("deep"), new Model(written).versions, [41, 42, 43]);
  });

  it("keeps chunks full where versions come in order", () => {
    const { bytesUsed } = Memtable.create(arena);
    const memtable = filled(
      arena,
      ascending.map((i) => ({ key: "deep", timestamp: i, seq: i })),
    );
    expect(memtable.bytesUsed - bytesUsed).toBeLessThan(20_000 * 24 * 1.1);
  });
});

describe("a full arena", () => {
  const shapes: [string, (i: number) => WrittenVersion][] = [
    ["small values", (i) => ({ key: `key${i % 1000}`, timestamp: i, seq: i, value: new Uint8Array(i % 100) })],
    ["many keys", (i) => ({ key: `${i}`, timestamp: 1, seq: i })],
    ["one key, backdated", (i) => ({ key: "k", timestamp: (i * 7919) % 100_003, seq: i })],
    ["longest keys", (i) => ({ key: `${i}`.padEnd(65_535, "k"), timestamp: 1, seq: i })],
    ["longest inline values", (i) => ({ key: `${i}`, timestamp: 1, seq: i, value: new Uint8Array(8192).fill(i) })],
    ["expiring", (i) => ({ key: `${i % 9}`, timestamp: 5, seq: i, expiresAt: i, value: new Uint8Array(11) })],
    [
      "mixed",
      (i) => ({ key: "m".repeat((i * 37) % 900 || 1), timestamp: i % 50, seq: i, value: new Uint8Array(i % 4000) }),
    ],
  ];
  for (const [name, shape] of shapes) {
    it(`refuses and stays as it is: ${name}`, () => {
      const small = Arena.allocate(256 * 1024);
      const memtable = Memtable.create(small);
      const written: WrittenVersion[] = [];
      let refused = 0;
      for (let i = 0; refused < 20; i++) {
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
      expectHolds(memtable, written);
    });
  }

  it("still takes a version that is there already", () => {
    const memtable = Memtable.create(Arena.allocate(256 * 1024));
    let i = 0;
    while (writer.insert(memtable, { key: "k", timestamp: i, seq: i, value: new Uint8Array(500) })) i++;
    expect(writer.insert(memtable, { key: "k", timestamp: i - 1, seq: i - 1, value: new Uint8Array(500) })).toBe(true);
    expect(memtable.entryCount).toBe(i);
  });
});

describe("arenas", () => {
  it.each([0, 256 * 1024 - 8, 256 * 1024 + 4])("of %d bytes are refused", (bytes) => {
    expect(() => Memtable.create(new SharedArrayBuffer(bytes))).toThrow(/arena has \d+ bytes; give it a multiple of 8/);
  });

  it("that nobody formatted are refused", () => {
    expect(() => Memtable.attach({ arena: new SharedArrayBuffer(MIB), slabs: [] })).toThrow(/MT3/);
  });

  it("orders keys as compareKeys does", () => {
    const [a, b] = [keyOf("a"), keyOf("a\0")];
    expect(compareKeys(a.i32, 0, a.length, b.i32, 0, b.length)).toBeLessThan(0);
  });
});
