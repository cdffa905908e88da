import { describe, expect, test } from "vitest";
import type { FileSystem } from "../env/file-system.ts";
import { parseFileName } from "../format/filenames.ts";
import { FaultFileSystem } from "../testing/fault-file-system.ts";
import { randomBatch } from "../testing/log-records.ts";
import { MemoryFileSystem } from "../testing/memory-file-system.ts";
import { Random } from "../testing/random.ts";
import { type LoggedGroup, plainGroup, readGroups, TEST_DIRECTORY, TestLog } from "../testing/test-log.ts";
import { LOG_START } from "./format.ts";
import type { LogContents } from "./log-reader.ts";
import { secureLog } from "./secure-log.ts";

/**
 * A store that consists of a log alone: it appends, syncs, rotates, gives segments up, and recovers as the engine does.
 * What must hold after a power cut at any call: a prefix of what was appended is found, and at least what was acknowledged.
 */
class LogStore {
  readonly random: Random;
  fs: MemoryFileSystem = new MemoryFileSystem();
  /** What the manifest would say. */
  logNumber = 0;
  nextNumber = 1;
  nextSeq = 1;
  /** Groups in segments from `logNumber` on, in order, one that is being appended included. */
  groups: LoggedGroup[] = [];
  acknowledged = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
    this.fs.makeDirectory(TEST_DIRECTORY);
  }

  /** From the call that cuts it short, the file system as the next boot finds it. */
  async run(steps: number): Promise<void> {
    const { random } = this;
    const log = await this.open();
    for (let step = 0; step < steps; step++) {
      const kind = random.below(10);
      if (kind < 6) await this.append(log);
      else if (kind < 9) await this.sync(log);
      else if (random.chance(0.5)) await this.rotateAndGiveUp(log);
      else log.writer.rotate();
    }
    if (random.chance(0.5)) await log.writer.close();
  }

  /** The engine's recovery: read, sync what was read, go on in a new segment, remove what is stale. */
  async open(): Promise<TestLog> {
    const { end, live } = await this.replay(this.fs);
    const names = this.fs.list(TEST_DIRECTORY).map((name) => parseFileName(name)?.number ?? 0);
    this.nextNumber = Math.max(this.nextNumber, ...names.map((number) => number + 1));
    const log = await TestLog.start(this.fs, end, {
      takeFileNumber: () => this.nextNumber++,
      firstSeq: this.nextSeq + 1000,
      segmentBytes: 4096,
    });
    if (this.logNumber === 0) this.logNumber = log.writer.segment;
    for (const name of this.fs.list(TEST_DIRECTORY)) {
      const { kind, number } = parseFileName(name)!;
      const isLive = live.includes(number) || number === log.writer.segment;
      if (kind === "spare" || !isLive) await this.fs.remove(`${TEST_DIRECTORY}/${name}`);
    }
    return log;
  }

  async replay(fs: FileSystem): Promise<Pick<LogContents, "end" | "live">> {
    if (this.logNumber === 0) return { end: LOG_START, live: [] };
    const found = await readGroups(fs, this.logNumber);
    this.groups = [...found.groups];
    await secureLog(fs, TEST_DIRECTORY, found);
    this.acknowledged = this.groups.length;
    return found;
  }

  async append(log: TestLog): Promise<void> {
    const { random } = this;
    const valueBytesMax = random.chance(0.05) ? 6000 : 300;
    const batches = Array.from({ length: random.between(1, 3) }, () => randomBatch(random, valueBytesMax));
    await log.append(...batches);
    this.groups.push(plainGroup(log.groups.at(-1)!));
    this.nextSeq = log.nextSeq;
  }

  async sync(log: TestLog): Promise<void> {
    const covered = this.groups.length;
    const synced = log.writer.sync();
    if (this.random.chance(0.5)) await this.append(log);
    await synced;
    this.acknowledged = covered;
  }

  /** A flush: everything before the segment in use is in tables, and the manifest says so. */
  async rotateAndGiveUp(log: TestLog): Promise<void> {
    log.writer.rotate();
    await this.fs.syncDirectory(TEST_DIRECTORY);
    const first = this.groups.findIndex(({ segment }) => segment >= log.writer.segment);
    const dropped = first < 0 ? this.groups.length : first;
    const numbers = new Set([this.logNumber, ...this.groups.slice(0, dropped).map(({ segment }) => segment)]);
    this.groups = this.groups.slice(dropped);
    this.acknowledged = Math.max(0, this.acknowledged - dropped);
    this.logNumber = log.writer.segment;
    for (const number of numbers) if (number < this.logNumber) await log.writer.recycle(number);
  }

  /** What every power cut at this moment would leave is a prefix with all that was acknowledged. */
  async check(after: MemoryFileSystem): Promise<void> {
    if (this.logNumber === 0) return;
    const { groups } = await readGroups(after, this.logNumber);
    // The last one may be just being appended, unknown to this class.
    const known = groups.slice(0, this.groups.length);
    expect(known).toEqual(this.groups.slice(0, groups.length));
    expect(groups.length).toBeLessThanOrEqual(this.groups.length + 1);
    expect(groups.length).toBeGreaterThanOrEqual(this.acknowledged);
  }
}

/** The state that a check needs, as it was when the crash was taken. */
function frozen(store: LogStore): LogStore {
  const copy = Object.assign(Object.create(LogStore.prototype) as LogStore, store);
  copy.groups = [...store.groups];
  return copy;
}

/** KVTS_TEST_SEEDS asks for more of them. */
const SEEDS: number[] = Array.from({ length: Number(process.env.KVTS_TEST_SEEDS ?? 24) }, (_, index) => index + 1);
const SHARES: number[] = [0, 0.1, 0.5, 0.9, 1];

describe("a power cut", () => {
  test.each(SEEDS)("at any call, again and again, loses nothing that was acknowledged (seed %d)", async (seed) => {
    const store = new LogStore(seed);
    let checks = 0;
    for (let boot = 0; boot < 4; boot++) {
      const crashes: [MemoryFileSystem, LogStore][] = [];
      store.fs.onCall = () => {
        const share = store.random.pick(SHARES);
        crashes.push([store.fs.crash(store.random.fork().coin(share)), frozen(store)]);
      };
      await store.run(25);
      for (const [after, at] of crashes) {
        await at.check(after);
        checks++;
      }
      // Go on from one of them.
      const [fs, { logNumber, groups, acknowledged }] = store.random.pick(crashes);
      if (logNumber === 0) break;
      Object.assign(store, { fs, logNumber, groups, acknowledged });
    }
    expect(checks).toBeGreaterThan(0);
  });
});

describe("a fault at any call", () => {
  test.each(["EIO", "ENOSPC"] as const)(
    "(%s) loses nothing that was acknowledged, and keeps nothing that was refused",
    async (code) => {
      for (let at = 1; at < 60; at++) {
        const memory = new MemoryFileSystem();
        memory.makeDirectory(TEST_DIRECTORY);
        const random = new Random(at);
        const faulty = new FaultFileSystem(memory, {
          fault: { at, code, written: random.pick([0, 0.5, 1]) },
          onFailedSync: (path) => memory.loseUnsynced(path, random.coin(0.5)),
        });
        const outcome = await writeUntilRefused(faulty, random);
        if (outcome === undefined) continue;
        const { groups } = await readGroups(memory.crash(random.coin(0.5)), 1);
        expect(groups).toEqual(outcome.appended.slice(0, groups.length).map(plainGroup));
        expect(groups.length).toBeGreaterThanOrEqual(outcome.acknowledged);
        // The same machine goes on: what recovery then finds and secures stays, whatever the failed sync has lost.
        const found = await readGroups(memory, 1);
        await secureLog(memory, TEST_DIRECTORY, found);
        const after = await readGroups(memory.crash(random.coin(0)), 1);
        expect(after.groups).toEqual(found.groups);
      }
    },
  );
});

async function writeUntilRefused(
  fs: FileSystem,
  random: Random,
): Promise<{ appended: LoggedGroup[]; acknowledged: number } | undefined> {
  let log: TestLog;
  try {
    log = await TestLog.start(fs, LOG_START);
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toMatch(/EIO|ENOSPC/);
    return undefined;
  }
  let acknowledged = 0;
  for (let step = 0; step < 40; step++) {
    try {
      await log.append(randomBatch(random, 400));
      if (!random.chance(0.4)) continue;
      const covered = log.groups.length;
      await log.writer.sync();
      acknowledged = covered;
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toMatch(/EIO|ENOSPC|READ_ONLY/);
    }
  }
  return { appended: log.groups, acknowledged };
}
