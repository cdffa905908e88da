import { compareBytes } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { KeyBuffer } from "../format/key-buffer.ts";
import { highWord, KIND_DELETE, KIND_PUT, KIND_RETRACT, lowWord } from "../format/version-record.ts";
import { ABSENT, FOUND, VersionRun } from "../format/version-run.ts";
import { MemoryFileSystem } from "../testing/memory-file-system.ts";
import type { WrittenVersion } from "../testing/memtable-writer.ts";
import { Random } from "../testing/random.ts";
import {
  ASYNC_MODE,
  cursorKey,
  type LookupMode,
  type ReadVersion,
  readGroup,
  readVersion,
  SYNC_MODE,
} from "../testing/table-reader.ts";
import { groupVersions, type WrittenGroup, writeTable } from "../testing/table-writer.ts";
import { BlockCache } from "./block-cache.ts";
import type { Compression } from "./compression.ts";
import { FRAME_BYTES } from "./format.ts";
import { IndexCache } from "./index-cache.ts";
import { Table } from "./table.ts";

const DIRECTORY = "store";
const PATH = "store/table";

/** What shapes a table. */
interface Shape {
  readonly name: string;
  /** Bytes of the prefixes that keys may have. */
  readonly prefixes: readonly number[];
  readonly keys: number;
  readonly versionsMax: number;
  readonly valueBytesMax: number;
  readonly timestamps: number;
}

const SHAPES: readonly Shape[] = [
  { name: "few small entries", prefixes: [0], keys: 8, versionsMax: 3, valueBytesMax: 20, timestamps: 5 },
  { name: "many keys", prefixes: [0, 8], keys: 1500, versionsMax: 2, valueBytesMax: 60, timestamps: 1e15 },
  { name: "keys that share three bytes", prefixes: [3], keys: 900, versionsMax: 2, valueBytesMax: 60, timestamps: 9 },
  {
    name: "keys that share thirteen bytes",
    prefixes: [13],
    keys: 900,
    versionsMax: 2,
    valueBytesMax: 60,
    timestamps: 9,
  },
  { name: "long groups", prefixes: [8], keys: 12, versionsMax: 1800, valueBytesMax: 90, timestamps: 1e6 },
  { name: "equal timestamps", prefixes: [8], keys: 10, versionsMax: 2500, valueBytesMax: 8, timestamps: 3 },
  { name: "large values", prefixes: [8, 256], keys: 30, versionsMax: 12, valueBytesMax: 40_000, timestamps: 100 },
  { name: "long keys", prefixes: [8, 256, 65_000], keys: 40, versionsMax: 4, valueBytesMax: 300, timestamps: 50 },
  { name: "long keys and groups", prefixes: [65_000], keys: 6, versionsMax: 3000, valueBytesMax: 90, timestamps: 2e3 },
  { name: "keys of 5,000 bytes", prefixes: [256, 5000], keys: 60, versionsMax: 30, valueBytesMax: 900, timestamps: 99 },
];

/** Keys with common starts, keys that are the start of others, zero bytes at the end. */
function makeKeys(random: Random, shape: Shape): Uint8Array[] {
  const prefixes = shape.prefixes.map((length) => random.bytes(length));
  const keys = new Map<string, Uint8Array>();
  while (keys.size < shape.keys) {
    const start = keys.size > 0 && random.chance(0.1) ? random.pick([...keys.values()]) : random.pick(prefixes);
    const rest = random.bytes(random.between(1, 6)).map((byte) => (random.chance(0.4) ? 0 : byte % 5));
    const key = new Uint8Array([...start, ...rest]).subarray(0, 65_535);
    keys.set(Buffer.from(key).toString("latin1"), key);
  }
  return [...keys.values()];
}

function makeVersion(random: Random, shape: Shape, key: Uint8Array, seq: number): WrittenVersion {
  const timestamp = Math.min(
    random.below(Math.min(shape.timestamps, 2 ** 32)) * random.between(1, 9),
    shape.timestamps,
  );
  const kind = random.chance(0.1) ? KIND_DELETE : random.chance(0.05) ? KIND_RETRACT : KIND_PUT;
  if (kind !== KIND_PUT) return { key, timestamp, seq, kind };
  const value = random.bytes(random.chance(0.1) ? 0 : random.below(shape.valueBytesMax + 1));
  const expiresAt = random.chance(0.1) ? timestamp + random.between(1, 1e9) : undefined;
  return { key, timestamp, seq, kind, value, expiresAt };
}

function makeGroups(random: Random, shape: Shape): WrittenGroup[] {
  let seq = 2 ** 32 - 1000;
  const versions = makeKeys(random, shape).flatMap((key) =>
    Array.from({ length: random.between(1, shape.versionsMax) }, () => makeVersion(random, shape, key, seq++)),
  );
  return groupVersions(versions);
}

function withoutKey({ timestamp, seq, kind = KIND_PUT, value, expiresAt }: WrittenVersion): ReadVersion {
  return { timestamp, seq, kind, expiresAt, ...(value === undefined ? {} : { value }) };
}

/** A bound in words; −1 is before every timestamp. */
function wordsOf(bound: number): [hi: number, lo: number] {
  return bound < 0 ? [-1, 0] : [highWord(bound), lowWord(bound)];
}

/** A table of `groups`, and the groups themselves to hold it against. */
class Subject {
  readonly table: Table;
  readonly cache: BlockCache;
  readonly groups: readonly WrittenGroup[];
  readonly mode: LookupMode;
  readonly #key: KeyBuffer = new KeyBuffer();
  readonly #random: Random;

  constructor(
    random: Random,
    groups: readonly WrittenGroup[],
    compression: Compression,
    frames: number,
    mode: LookupMode,
  ) {
    const fileSystem = new MemoryFileSystem();
    fileSystem.makeDirectory(DIRECTORY);
    writeTable(fileSystem.create(PATH), groups, { compression }, undefined, random.between(1, 200));
    this.cache = new BlockCache(frames * FRAME_BYTES);
    const indexes = new IndexCache(0);
    this.table = Table.open(fileSystem.open(PATH), 1, this.cache, indexes);
    const other = Table.open(fileSystem.open(PATH), 1, this.cache, indexes);
    this.groups = groups;
    const evicts = random.chance(0.5);
    this.mode = {
      name: mode.name,
      ask: (lookup) => {
        // There is room for one of them.
        if (evicts) expect(other.fences.blockCount).toBe(this.table.blockCount);
        return mode.ask(lookup);
      },
    };
    this.#random = random;
  }

  /** A key of the table, or one beside it. */
  key(): Uint8Array {
    const key = this.#random.pick(this.groups).key;
    const choice = this.#random.below(5);
    if (choice === 0) return new Uint8Array([...key, 0]).subarray(0, 65_535);
    if (choice === 1 && key.length > 1) return key.subarray(0, this.#random.between(1, key.length - 1));
    if (choice === 2) {
      const other = key.slice();
      other[this.#random.below(other.length)]! ^= 1 << this.#random.below(8);
      return other;
    }
    return key;
  }

  async checkLocate(): Promise<void> {
    const bytes = this.key();
    const group = this.groups.find((candidate) => compareBytes(candidate.key, bytes) === 0);
    const key = this.#key;
    key.setBytes(bytes);
    const bound = this.bound(group);
    const run = new VersionRun();
    const answer = await this.mode.ask((demand) => this.table.locate(key, ...wordsOf(bound), run, demand));
    expect(answer).toBe(group === undefined ? ABSENT : FOUND);
    if (group === undefined) return;
    expect(this.table.mayContain(key.hash)).toBe(true);
    await this.checkRun(group, bound, run);
  }

  /** A timestamp of the group, or one near it; −1 is before all. */
  bound(group: WrittenGroup | undefined): number {
    if (group === undefined || this.#random.chance(0.1)) return this.#random.pick([0, 2 ** 53 - 1]);
    return this.#random.pick(group.versions).timestamp + this.#random.between(0, 2) - 1;
  }

  async checkRun(group: WrittenGroup, bound: number, run: VersionRun): Promise<void> {
    const expected = group.versions.findLastIndex((version) => version.timestamp <= bound);
    // Where nothing is that old, the run has to begin the group.
    const index = Math.max(0, expected);
    const first = await readVersion(this.table, run, 0);
    const from = group.versions.findIndex((version) => version.seq === first.seq);
    if (expected < 0) expect(from).toBe(0);
    expect(from).toBeLessThanOrEqual(index);
    expect(from + run.count).toBeGreaterThan(index);
    expect(run.hasPrevious).toBe(from > 0);
    expect(run.hasNext).toBe(from + run.count < group.versions.length);
    expect(await readVersion(this.table, run, index - from)).toEqual(withoutKey(group.versions[index]!));
    run.release();
  }

  async checkGroup(group: WrittenGroup): Promise<void> {
    const run = new VersionRun();
    this.#key.setBytes(group.key);
    const bound = this.bound(group);
    await this.mode.ask((demand) => this.table.locate(this.#key, ...wordsOf(bound), run, demand));
    expect(await readGroup(this.table, run, this.mode)).toEqual(group.versions.map(withoutKey));
  }

  /** Wanders about with a cursor, and compares each place with the group that should be there. */
  async checkCursor(steps: number): Promise<void> {
    const { groups, mode, table } = this;
    const cursor = table.cursor();
    const key = this.#key;
    let at = -1;
    for (let step = 0; step < steps; step++) {
      const bytes = this.key();
      key.setBytes(bytes);
      const choice = this.#random.below(10);
      if (choice === 0) {
        await mode.ask((demand) => cursor.seekFirst(demand));
        at = 0;
      } else if (choice === 1) {
        await mode.ask((demand) => cursor.seekLast(demand));
        at = groups.length - 1;
      } else if (choice <= 3) {
        await mode.ask((demand) => cursor.seek(key, demand));
        at = groups.findIndex((group) => compareBytes(group.key, bytes) >= 0);
      } else if (choice === 4) {
        await mode.ask((demand) => cursor.seekBefore(key, demand));
        at = groups.findLastIndex((group) => compareBytes(group.key, bytes) < 0);
      } else if (choice <= 7) {
        const answer = await mode.ask((demand) => cursor.next(demand));
        at = at >= 0 && at + 1 < groups.length ? at + 1 : -1;
        expect(answer).toBe(at >= 0 ? FOUND : ABSENT);
      } else {
        await mode.ask((demand) => cursor.previous(demand));
        at = at > 0 ? at - 1 : -1;
      }
      expect(cursor.valid).toBe(at >= 0);
      if (at < 0) continue;
      expect(compareBytes(cursorKey(cursor), groups[at]!.key)).toBe(0);
      const run = new VersionRun();
      const bound = this.bound(groups[at]);
      await mode.ask((demand) => cursor.locate(...wordsOf(bound), run, demand));
      await this.checkRun(groups[at]!, bound, run);
    }
    cursor.close();
  }

  async checkWalk(): Promise<void> {
    const cursor = this.table.cursor();
    const forward: Uint8Array[] = [];
    let answer = await this.mode.ask((demand) => cursor.seekFirst(demand));
    while (answer === FOUND) {
      forward.push(cursorKey(cursor));
      const run = new VersionRun();
      await this.mode.ask((demand) => cursor.firstRun(run, demand));
      expect(run.hasPrevious).toBe(false);
      run.release();
      answer = await this.mode.ask((demand) => cursor.next(demand));
    }
    const backward: Uint8Array[] = [];
    answer = await this.mode.ask((demand) => cursor.seekLast(demand));
    while (answer === FOUND) {
      backward.push(cursorKey(cursor));
      answer = await this.mode.ask((demand) => cursor.previous(demand));
    }
    cursor.close();
    expect(forward.length).toBe(this.groups.length);
    expect(forward.every((key, i) => compareBytes(key, this.groups[i]!.key) === 0)).toBe(true);
    expect(backward.reverse().every((key, i) => compareBytes(key, forward[i]!) === 0)).toBe(true);
  }

  expectNothingPinned(): void {
    expect(this.cache.pins.every((count) => count === 0)).toBe(true);
  }
}

const CASES = SHAPES.flatMap((shape, index) =>
  ([SYNC_MODE, ASYNC_MODE] as const).map((mode, i) => ({
    shape,
    mode,
    seed: 100 * index + i,
    compression: (["none", "lz4", "zstd"] as const)[(index + i) % 3]!,
    frames: (index + i) % 2 === 0 ? 4 : 500,
  })),
);

describe("a table answers as the sorted versions do", () => {
  test.each(CASES)(
    "$shape.name, $mode.name, $compression, $frames frames",
    async ({ shape, mode, seed, compression, frames }) => {
      const random = new Random(seed);
      const subject = new Subject(random, makeGroups(random, shape), compression, frames, mode);
      for (let i = 0; i < 200; i++) await subject.checkLocate();
      await subject.checkWalk();
      await subject.checkCursor(200);
      for (let i = 0; i < 10; i++) await subject.checkGroup(random.pick(subject.groups));
      subject.expectNothingPinned();
      await subject.table.verify();
      await subject.table.close();
      expect(subject.cache.stats().bytes).toBe(0);
    },
  );
});
