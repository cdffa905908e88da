import { resolveRange, utf8 } from "@kvts/common";
import { InlineRunner } from "../../compaction/runner.ts";
import { parseFileName, spareFileName } from "../../format/filenames.ts";
import { loadManifest } from "../../manifest/state.ts";
import type { Compression } from "../../table/compression.ts";
import { HeldRunner } from "../held-runner.ts";
import type { ManualClock } from "../manual-clock.ts";
import type { MemoryFileSystem } from "../memory-file-system.ts";
import type { Model } from "../model.ts";
import { openPlainStore } from "../plain-store.ts";
import { Random } from "../random.ts";
import type { TestBatch, TestOperation, TestStore } from "../test-store.ts";
import type { DamageTarget, OtherFile } from "./byte-damages.ts";
import { partsOf } from "./file-parts.ts";

/** A store on a disk, left by a killed process, with every kind of file, and what has been written to it. */
export interface StoreImage {
  readonly directory: string;
  readonly fileSystem: MemoryFileSystem;
  readonly clock: ManualClock;
  readonly model: Model;
  readonly batches: readonly TestBatch[];
  readonly incarnation: string;
  readonly keys: readonly Uint8Array[];
  /** What the model says, worked out once: it is slow, and asked the same thousands of times. */
  readonly answers: Answers;
  /** Numbers of the live segments that were recycled: behind their frames stand those of an earlier life. */
  readonly recycled: readonly number[];
}

export class Answers {
  readonly #known: Map<string, unknown> = new Map();

  remembered<T>(question: string, answer: () => T): T {
    if (!this.#known.has(question)) this.#known.set(question, answer());
    return this.#known.get(question) as T;
  }
}

const SEGMENT_BYTES = 4 * 1024;
/** Nothing is merged but where the image asks for it. */
const PICKER = { level0Tables: 1_000_000, level1BytesMax: 2 ** 40, levelFactor: 10, pickBytesMax: 2 ** 40 };

/**
 * Two levels, and two tables in the first of them with the same keys in blocks of the same lengths; long values of one
 * length; a group over several blocks; two files of deleted ranges; logs of several segments, one of them recycled.
 */
export async function storeImage(compression: Compression, seed: number): Promise<StoreImage> {
  const random = new Random(seed);
  let runner: HeldRunner | undefined;
  const tables = { tableBytesMax: 48 * 1024, compression };
  const store = await openPlainStore(
    { compression, tuning: { logSegmentBytes: SEGMENT_BYTES, frozenMemtablesMax: 8, tables, picker: PICKER } },
    {
      runner: (fileSystem, scheduler) => {
        runner = new HeldRunner(new InlineRunner(fileSystem, scheduler));
        return runner;
      },
      randomBytes: () => new Uint8Array(16).fill(seed),
    },
  );
  // No two images give the same seqs to the same keys.
  for (let i = 0; i < seed; i++) await write(store, [{ op: "put", key: utf8("seed"), value: wordy(random, 8 + i) }]);
  await writeTables(store, random);
  const recycled = await writeLogs(store, random, runner!);
  const { clock, directory, model, batches } = store;
  const fileSystem = (store.fileSystem as MemoryFileSystem).crash(() => true);
  runner!.letGo();
  await store.abandon().close();
  fileSystem.replace(`${directory}/LOCK`, utf8("4711\n"));
  fileSystem.makeDirectory(`${directory}/lost`);
  fileSystem.replace(`${directory}/lost/000002.sst`, random.bytes(100));
  const { incarnation, nextFileNumber } = loadManifest(fileSystem, directory)!.numbers;
  // Reserved ahead, so nobody has the number. What a spare holds is a segment's bytes.
  const [log] = fileSystem.list(directory).filter((name) => parseFileName(name)?.kind === "log");
  fileSystem.replace(spareFileName(directory, nextFileNumber - 1), fileSystem.contents(`${directory}/${log!}`));
  const keys = model.scan(resolveRange({}), { now: 0, includeDeleted: true }).map(({ key }) => key);
  return { directory, fileSystem, clock, model, batches, incarnation, keys, answers: new Answers(), recycled };
}

async function writeTables(store: TestStore, random: Random): Promise<void> {
  await write(store, manyKeys(random));
  await write(store, group(random, 0));
  await write(store, longValues(random));
  await write(store, [{ op: "delete", key: utf8("gone"), timestamp: 6 }]);
  await write(store, deletedRanges());
  await store.db.compact();
  for (let round = 1; round <= 2; round++) {
    await write(store, manyKeys(random));
    await write(store, longValues(random));
    await write(store, [{ op: "retract", key: keyOf(round), timestamp: round }]);
    await write(store, [{ op: "delete", key: keyOf(10 + round) }]);
    if (round === 2) await write(store, [{ op: "deleteRange", start: keyOf(30), end: keyOf(40) }]);
    await store.db.flush();
  }
}

/** Writes until the log goes on in a segment that was recycled, and then, with nothing being flushed, into two others. */
async function writeLogs(store: TestStore, random: Random, runner: HeldRunner): Promise<number[]> {
  const fileSystem = store.fileSystem as MemoryFileSystem;
  const recycled: number[] = [];
  const known = new Set(logsOf(fileSystem, store.directory));
  let isHeld = false;
  for (let i = 0, segments = 0; segments < 3; i++) {
    const isUsed = sparesOf(fileSystem, store.directory).some((bytes) => bytes.some((byte) => byte !== 0));
    await write(store, smallBatch(random, i));
    for (const number of logsOf(fileSystem, store.directory)) {
      if (known.has(number)) continue;
      known.add(number);
      if (isUsed) recycled.push(number);
      if (recycled.length > 0) segments++;
    }
    if (segments === 1 && !isHeld) {
      // What the segments before it hold is in tables by then, whatever a flush waits for on its way.
      while (logsOf(fileSystem, store.directory).length > 1) await store.nextTurn();
      runner.hold();
      isHeld = true;
    }
    if (i > 1000) throw new Error("no segment was recycled");
  }
  for (let i = 0; i < 5; i++) await write(store, smallBatch(random, i));
  return recycled;
}

function sparesOf(fileSystem: MemoryFileSystem, directory: string): Uint8Array[] {
  const names = fileSystem.list(directory).filter((name) => parseFileName(name)?.kind === "spare");
  return names.map((name) => fileSystem.contents(`${directory}/${name}`));
}

function logsOf(fileSystem: MemoryFileSystem, directory: string): number[] {
  return fileSystem.list(directory).flatMap((name) => {
    const file = parseFileName(name);
    return file?.kind === "log" ? [file.number] : [];
  });
}

async function write(store: TestStore, operations: readonly TestOperation[]): Promise<void> {
  const { state, error } = await store.submit(operations);
  if (state !== "acknowledged") throw new Error("a write was refused", { cause: error });
}

/** Three, so that the one that follows has a file of its own. Some of the group's versions lie below, some above. */
function deletedRanges(): TestOperation[] {
  return [
    { op: "deleteRange", start: utf8("g"), end: utf8("h"), timestamp: 130 },
    { op: "deleteRange", start: keyOf(20), end: keyOf(22) },
    { op: "deleteRange", start: utf8("long"), timestamp: 3 },
  ];
}

const keyOf = (index: number) => utf8(`key-${String(index).padStart(4, "0")}`);

function manyKeys(random: Random): TestOperation[] {
  return Array.from({ length: 80 }, (_, i) => ({ op: "put", key: keyOf(i), value: wordy(random, 400) }));
}

/** Versions of one key, more than a block holds, some at the same timestamp. */
function group(random: Random, from: number): TestOperation[] {
  return Array.from({ length: 60 }, (_, i) => ({
    op: "put",
    key: utf8("group"),
    value: wordy(random, 400),
    timestamp: from + 100 + i,
    expiresAt: 5_000_000_000 + i,
  }));
}

function longValues(random: Random): TestOperation[] {
  return ["long-a", "long-b"].map((key) => ({ op: "put", key: utf8(key), value: wordy(random, 9000) }));
}

function smallBatch(random: Random, index: number): TestOperation[] {
  if (index % 11 === 5) return [{ op: "deleteRange", start: utf8("small-2"), end: utf8("small-4") }];
  if (index % 7 === 3) return [{ op: "retract", key: utf8("small-1"), timestamp: index }];
  return Array.from({ length: random.between(1, 3) }, (_, i) => {
    const key = utf8(`small-${random.below(9)}`);
    const given = i === 0 ? {} : { timestamp: random.below(50) + i * 100 };
    return random.chance(0.2)
      ? { op: "delete", key, ...given }
      : { op: "put", key, value: wordy(random, 120), ...given };
  });
}

/** Bytes that compress, and are not the same twice. */
function wordy(random: Random, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const word = random.bytes(4);
  for (let at = 0; at < length; at++) bytes[at] = word[at & 3]!;
  bytes.set(random.bytes(Math.min(8, length)), random.below(length - 7));
  return bytes;
}

/** The files that a store needs, by kind: names within the directory. */
export function filesOfKind({ fileSystem, directory }: StoreImage, kind: string): string[] {
  return fileSystem.list(directory).filter((name) => parseFileName(name)?.kind === kind);
}

/** A file of an image as a target of damage, with files of the image and of `foreign` to be mixed up with. */
export function damageTarget(image: StoreImage, name: string, foreign: StoreImage): DamageTarget {
  const { kind } = parseFileName(name)!;
  const own = namesOf(image).filter((other) => other !== name);
  const others = own.map((other) => otherFile(image, other, ""));
  const theirs = filesOfKind(foreign, kind).map((other) => otherFile(foreign, other, OF_ANOTHER_STORE));
  const bytes = image.fileSystem.contents(`${image.directory}/${name}`);
  return { name, bytes, parts: partsOf(name, bytes), others: [...others, ...theirs] };
}

const OF_ANOTHER_STORE = " of another store";

function otherFile({ fileSystem, directory }: StoreImage, name: string, whose: string): OtherFile {
  const bytes = fileSystem.contents(`${directory}/${name}`);
  return { name: `${name}${whose}`, bytes, parts: partsOf(name, bytes) };
}

function namesOf({ fileSystem, directory }: StoreImage): string[] {
  return fileSystem.list(directory).filter((name) => name !== "lost");
}
