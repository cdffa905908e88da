import { type BytesInput, isKvtsError, utf8, type WriteResult } from "@kvts/common";
import { describe, expect, test } from "vitest";
import type { Db } from "./db.ts";
import type { FileSystem } from "./env/file-system.ts";
import { FaultFileSystem } from "./testing/fault-file-system.ts";
import { ManualClock } from "./testing/manual-clock.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { Random } from "./testing/random.ts";
import { storeContents } from "./testing/store-contents.ts";
import { TestStore } from "./testing/test-store.ts";
import type { StoreSettings } from "./testing/tiny-options.ts";

const SETTINGS: StoreSettings = {
  keys: "bytes",
  compression: "none",
  memtableBytes: 256 * 1024,
  blockCacheBytes: 64 * 1024,
  stallTimeoutMs: 1000,
  tuning: { logSegmentBytes: 4096, manifestBytesMax: 600, tables: { tableBytesMax: 4000, compression: "none" } },
};

const WRITES = 22;

/** Writes of all kinds, each with an id and a key of its own, so that every version tells which write it is from. */
function write(db: Db<Uint8Array>, i: number): Promise<WriteResult> {
  const key = (part: number): BytesInput => utf8(`${i}/${part}`);
  const requestId = `request ${i}`;
  const value = "x".repeat(i % 5 === 0 ? 3000 : 20);
  switch (i % 4) {
    case 0:
      return db.put(key(0), value, { requestId });
    case 1:
      return db.put(key(0), value, { requestId, ifAbsent: true });
    case 2:
      return db.delete(key(0), { requestId, timestamp: i });
    default: {
      const operations = [0, 1, 2].map((part) => ({ op: "put", key: key(part), value }) as const);
      return db.write(operations, { requestId, preconditions: [{ key: key(1), ifAbsent: true }] });
    }
  }
}

function versionsOf(writes: number): number {
  return Array.from({ length: writes }, (_, i) => (i % 4 === 3 ? 3 : 1)).reduce((sum, count) => sum + count, 0);
}

/** What has been tried by some moment, and what was answered. */
class Progress {
  submitted = 0;
  readonly answers: Map<number, WriteResult> = new Map();

  copy(): Progress {
    const copy = new Progress();
    copy.submitted = this.submitted;
    for (const [i, answer] of this.answers) copy.answers.set(i, answer);
    return copy;
  }
}

/** Writes, some at a time, flushes and merges. Failures are passed over: what has failed is sent again later. */
async function live(store: TestStore, progress: Progress): Promise<void> {
  const attempt = async (work: Promise<unknown>): Promise<void> => {
    await work.catch((error: unknown) => {
      if (!isKvtsError(error)) throw error;
    });
  };
  for (let from = 0; from < WRITES; from += 4) {
    const own = Array.from({ length: Math.min(4, WRITES - from) }, async (_, at) => {
      progress.submitted++;
      progress.answers.set(from + at, await write(store.db, from + at));
    });
    await Promise.all(own.map(attempt));
    await attempt(from % 8 === 4 ? store.db.compact() : store.db.flush());
  }
}

/** Sends everything again: each write has happened once, the acknowledged ones with the same answers as before. */
async function expectOnce(fileSystem: FileSystem, clock: ManualClock, progress: Progress, moment: string) {
  const store = new TestStore({ settings: SETTINGS, fileSystem, clock });
  await store.open();
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < progress.submitted; i++) {
      const answer = await write(store.db, i);
      expect(answer, `write ${i} after ${moment}`).toEqual(progress.answers.get(i) ?? answer);
      progress.answers.set(i, answer);
    }
    expect(await storeContents(store.db), moment).toHaveLength(versionsOf(progress.submitted));
    await store.close();
    await store.open();
  }
  await store.close();
}

describe("writes with request ids that are sent again have happened once", { timeout: 60_000 }, () => {
  test.each([
    ["a power cut", [0, 0.5]],
    ["a killed process", [1]],
  ])("after %s at any call", async (_, shares) => {
    const random = new Random(7);
    const clock = new ManualClock(1_000_000_000);
    const fileSystem = new MemoryFileSystem();
    const store = new TestStore({ settings: SETTINGS, fileSystem, clock });
    const progress = new Progress();
    const images: [MemoryFileSystem, Progress, string][] = [];
    let calls = 0;
    fileSystem.onCall = ({ kind, path }) => {
      const share = random.pick(shares);
      images.push([
        fileSystem.crash(random.fork().coin(share)),
        progress.copy(),
        `call ${++calls}, ${kind} ${path}, ${share} of what was not synced`,
      ]);
    };
    await store.open();
    await live(store, progress);
    await store.close();
    fileSystem.onCall = undefined;
    expect(images.length).toBeGreaterThan(150);
    expect(images.some(([, , moment]) => moment.includes(".ids"))).toBe(true);
    for (const [image, tried, moment] of images) await expectOnce(image, clock, tried, moment);
  });

  test("after a failure of any call", async () => {
    for (let at = 1, isHit = true; isHit; at++) {
      const memory = new MemoryFileSystem();
      const faulty = new FaultFileSystem(memory, { fault: { at, code: at % 2 === 0 ? "EIO" : "ENOSPC" } });
      const clock = new ManualClock(1_000_000_000);
      const store = new TestStore({ settings: SETTINGS, fileSystem: faulty, clock });
      const progress = new Progress();
      const isOpen = await store.open().then(
        () => true,
        () => false,
      );
      if (isOpen) {
        await live(store, progress);
        await store.close().catch(() => {});
      }
      isHit = faulty.hits > 0;
      faulty.fault = undefined;
      await expectOnce(memory, clock, progress, `a failure at call ${at}`);
    }
  });
});
