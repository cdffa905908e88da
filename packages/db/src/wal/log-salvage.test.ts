import { describe, expect, test } from "vitest";
import { logFileName } from "../format/filenames.ts";
import { type LoggedBatch, readBatches } from "../testing/log-records.ts";
import { MemoryFileSystem } from "../testing/memory-file-system.ts";
import { Random } from "../testing/random.ts";
import { type LoggedGroup, plainGroup, TEST_DIRECTORY, TEST_INCARNATION, TestLog } from "../testing/test-log.ts";
import { LOG_START, SEGMENT_HEADER_BYTES } from "./format.ts";
import { readLog } from "./log-reader.ts";
import { type SalvagedLog, type SalvageSource, salvageLog } from "./log-salvage.ts";
import { encodeSegmentHeader } from "./segment-header.ts";

const path = (number: number) => logFileName(TEST_DIRECTORY, number);
const put = (key: string, value: string): LoggedBatch => ({ operations: [{ kind: "put", key, value, timestamp: 5 }] });
const segmentOf = (file: string) => Number(/(\d+)\.log$/.exec(file)![1]);

function memory(): MemoryFileSystem {
  const fs = new MemoryFileSystem();
  fs.makeDirectory(TEST_DIRECTORY);
  return fs;
}

async function salvage(
  fileSystem: MemoryFileSystem,
  source: Partial<SalvageSource> = {},
): Promise<SalvagedLog & { groups: LoggedGroup[] }> {
  const groups: LoggedGroup[] = [];
  const whole: SalvageSource = {
    fileSystem,
    directory: TEST_DIRECTORY,
    incarnation: undefined,
    incarnationsBefore: [],
    logNumber: 0,
    isExact: false,
    durable: undefined,
  };
  const found = await salvageLog({ ...whole, ...source }, (frame) => {
    groups.push({ segment: segmentOf(frame.file), firstSeq: frame.firstSeq, batches: readBatches(frame).batches });
  });
  return { ...found, groups };
}

/** What the reader says: the groups it finds, or that the log is damaged. */
async function read(fileSystem: MemoryFileSystem): Promise<readonly number[] | "CORRUPTION"> {
  const seqs: number[] = [];
  const source = {
    fileSystem,
    directory: TEST_DIRECTORY,
    incarnation: TEST_INCARNATION,
    logNumber: 1,
    durable: undefined,
  };
  try {
    await readLog(source, (frame) => void seqs.push(frame.firstSeq));
    return seqs;
  } catch (error) {
    expect(error).toMatchObject({ code: "CORRUPTION" });
    return "CORRUPTION";
  }
}

/** Three segments with frames synced one by one, in pairs, and not at all. */
async function threeSegments(): Promise<{ fs: MemoryFileSystem; log: TestLog }> {
  const fs = memory();
  const log = await TestLog.start(fs, LOG_START, { sparesMax: 0 });
  for (const [index, value] of ["a", "bb", "", "dddd", "e".repeat(30), "ff", "g", "h"].entries()) {
    if (index === 3 || index === 6) log.writer.rotate();
    await log.append(put(`key${index}`, value), put("x", value));
    if (index % 2 === 0 && index < 6) await log.writer.sync();
  }
  return { fs, log };
}

/** The group in whose bytes a byte lies, if any. */
function groupAt(log: TestLog, segment: number, byte: number): LoggedGroup | undefined {
  if (byte < SEGMENT_HEADER_BYTES) return undefined;
  return log.groups.findLast((group) => group.segment === segment && group.offset <= byte);
}

describe("the salvage of a log", () => {
  test("gives what the reader gives where nothing is damaged", async () => {
    const { fs, log } = await threeSegments();
    const found = await salvage(fs);
    expect(found.groups).toEqual(log.groups.map(plainGroup));
    expect(found.segments.map(({ fate, damage }) => [fate, damage])).toEqual(Array(3).fill(["read", []]));
    expect(found).toMatchObject({ missing: [], operations: 16, lastSeq: 16 });
  });

  test("after damage of any one byte saves everything but the frame that was hit", async () => {
    const { fs, log } = await threeSegments();
    let saved = 0;
    for (const segment of [1, 2, 3]) {
      const whole = fs.contents(path(segment));
      for (let byte = 0; byte < whole.length; byte++) {
        const damaged = whole.slice();
        damaged[byte]! ^= 1 << (byte % 8);
        fs.replace(path(segment), damaged);
        const readable = await read(fs);
        const found = await salvage(fs, { incarnation: TEST_INCARNATION });
        if (readable !== "CORRUPTION") {
          expect(found.groups.map(({ firstSeq }) => firstSeq)).toEqual(readable);
          expect(found.segments.every(({ damage }) => damage.length === 0)).toBe(true);
          continue;
        }
        const hit = groupAt(log, segment, byte);
        expect(found.groups).toEqual(log.groups.filter((group) => group !== hit).map(plainGroup));
        const { damage } = found.segments.find(({ number }) => number === segment)!;
        expect(damage).toHaveLength(1);
        expect(damage[0]!.offset).toBeLessThanOrEqual(byte);
        expect(damage[0]!.end).toBeGreaterThan(byte);
        saved++;
      }
      fs.replace(path(segment), whole);
    }
    expect(saved).toBeGreaterThan(500);
  });

  test("after a cut at any length saves all whole frames of it and of what follows", async () => {
    const { fs, log } = await threeSegments();
    for (const segment of [1, 2, 3]) {
      const whole = fs.contents(path(segment));
      for (let length = 0; length < whole.length; length++) {
        fs.replace(path(segment), whole.subarray(0, length));
        const readable = await read(fs);
        const found = await salvage(fs, { incarnation: TEST_INCARNATION });
        if (readable !== "CORRUPTION") {
          expect(found.groups.map(({ firstSeq }) => firstSeq)).toEqual(readable);
          continue;
        }
        const isWhole = (group: LoggedGroup, index: number) => {
          const next = log.groups[index + 1];
          const end = next?.segment === segment ? next.offset : whole.length;
          return group.segment !== segment || (end <= length && length >= SEGMENT_HEADER_BYTES);
        };
        expect(found.groups).toEqual(log.groups.filter(isWhole).map(plainGroup));
        expect(found.segments.some(({ damage }) => damage.length > 0)).toBe(true);
      }
      fs.replace(path(segment), whole);
    }
  });

  test("tells of a segment that is missing from between two others, and reads those", async () => {
    const { fs, log } = await threeSegments();
    await fs.remove(path(2));
    const found = await salvage(fs);
    expect(found.missing).toEqual([2]);
    expect(found.groups).toEqual(log.groups.filter(({ segment }) => segment !== 2).map(plainGroup));
  });

  test("misses a first segment only where it is known to have been the first", async () => {
    const { fs } = await threeSegments();
    await fs.remove(path(1));
    expect(await salvage(fs)).toMatchObject({ missing: [] });
    expect(await salvage(fs, { logNumber: 1, isExact: true })).toMatchObject({ missing: [1] });
    expect(await salvage(memory(), { logNumber: 7, isExact: true })).toMatchObject({ missing: [7], segments: [] });
  });

  test("reads no segment that tables have made superfluous, that was given up, or that is another store's", async () => {
    const { fs, log } = await threeSegments();
    const { offset } = log.groups[2]!;
    const next = await TestLog.start(fs, { segment: 1, offset }, { firstNumber: 4, firstSeq: 100 });
    await next.append(put("later", "z"));
    const other = memory();
    const foreign = await TestLog.start(other, LOG_START, { firstNumber: 5, incarnation: "f".repeat(32) });
    await foreign.append(put("foreign", "f"));
    fs.replace(path(5), other.contents(path(5)));
    const found = await salvage(fs, { incarnation: TEST_INCARNATION });
    expect(found.groups).toEqual([...log.groups.slice(0, 2), ...next.groups].map(plainGroup));
    const fates = found.segments.map(({ fate }) => fate);
    expect(fates).toEqual(["read", "given up", "given up", "read", "of another store"]);
    const later = await salvage(fs, { incarnation: TEST_INCARNATION, logNumber: 4 });
    expect(later.groups).toEqual(next.groups.map(plainGroup));
    expect(later.segments.map(({ fate }) => fate)).toContain("not needed");
  });

  test("misses what another store's log stands for: one that others go on from, or any where the first is known", async () => {
    for (const [number, source] of [
      [2, {}],
      [3, { logNumber: 1, isExact: true, incarnation: TEST_INCARNATION }],
    ] as const) {
      const { fs, log } = await threeSegments();
      const other = memory();
      const foreign = await TestLog.start(other, LOG_START, { firstNumber: number, incarnation: "f".repeat(32) });
      await foreign.append(put("foreign", "f"));
      fs.replace(path(number), other.contents(path(number)));
      const found = await salvage(fs, source);
      expect(found.groups).toEqual(log.groups.filter(({ segment }) => segment !== number).map(plainGroup));
      expect(found.segments.find((segment) => segment.number === number)!.fate).toBe("in place of another");
    }
  });

  test("takes the newest log that holds something for the store's own", async () => {
    const { fs, log } = await threeSegments();
    await TestLog.start(fs, LOG_START, { firstNumber: 9, incarnation: "f".repeat(32) });
    const found = await salvage(fs);
    expect(found.groups).toEqual(log.groups.map(plainGroup));
    expect(found.segments.at(-1)).toMatchObject({ number: 9, fate: "of another store" });
  });

  test("reads logs without a whole header where it is told whose they may be", async () => {
    const fs = memory();
    const log = await TestLog.start(fs, LOG_START);
    for (const value of ["1", "2", "3"]) {
      await log.append(put("k", value));
      await log.writer.sync();
    }
    const bytes = fs.contents(path(1));
    bytes[3]! ^= 1;
    fs.replace(path(1), bytes);
    expect((await salvage(fs)).segments).toEqual([{ number: 1, fate: "unreadable", operations: 0, damage: [] }]);
    const incarnationsBefore = ["e".repeat(32), TEST_INCARNATION];
    const found = await salvage(fs, { incarnationsBefore });
    expect(found.groups).toEqual(log.groups.map(plainGroup));
    expect(found.segments[0]!.damage).toEqual([{ offset: 0, end: SEGMENT_HEADER_BYTES }]);
  });

  test("finds nothing wrong with a log that holds nothing yet", async () => {
    const fs = memory();
    await TestLog.start(fs, LOG_START);
    expect((await salvage(fs)).segments).toEqual([{ number: 1, fate: "read", operations: 0, damage: [] }]);
  });

  test("leaves out what lies behind a torn tail, and still counts its seqs", async () => {
    const { fs, log } = await threeSegments();
    const bytes = fs.contents(path(3));
    bytes[log.groups[6]!.offset + 50]! ^= 1;
    fs.replace(path(3), bytes);
    const found = await salvage(fs);
    expect(found.groups).toEqual(log.groups.slice(0, 6).map(plainGroup));
    expect(found.segments.at(-1)).toEqual({ number: 3, fate: "read", operations: 0, damage: [] });
    expect(found.lastSeq).toBe(16);
  });

  test("does not take a value for a frame", async () => {
    const fs = memory();
    const log = await TestLog.start(fs, LOG_START, { segmentBytes: 16_384 });
    for (const key of ["first", "second"]) {
      await log.append(put(key, "1"));
      await log.writer.sync();
    }
    const copies = Buffer.concat([fs.contents(path(1)).subarray(48)]).toString("latin1");
    for (let shift = 0; shift < 8; shift++) await log.append(put("log", "-".repeat(shift) + copies));
    await log.writer.sync();
    await log.append(put("last", "2"));
    await log.writer.sync();
    await log.append(put("proof", "3"));
    for (let index = 2; index < 10; index++) {
      const bytes = fs.contents(path(1));
      bytes[log.groups[index]!.offset + 44]! ^= 1;
      const damaged = memory();
      damaged.replace(path(1), bytes);
      expect((await salvage(damaged)).groups).toEqual(log.groups.filter((_, i) => i !== index).map(plainGroup));
    }
  });

  test("goes on where a header says under a right checksum what cannot be", async () => {
    const { fs, log } = await threeSegments();
    const bytes = fs.contents(path(2));
    bytes.set(encodeSegmentHeader(2, TEST_INCARNATION, { segment: 9, offset: 48 }));
    fs.replace(path(2), bytes);
    const found = await salvage(fs, { incarnation: TEST_INCARNATION });
    expect(found.groups).toEqual(log.groups.map(plainGroup));
    expect(found.segments[1]!.damage).toEqual([{ offset: 0, end: SEGMENT_HEADER_BYTES }]);
  });

  test("of many bytes damaged at once gives whole frames, in order, each at most once", async () => {
    const { fs, log } = await threeSegments();
    const whole = new Map([1, 2, 3].map((segment) => [segment, fs.contents(path(segment))]));
    const known = log.groups.map(plainGroup);
    const random = new Random(78);
    for (let round = 0; round < 3000; round++) {
      for (const [segment, bytes] of whole) {
        const damaged = bytes.slice();
        for (let i = random.below(4); i > 0; i--) {
          const at = random.below(damaged.length);
          if (random.chance(0.5)) damaged[at] = random.u32();
          else damaged.fill(random.u32(), at, at + random.below(64));
        }
        fs.replace(path(segment), random.chance(0.2) ? damaged.subarray(0, random.below(damaged.length)) : damaged);
      }
      const { groups } = await salvage(fs);
      const seqs = groups.map(({ firstSeq }) => firstSeq);
      expect(groups).toEqual(known.filter(({ firstSeq }) => seqs.includes(firstSeq)));
    }
  });
});
