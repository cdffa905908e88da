import { deepStrictEqual, equal, ok } from "node:assert/strict";
import { KeyBuffer } from "../format/key-buffer.ts";
import {
  findVersion,
  HIGH_WORD_MAX,
  highWord,
  joinWords,
  KIND_MASK,
  KIND_PUT,
  KIND_RETRACT,
  LOW_WORD_MAX,
  lowWord,
  META,
  META_EXPIRES,
  META_EXTENT,
  META_LENGTH_SHIFT,
  POINTER,
  SEQ_HI,
  SEQ_LO,
  TS_LO,
  VERSION_WORDS,
} from "../format/version-record.ts";
import { ABSENT, BlockDemand, FOUND, VersionRun } from "../format/version-run.ts";
import type { Memtable } from "../memtable/memtable.ts";
import type { WrittenVersion } from "./memtable-writer.ts";

const demand = new BlockDemand(true);

/** A version as it is read back, without its key. */
export interface ReadVersion {
  readonly timestamp: number;
  readonly seq: number;
  readonly kind: number;
  readonly value: Uint8Array;
  readonly expiresAt: number | undefined;
}

interface KeyGroup {
  readonly key: Uint8Array;
  readonly versions: readonly ReadVersion[];
}

/** What a memtable should hold: keys in order, the versions of each in order, duplicates once. */
export function groupsOf(written: readonly WrittenVersion[]): readonly KeyGroup[] {
  const sorted = written
    .map(({ key, timestamp, seq, kind = KIND_PUT, value = new Uint8Array(0), expiresAt }) => ({
      key: typeof key === "string" ? new TextEncoder().encode(key) : key,
      version: { timestamp, seq, kind, value: new Uint8Array(value), expiresAt },
    }))
    .sort(
      (a, b) =>
        Buffer.compare(a.key, b.key) || a.version.timestamp - b.version.timestamp || a.version.seq - b.version.seq,
    );
  const groups: { key: Uint8Array; versions: ReadVersion[] }[] = [];
  for (const { key, version } of sorted) {
    const group = groups.at(-1);
    if (group === undefined || Buffer.compare(group.key, key) !== 0) {
      groups.push({ key: new Uint8Array(key), versions: [version] });
      continue;
    }
    const last = group.versions.at(-1)!;
    if (last.timestamp !== version.timestamp || last.seq !== version.seq) group.versions.push(version);
  }
  return groups;
}

/** Asserts that a memtable holds exactly what was written, by every way there is to it. */
export function assertHolds(memtable: Memtable, written: readonly WrittenVersion[]): void {
  const groups = groupsOf(written);
  const versions = groups.flatMap((group) => group.versions);
  equal(memtable.entryCount, versions.length);
  equal(memtable.keyCount, groups.length);
  equal(
    memtable.hasRetracts,
    versions.some((version) => version.kind === KIND_RETRACT),
  );
  if (versions.length > 0) {
    const timestamps = versions.map((version) => version.timestamp).sort((a, b) => a - b);
    const seqs = versions.map((version) => version.seq).sort((a, b) => a - b);
    deepStrictEqual([memtable.minTimestamp, memtable.maxTimestamp], [timestamps[0], timestamps.at(-1)]);
    deepStrictEqual([memtable.minSeq, memtable.maxSeq], [seqs[0], seqs.at(-1)]);
  }
  for (const { key, versions } of groups) assertVersions(memtable, key, versions);
  assertCursor(memtable, groups);
}

/** Asserts a key's versions, upwards from the oldest run and downwards from the newest. */
export function assertVersions(memtable: Memtable, key: Uint8Array, versions: readonly ReadVersion[]): void {
  const buffer = keyOf(key);
  const run = new VersionRun();
  equal(memtable.locate(buffer, -1, 0, run, demand), FOUND);
  equal(run.hasPrevious, false);
  equal(memtable.previousRun(run, demand), ABSENT);
  const up = readRun(memtable, run);
  while (run.hasNext) {
    equal(memtable.nextRun(run, demand), FOUND);
    up.push(...readRun(memtable, run));
  }
  equal(memtable.nextRun(run, demand), ABSENT);
  deepStrictEqual(up, versions);

  const newest = new VersionRun();
  equal(memtable.latest(buffer, newest), FOUND);
  deepStrictEqual([newest.first, newest.count, newest.part], [run.first, run.count, run.part]);
  const down = readRun(memtable, newest);
  while (memtable.previousRun(newest, demand) === FOUND) down.unshift(...readRun(memtable, newest));
  deepStrictEqual(down, up);
}

/** Asserts as-of reads of a key, made as point reads make them. */
export function assertAsOf(
  memtable: Memtable,
  key: Uint8Array,
  versions: readonly ReadVersion[],
  moments: readonly number[],
): void {
  const buffer = keyOf(key);
  const run = new VersionRun();
  for (const moment of moments) {
    const [hi, lo] = [highWord(moment), lowWord(moment)];
    equal(memtable.locate(buffer, hi, lo, run, demand), FOUND);
    const index = findVersion(run.i32, run.first, run.count, hi, lo, HIGH_WORD_MAX, LOW_WORD_MAX);
    const expected = versions.filter((version) => version.timestamp <= moment).at(-1);
    if (expected === undefined) deepStrictEqual([index, run.part], [-1, 0]);
    else deepStrictEqual(readRecord(memtable, run, index), expected);
  }
}

/** Asserts where a cursor lands when it seeks `probes`, which need not be there. */
export function assertSeeks(
  memtable: Memtable,
  written: readonly WrittenVersion[],
  probes: readonly (string | Uint8Array)[],
): void {
  const keys = groupsOf(written).map(({ key }) => key);
  const cursor = memtable.cursor();
  for (const probe of probes) {
    const buffer = keyOf(probe);
    const bytes = buffer.toBytes();
    const found = keys.findIndex((key) => Buffer.compare(key, bytes) >= 0);
    const index = found < 0 ? keys.length : found;
    equal(cursor.seek(buffer, demand), index < keys.length ? FOUND : ABSENT);
    equal(cursor.valid, index < keys.length);
    if (cursor.valid) deepStrictEqual(cursorKey(cursor), keys[index]);
    equal(cursor.seekBefore(buffer, demand), index > 0 ? FOUND : ABSENT);
    equal(cursor.valid, index > 0);
    if (cursor.valid) deepStrictEqual(cursorKey(cursor), keys[index - 1]);
  }
}

function assertCursor(memtable: Memtable, groups: readonly KeyGroup[]): void {
  const cursor = memtable.cursor();
  const run = new VersionRun();
  const keys: Uint8Array[] = [];
  for (let lookup = cursor.seekFirst(demand); lookup === FOUND; lookup = cursor.next(demand)) {
    const { versions } = groups[keys.length]!;
    keys.push(cursorKey(cursor));
    equal(cursor.firstRun(run, demand), FOUND);
    deepStrictEqual(readRecord(memtable, run, 0), versions[0]);
    equal(cursor.locate(HIGH_WORD_MAX, LOW_WORD_MAX, run, demand), FOUND);
    deepStrictEqual(readRecord(memtable, run, run.count - 1), versions.at(-1));
  }
  equal(cursor.valid, false);
  equal(cursor.next(demand), ABSENT);
  equal(cursor.firstRun(run, demand), ABSENT);
  deepStrictEqual(
    keys,
    groups.map(({ key }) => key),
  );

  const reversed: Uint8Array[] = [];
  for (let lookup = cursor.seekLast(demand); lookup === FOUND; lookup = cursor.previous(demand)) {
    reversed.push(cursorKey(cursor));
  }
  equal(cursor.previous(demand), ABSENT);
  deepStrictEqual(reversed.reverse(), keys);
}

/** Record `index` of a run. */
export function readRecord(memtable: Memtable, run: VersionRun, index: number): ReadVersion {
  const { i32 } = run;
  const at = run.first + index * VERSION_WORDS;
  const meta = i32[at + META]!;
  const pointer = run.base + i32[at + POINTER]!;
  const expires = (meta & META_EXPIRES) !== 0;
  const offset = pointer + (expires ? 8 : 0);
  const inline = run.u8.subarray(offset, offset + (meta >>> META_LENGTH_SHIFT));
  return {
    timestamp: joinWords(i32[at]!, i32[at + TS_LO]!),
    seq: joinWords(i32[at + SEQ_HI]!, i32[at + SEQ_LO]!),
    kind: meta & KIND_MASK,
    value: (meta & META_EXTENT) !== 0 ? memtable.extentAt(run, index).readSync() : new Uint8Array(inline),
    expiresAt: expires ? joinWords(i32[pointer >>> 2]!, i32[(pointer >>> 2) + 1]!) : undefined,
  };
}

function readRun(memtable: Memtable, run: VersionRun): ReadVersion[] {
  ok(run.count > 0, "no run is empty");
  return Array.from({ length: run.count }, (_, index) => readRecord(memtable, run, index));
}

function keyOf(key: string | Uint8Array): KeyBuffer {
  const buffer = new KeyBuffer();
  buffer.set(key);
  return buffer;
}

function cursorKey({ keyI32, keyWord, keyLength }: ReturnType<Memtable["cursor"]>): Uint8Array {
  return new Uint8Array(new Uint8Array(keyI32.buffer, keyWord * 4, keyLength));
}
