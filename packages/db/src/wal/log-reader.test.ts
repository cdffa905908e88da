import { isKvtsError, type KvtsError } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { logFileName } from "../format/filenames.ts";
import type { LoggedBatch } from "../testing/log-records.ts";
import { MemoryFileSystem } from "../testing/memory-file-system.ts";
import { Random } from "../testing/random.ts";
import { plainGroup, readGroups, TEST_DIRECTORY, TEST_INCARNATION, TestLog } from "../testing/test-log.ts";
import { LOG_START, type LogPosition, SEGMENT_HEADER_BYTES } from "./format.ts";
import { readLog } from "./log-reader.ts";
import { isAfter } from "./segment-reader.ts";

const put = (key: string, value: string): LoggedBatch => ({ operations: [{ kind: "put", key, value, timestamp: 5 }] });
const path = (number: number) => logFileName(TEST_DIRECTORY, number);

function memory(): MemoryFileSystem {
  const fs = new MemoryFileSystem();
  fs.makeDirectory(TEST_DIRECTORY);
  return fs;
}

async function failure(action: () => Promise<unknown>): Promise<KvtsError> {
  try {
    await action();
  } catch (error) {
    if (isKvtsError(error)) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

/** Three segments with frames synced one by one, in pairs, and not at all. */
async function threeSegments(): Promise<{ fs: MemoryFileSystem; log: TestLog }> {
  const fs = memory();
  const log = await TestLog.start(fs, LOG_START, { sparesMax: 0 });
  for (const [index, value] of ["a", "bb", "", "dddd", "e".repeat(30), "ff", "g", "h"].entries()) {
    if (index === 3 || index === 6) log.writer.rotate();
    await log.append(put(`key${index}`, value), { requestId: `r${index}`, operations: put("x", value).operations });
    if (index % 2 === 0 && index < 6) await log.writer.sync();
  }
  return { fs, log };
}

/** What a reader must find when whatever began at `place` is broken, `end` being the log's end without it. */
function expectation(log: TestLog, place: LogPosition): { kept: number } | "CORRUPTION" {
  const proven = log.groups.some(
    ({ segment, offset, durable }) => isAfter({ segment, offset }, place) && isAfter(durable, place),
  );
  if (proven) return "CORRUPTION";
  return { kept: log.groups.filter(({ segment, offset }) => isAfter(place, { segment, offset })).length };
}

/** The header or frame in which a byte lies; undefined behind the last frame. */
function structureAt(log: TestLog, segment: number, byte: number): LogPosition | undefined {
  if (byte < SEGMENT_HEADER_BYTES) return { segment, offset: 0 };
  const within = log.groups.filter((group) => group.segment === segment && group.offset <= byte);
  const last = within.at(-1);
  const next = log.groups[log.groups.indexOf(last!) + 1];
  const end = next?.segment === segment ? next.offset : log.groups.at(-1) === last ? log.writer.offset : undefined;
  return last === undefined || (end !== undefined && byte >= end) ? undefined : { segment, offset: last.offset };
}

describe("a log", () => {
  test("is read back, segment after segment", async () => {
    const { fs, log } = await threeSegments();
    const found = await readGroups(fs, 1);
    expect(found.groups).toEqual(log.groups.map(plainGroup));
    expect(found).toMatchObject({ live: [1, 2, 3], stale: [], lastSeq: 16, frames: 8, operations: 16 });
    expect(found.end).toEqual({ segment: 3, offset: log.writer.offset });
  });

  test("begins at the segment that the manifest names; older ones are stale", async () => {
    const { fs, log } = await threeSegments();
    const found = await readGroups(fs, 2);
    expect(found.groups).toEqual(log.groups.filter(({ segment }) => segment >= 2).map(plainGroup));
    expect(found).toMatchObject({ live: [2, 3], stale: [1] });
  });

  test("is empty after its creation, and after a close without writes", async () => {
    const fs = memory();
    const log = await TestLog.start(fs, LOG_START);
    expect(await readGroups(fs, 1)).toMatchObject({
      groups: [],
      live: [1],
      end: { segment: 1, offset: 48 },
      lastSeq: 0,
    });
    await log.writer.close();
    expect(await readGroups(fs, 1)).toMatchObject({ groups: [], live: [1], end: { segment: 1, offset: 48 } });
    expect(fs.contents(path(1))).toHaveLength(48);
  });

  test("goes on in a new segment where a reader found its end", async () => {
    const { fs, log } = await threeSegments();
    const { end } = await readGroups(fs, 1);
    const next = await TestLog.start(fs, end, { firstNumber: 4, firstSeq: 100 });
    await next.append(put("later", "z"));
    const found = await readGroups(fs, 1);
    expect(found.groups).toEqual([...log.groups, ...next.groups].map(plainGroup));
  });

  test("may have frames of many windows, and one larger than a window", async () => {
    const fs = memory();
    const log = await TestLog.start(fs, LOG_START, { segmentBytes: 8 << 20 });
    for (let index = 0; index < 30; index++) await log.append(put(`key${index}`, "v".repeat(100_000 + index)));
    await log.append(put("large", "L".repeat(3_000_000)));
    await log.append(put("last", "x"));
    await log.writer.sync();
    const found = await readGroups(fs, 1);
    expect(found.groups).toEqual(log.groups.map(plainGroup));
  });

  test("ends no sooner than the manifest says, wherever it was cut", async () => {
    const { fs, log } = await threeSegments();
    const end = { segment: log.writer.segment, offset: log.writer.offset };
    const read = (durable: LogPosition) => readGroups(fs, 1, TEST_INCARNATION, durable);
    expect((await read(end)).groups).toEqual(log.groups.map(plainGroup));
    await expect(read({ ...end, offset: end.offset + 8 })).rejects.toMatchObject({
      code: "CORRUPTION",
      message: expect.stringContaining(`the log was on disk up to byte ${end.offset + 8}`),
      details: { offset: end.offset },
    });
    await expect(read({ segment: end.segment + 1, offset: 48 })).rejects.toMatchObject({
      code: "CORRUPTION",
      message: expect.stringContaining("the file is missing"),
    });
  });

  test("waits for whoever takes its frames", async () => {
    const { fs, log } = await threeSegments();
    let busy = false;
    let frames = 0;
    const source = {
      fileSystem: fs,
      directory: TEST_DIRECTORY,
      incarnation: TEST_INCARNATION,
      logNumber: 1,
      durable: undefined,
    };
    await readLog(source, async () => {
      expect(busy).toBe(false);
      busy = true;
      await new Promise((resolve) => setTimeout(resolve, 1));
      busy = false;
      frames++;
    });
    expect(frames).toBe(log.groups.length);
  });
});

describe("damage", () => {
  test("of any one byte gives all data, or a torn tail, or CORRUPTION, as what follows proves", async () => {
    const { fs, log } = await threeSegments();
    let refused = 0;
    let torn = 0;
    for (const segment of [1, 2, 3]) {
      const whole = fs.contents(path(segment));
      for (let byte = 0; byte < whole.length; byte++) {
        const damaged = whole.slice();
        damaged[byte]! ^= 1 << (byte % 8);
        fs.replace(path(segment), damaged);
        const place = structureAt(log, segment, byte);
        const expected = place === undefined ? { kept: log.groups.length } : expectation(log, place);
        if (expected === "CORRUPTION") {
          const error = await failure(() => readGroups(fs, 1));
          expect(error.code).toBe("CORRUPTION");
          expect(error.details).toEqual({ file: path(segment), offset: place!.offset });
          refused++;
        } else {
          const found = await readGroups(fs, 1);
          expect(found.groups).toEqual(log.groups.slice(0, expected.kept).map(plainGroup));
          if (expected.kept < log.groups.length) torn++;
        }
      }
      fs.replace(path(segment), whole);
    }
    expect(refused).toBeGreaterThan(500);
    expect(torn).toBeGreaterThan(300);
  });

  test("by truncation at any length gives a torn tail, or CORRUPTION, as what follows proves", async () => {
    const { fs, log } = await threeSegments();
    for (const segment of [1, 2, 3]) {
      const whole = fs.contents(path(segment));
      for (let length = 0; length < whole.length; length++) {
        fs.replace(path(segment), whole.subarray(0, length));
        const place = structureAt(log, segment, length)!;
        const expected = expectation(log, place);
        if (expected === "CORRUPTION") {
          const error = await failure(() => readGroups(fs, 1));
          expect(error.details).toEqual({ file: path(segment), offset: place.offset });
        } else {
          const found = await readGroups(fs, 1);
          expect(found.groups).toEqual(log.groups.slice(0, expected.kept).map(plainGroup));
        }
      }
      fs.replace(path(segment), whole);
    }
  });

  test("where bytes are added changes nothing", async () => {
    const { fs, log } = await threeSegments();
    const whole = fs.contents(path(3));
    for (const length of [1, 7, 8, 39, 40, 5000]) {
      for (const byte of [0, 1, 0xff]) {
        fs.replace(path(3), Buffer.concat([whole, Buffer.alloc(length, byte)]));
        expect((await readGroups(fs, 1)).groups).toHaveLength(log.groups.length);
      }
    }
  });

  test("by a missing segment is CORRUPTION where later frames prove that it was there", async () => {
    for (const missing of [1, 2]) {
      const { fs } = await threeSegments();
      await fs.remove(path(missing));
      const error = await failure(() => readGroups(fs, 1));
      expect(error).toMatchObject({ code: "CORRUPTION", details: { file: path(missing), offset: 0 } });
      expect(error.message).toContain("missing");
    }
  });

  test("by a missing last segment shows only to whoever knows the last seq", async () => {
    const { fs, log } = await threeSegments();
    await fs.remove(path(3));
    const found = await readGroups(fs, 1);
    expect(found.groups).toEqual(log.groups.slice(0, 6).map(plainGroup));
    expect(found.lastSeq).toBe(12);
  });

  test("by the loss of all segments is CORRUPTION", async () => {
    const error = await failure(() => readGroups(memory(), 3));
    expect(error).toMatchObject({ code: "CORRUPTION", details: { file: path(3) } });
  });

  test("of many bytes at once never ends in anything else", async () => {
    const { fs, log } = await threeSegments();
    const whole = new Map([1, 2, 3].map((segment) => [segment, fs.contents(path(segment))]));
    const random = new Random(77);
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
      try {
        const found = await readGroups(fs, 1);
        expect(found.groups).toEqual(log.groups.slice(0, found.groups.length).map(plainGroup));
      } catch (error) {
        if (!isKvtsError(error, "CORRUPTION")) throw error;
      }
    }
  });
});

describe("a frame is not mistaken for another", () => {
  test("when a value holds the bytes of a log, this one's or another store's", async () => {
    const foreign = memory();
    const other = await TestLog.start(foreign, LOG_START, { incarnation: "f".repeat(32) });
    for (const value of ["one", "two", "three"]) {
      await other.append(put("foreign", value));
      await other.writer.sync();
    }
    const fs = memory();
    const log = await TestLog.start(fs, LOG_START, { segmentBytes: 16_384 });
    await log.append(put("first", "1"));
    await log.writer.sync();
    const copies = Buffer.concat([fs.contents(path(1)).subarray(48), foreign.contents(path(1))]);
    for (let shift = 0; shift < 8; shift++) {
      await log.append(put("log", "-".repeat(shift) + copies.toString("latin1")));
    }
    await log.append(put("last", "2"));
    expect((await readGroups(fs, 1)).groups).toEqual(log.groups.map(plainGroup));
    // A tear in the first of them: what lies in the values behind it proves nothing.
    const torn = fs.contents(path(1));
    torn[log.groups[1]!.offset + 60]! ^= 1;
    torn.fill(0, log.groups.at(-1)!.offset);
    fs.replace(path(1), torn);
    expect((await readGroups(fs, 1)).groups).toEqual(log.groups.slice(0, 1).map(plainGroup));
  });

  test("when the log of another store lies in the directory", async () => {
    const { fs } = await threeSegments();
    const error = await failure(() => readGroups(fs, 1, "f".repeat(32)));
    expect(error).toMatchObject({ code: "CORRUPTION", details: { file: path(1) } });
    expect(error.message).toContain("another store");
  });

  test("when a segment has another's name", async () => {
    const { fs } = await threeSegments();
    fs.replace(path(3), fs.contents(path(2)));
    // As a recycled segment has until its new header is written.
    expect(await readGroups(fs, 1)).toMatchObject({ live: [1, 2], stale: [3] });
  });
});
