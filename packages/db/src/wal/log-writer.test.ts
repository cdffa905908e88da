import { isKvtsError, type Logger, silentLogger } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { logFileName } from "../format/filenames.ts";
import { FaultFileSystem } from "../testing/fault-file-system.ts";
import { LimitedFileSystem } from "../testing/limited-file-system.ts";
import type { LoggedBatch } from "../testing/log-records.ts";
import { MemoryFileSystem } from "../testing/memory-file-system.ts";
import { plainGroup, readGroups, TEST_DIRECTORY, TestLog } from "../testing/test-log.ts";
import { LOG_START, SEGMENT_HEADER_BYTES } from "./format.ts";

const put = (key: string, value: string): LoggedBatch => ({ operations: [{ kind: "put", key, value, timestamp: 5 }] });
const path = (number: number) => logFileName(TEST_DIRECTORY, number);
const killed = () => true;
const powerCut = () => false;

function memory(): MemoryFileSystem {
  const fs = new MemoryFileSystem();
  fs.makeDirectory(TEST_DIRECTORY);
  return fs;
}

async function failure(
  action: () => Promise<unknown> | unknown,
): Promise<Error & { code?: string; details?: unknown }> {
  try {
    await action();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

/** Fills the segment in use up to a byte count. */
async function fill(log: TestLog, bytes: number): Promise<void> {
  while (log.writer.offset < bytes) await log.append(put("fill", "f".repeat(50)));
}

describe("what is on disk", () => {
  test("is what sync has resolved for, and the writer says so", async () => {
    const fs = memory();
    const log = await TestLog.start(fs, LOG_START);
    expect([log.writer.durableSegment, log.writer.durableOffset]).toEqual([1, SEGMENT_HEADER_BYTES]);
    await log.append(put("a", "1"));
    await log.writer.sync();
    const { offset } = log.writer;
    await log.append(put("b", "2"));
    expect([log.writer.durableSegment, log.writer.durableOffset]).toEqual([1, offset]);
    expect((await readGroups(fs.crash(powerCut), 1)).groups).toEqual(log.groups.slice(0, 1).map(plainGroup));
    expect((await readGroups(fs.crash(killed), 1)).groups).toEqual(log.groups.map(plainGroup));
  });

  test("covers segments that were left since the last sync, and their names", async () => {
    const fs = memory();
    const log = await TestLog.start(fs, LOG_START);
    for (let index = 0; index < 3; index++) {
      await log.append(put("a", "1"));
      log.writer.rotate();
    }
    await log.append(put("b", "2"));
    await log.writer.sync();
    const found = await readGroups(fs.crash(powerCut), 1);
    expect(found.groups).toEqual(log.groups.map(plainGroup));
    expect(found.live).toEqual([1, 2, 3, 4]);
  });

  test("does not cover what was appended while the sync ran", async () => {
    const fs = memory();
    const log = await TestLog.start(fs, LOG_START);
    await log.append(put("a", "1"));
    const sync = log.writer.sync();
    const appended = log.append(put("b", "2"));
    await sync;
    await appended;
    expect(log.writer.durableOffset).toBeLessThan(log.writer.offset);
    expect((await readGroups(fs.crash(powerCut), 1)).frames).toBe(1);
  });
});

describe("segments", () => {
  test("are kept longer than their frames, and cut to their length by close", async () => {
    const fs = memory();
    const log = await TestLog.start(fs, LOG_START, { growthBytes: 1000 });
    await log.append(put("a", "1"));
    const first = log.writer.offset;
    const lengths = new Set<number>();
    for (; log.writer.offset < 4000; await log.append(put("b", "2"))) {
      const bytes = fs.contents(path(1));
      expect(bytes.subarray(log.writer.offset)).toEqual(new Uint8Array(bytes.length - log.writer.offset));
      lengths.add(bytes.length);
    }
    expect(lengths.size).toBe(4);
    expect([Math.min(...lengths), Math.max(...lengths)]).toEqual([first + 1000, 4096]);
    await log.writer.sync();
    expect((await readGroups(fs.crash(powerCut), 1)).groups).toEqual(log.groups.map(plainGroup));
    const { segment, offset } = log.writer;
    await log.writer.close();
    expect(fs.crash(powerCut).contents(path(segment))).toHaveLength(offset);
    expect((await readGroups(fs.crash(powerCut), 1)).groups).toEqual(log.groups.map(plainGroup));
    expect((await failure(() => log.append(put("b", "2")))).code).toBe("CLOSED");
  });

  test("leave to frames what room there is on a disk that is nearly full", async () => {
    const inner = memory();
    const disk = new LimitedFileSystem(inner, TEST_DIRECTORY);
    const log = await TestLog.start(disk, LOG_START, { growthBytes: 2000 });
    disk.limitBytes = disk.usedBytes + 1024;
    let frames = 0;
    expect(
      await failure(async () => {
        for (; ; frames++) {
          await log.append(put("a", "1"));
          expect(inner.contents(path(1))).toHaveLength(log.writer.offset);
        }
      }),
    ).toMatchObject({ code: "ENOSPC" });
    expect(log.writer.offset).toBeGreaterThan(1300);
    disk.limitBytes = Number.POSITIVE_INFINITY;
    await log.append(put("b", "2"));
    expect(inner.contents(path(1))).toHaveLength(log.writer.offset + 2000);
    await log.writer.sync();
    expect((await readGroups(inner.crash(powerCut), 1)).frames).toBe(frames + 1);
  });

  test("that are given up become spares up to the cap, and their old frames are never read", async () => {
    const fs = memory();
    const log = await TestLog.start(fs, LOG_START);
    for (let round = 0; round < 6; round++) {
      await fill(log, 3900);
      const left = log.writer.segment;
      log.writer.rotate();
      await log.append(put(`round${round}`, "x"));
      await log.writer.sync();
      await log.writer.recycle(left);
      const { groups, live } = await readGroups(fs, log.writer.segment);
      expect(groups).toEqual(log.groups.filter(({ segment }) => segment === log.writer.segment).map(plainGroup));
      expect(live).toEqual([log.writer.segment]);
      const names = fs.list(TEST_DIRECTORY);
      expect(names.filter((name) => name.endsWith(".log"))).toHaveLength(1);
      expect(names.filter((name) => name.endsWith(".spare")).length).toBeLessThanOrEqual(2);
    }
    // A used segment has come round: behind its few new frames stand whole old ones.
    const bytes = fs.contents(path(log.writer.segment));
    expect(Buffer.from(bytes.subarray(log.writer.offset)).includes("ffff")).toBe(true);
    await log.writer.close();
    expect(fs.list(TEST_DIRECTORY)).toEqual([`00${String(log.writer.segment).padStart(4, "0")}.log`]);
  });

  test("given up while a sync runs stay open until it has ended", async () => {
    const fs = memory();
    const log = await TestLog.start(fs, LOG_START);
    await log.append(put("a", "1"));
    log.writer.rotate();
    await log.append(put("b", "2"));
    const sync = log.writer.sync();
    const recycled = log.writer.recycle(1);
    await Promise.all([sync, recycled]);
    expect(fs.list(TEST_DIRECTORY)).toEqual(["000002.log", "000003.spare"]);
    expect((await readGroups(fs, 2)).frames).toBe(1);
  });

  test("for a frame larger than a segment have its size, and are not kept", async () => {
    const fs = memory();
    const log = await TestLog.start(fs, LOG_START);
    await log.append(put("a", "1"));
    await log.append(put("large", "L".repeat(20_000)));
    expect(log.writer.fits(8)).toBe(false);
    const large = log.writer.segment;
    expect(fs.contents(path(large))).toHaveLength(log.writer.offset);
    await log.append(put("next", "n"));
    await log.writer.sync();
    expect((await readGroups(fs.crash(powerCut), 1)).groups).toEqual(log.groups.map(plainGroup));
    await log.writer.recycle(1);
    await log.writer.recycle(large);
    expect(fs.list(TEST_DIRECTORY)).toEqual(["000003.log", "000004.spare"]);
  });

  test("that cannot be removed do not keep the log from closing", async () => {
    const inner = memory();
    const fs = new FaultFileSystem(inner, { kinds: new Set(["remove"]) });
    const warned: string[] = [];
    const logger: Logger = { ...silentLogger, warn: (_fields, message) => warned.push(message) };
    const log = await TestLog.start(fs, LOG_START, { logger });
    log.writer.rotate();
    await log.append(put("a", "1"));
    await log.writer.sync();
    await log.writer.recycle(1);
    fs.fault = { at: 1, code: "EIO" };
    await log.writer.close();
    expect(warned).toHaveLength(1);
    expect(inner.list(TEST_DIRECTORY)).toEqual(["000002.log", "000003.spare"]);
    expect((await readGroups(inner, 2)).groups).toEqual(log.groups.map(plainGroup));
  });
});

describe("a failed write", () => {
  test.each([0, 0.3, 1])(
    "of which %d reaches the file changes nothing, and the next append goes in its place",
    async (written) => {
      for (const size of [10, 3_000_000]) {
        const inner = memory();
        const fs = new FaultFileSystem(inner);
        const log = await TestLog.start(fs, LOG_START, { segmentBytes: 8 << 20, sparesMax: 0 });
        await log.append(put("a", "1"));
        const { offset } = log.writer;
        // The second piece of a large frame.
        fs.fault = { at: fs.calls + (size > 1_000_000 ? 2 : 1), code: "ENOSPC", written };
        expect((await failure(() => log.append(put("lost", "x".repeat(size))))).code).toBe("ENOSPC");
        expect(log.writer.offset).toBe(offset);
        expect((await readGroups(inner.crash(killed), 1)).frames).toBe(1);
        await log.append(put("b", "2"));
        await log.writer.sync();
        expect((await readGroups(inner.crash(powerCut), 1)).groups).toEqual(log.groups.map(plainGroup));
      }
    },
  );

  test("on a full disk is taken back wherever the room ended", async () => {
    for (let length = 0; length < 512; length += 4) {
      const inner = memory();
      const disk = new LimitedFileSystem(inner, TEST_DIRECTORY);
      const log = await TestLog.start(disk, LOG_START, { sparesMax: 0 });
      await log.append(put("a", "x".repeat(length)));
      disk.fill();
      expect((await failure(() => log.append(put("lost", "x".repeat(600))))).code, `${length}`).toBe("ENOSPC");
      disk.limitBytes = Number.POSITIVE_INFINITY;
      await log.append(put("b", "2"));
      await log.writer.sync();
      expect((await readGroups(inner.crash(powerCut), 1)).groups).toEqual(log.groups.map(plainGroup));
    }
  });

  test("that cannot be taken back ends the writing", async () => {
    const inner = memory();
    const fs = new FaultFileSystem(inner);
    const log = await TestLog.start(fs, LOG_START);
    fs.fault = { at: fs.calls + 1, code: "EIO", written: 0.5, lasts: true };
    const error = await failure(() => log.append(put("a", "1")));
    expect(error).toMatchObject({ code: "READ_ONLY", details: { indeterminate: true } });
    fs.fault = undefined;
    expect(await failure(() => log.append(put("a", "1")))).toBe(error);
    expect(await failure(() => log.writer.sync())).toBe(error);
    await log.writer.close();
  });

  test("of a new segment's header leaves the log where it was", async () => {
    const inner = memory();
    const fs = new FaultFileSystem(inner);
    const log = await TestLog.start(fs, LOG_START);
    await log.append(put("a", "1"));
    for (const at of [1, 2]) {
      fs.fault = { at: fs.calls + at, code: "ENOSPC", written: 1 };
      expect((await failure(() => log.writer.rotate())).code).toBe("ENOSPC");
      await log.append(put("b", "2"));
    }
    await log.writer.sync();
    await log.writer.settled();
    expect(inner.list(TEST_DIRECTORY)).toEqual(["000001.log"]);
    expect((await readGroups(inner.crash(powerCut), 1)).groups).toEqual(log.groups.map(plainGroup));
    log.writer.rotate();
    await log.append(put("c", "3"));
    await log.writer.sync();
    expect((await readGroups(inner.crash(powerCut), 1)).groups).toEqual(log.groups.map(plainGroup));
  });
});

describe("a failed sync", () => {
  test.each(["file", "directory"])("of a %s ends the writing, and says that the outcome is open", async (what) => {
    const inner = memory();
    const fs = new FaultFileSystem(inner);
    const log = await TestLog.start(fs, LOG_START);
    log.writer.rotate();
    await log.append(put("a", "1"));
    fs.fault = { at: fs.calls + (what === "file" ? 1 : 3), code: "EIO" };
    const error = await failure(() => log.writer.sync());
    expect(isKvtsError(error, "READ_ONLY")).toBe(true);
    expect(error).toMatchObject({ details: { indeterminate: true }, cause: { code: "EIO" } });
    expect(await failure(() => log.append(put("b", "2")))).toBe(error);
    expect(await failure(() => log.writer.rotate())).toBe(error);
    await log.writer.close();
  });
});

test("misuse is refused by name", async () => {
  const log = await TestLog.start(memory(), LOG_START, { segmentBytes: 8 << 20 });
  await log.append(put("a", "1"));
  const sync = log.writer.sync();
  expect((await failure(() => log.writer.sync())).message).toContain("W11");
  await sync;
  const large = log.append(put("a", "x".repeat(2_000_000)));
  expect((await failure(() => log.writer.rotate())).message).toContain("W12");
  expect((await failure(() => log.append(put("b", "2")))).message).toContain("W9");
  await large;
  expect((await failure(() => log.writer.recycle(log.writer.segment))).message).toContain("W13");
});
