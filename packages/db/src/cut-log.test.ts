import { isKvtsError } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { logFileName, parseFileName } from "./format/filenames.ts";
import { loadManifest } from "./manifest/state.ts";
import { repairStore, successorOf } from "./testing/lived-in-store.ts";
import type { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { openPlainStore } from "./testing/plain-store.ts";
import { storeContents } from "./testing/store-contents.ts";
import { TestStore } from "./testing/test-store.ts";
import type { LogPosition } from "./wal/format.ts";

interface Stopped {
  readonly store: TestStore;
  readonly fs: MemoryFileSystem;
  /** What the manifest says to be on disk. */
  readonly durable: LogPosition;
  /** The newest log, and the bytes of its frames, without the zeros that are kept behind them. */
  readonly log: number;
  readonly bytes: Uint8Array;
}

/** A store that took a write every 300 ms for some seconds, and then was killed. */
async function stoppedStore(): Promise<Stopped> {
  const store = await openPlainStore();
  for (let i = 0; i < 12; i++) {
    store.clock.advance(300_000);
    await store.submit([{ op: "put", key: Uint8Array.of(i), value: new Uint8Array(100 + i).fill(1) }]);
  }
  const fs = (store.fileSystem as MemoryFileSystem).crash(() => true);
  await store.abandon().close();
  const { numbers } = loadManifest(fs, "d")!;
  const logs = fs
    .list("d")
    .map(parseFileName)
    .flatMap((name) => (name?.kind === "log" ? [name.number] : []));
  const log = logs.at(-1)!;
  return { store, fs, durable: numbers.durableLog!, log, bytes: withoutZeros(fs.contents(logFileName("d", log))) };
}

/** Frames end at multiples of eight bytes. */
function withoutZeros(bytes: Uint8Array): Uint8Array {
  return bytes.slice(0, Math.ceil((bytes.findLastIndex((byte) => byte !== 0) + 1) / 8) * 8);
}

/** The number of versions that a store has on a disk, or the sentence with which it is refused. */
async function opened(store: TestStore, fs: MemoryFileSystem): Promise<number | string> {
  const after = successorOf(store, fs);
  try {
    await after.open();
  } catch (error) {
    if (!isKvtsError(error, "CORRUPTION")) throw error;
    return error.message;
  }
  const { length } = await storeContents(after.db);
  await after.close();
  return length;
}

describe("a log whose end was cut off while the store was not open", () => {
  test("is damage as far as the manifest knows that it was on disk, and a torn tail behind that", async () => {
    const { store, fs, durable, log, bytes } = await stoppedStore();
    expect(durable.segment).toBe(log);
    // All but the writes of the last half second, or one more.
    expect(durable.offset).toBeGreaterThan(bytes.length * 0.6);
    let whole = 0;
    for (let length = 0; length <= bytes.length; length += 8) {
      const image = fs.crash(() => true);
      image.replace(logFileName("d", log), bytes.slice(0, length));
      const outcome = await opened(store, image);
      if (length >= durable.offset) expect(outcome).toBeGreaterThan(whole++ && 6);
      else expect(outcome).toMatch(/^d\/0+\d+\.log is damaged at byte \d+: .*(on disk up to byte|not whole|missing)/);
    }
    expect(whole).toBeGreaterThan(3);
    expect(
      await opened(
        store,
        fs.crash(() => true),
      ),
    ).toBe(12);
  });

  test("is told by a repair, which saves what is there", async () => {
    const { store, fs, durable, log, bytes } = await stoppedStore();
    fs.replace(logFileName("d", log), bytes.slice(0, durable.offset - 8));
    const report = await repairStore(successorOf(store, fs), fs);
    expect(report).toMatchObject({ sound: false, lost: true });
    expect(report.operations).toBeGreaterThan(6);
    expect(await opened(store, fs)).toBe(report.operations);
  });

  test("is told by a repair where a whole segment is gone", async () => {
    const { store, fs, log } = await stoppedStore();
    await fs.remove(logFileName("d", log));
    expect(
      await opened(
        store,
        fs.crash(() => true),
      ),
    ).toContain("missing");
    const report = await repairStore(successorOf(store, fs), fs);
    expect(report).toMatchObject({ sound: false, lost: true, operations: 0 });
  });

  test("is damage in a checkpoint wherever it is cut, since all of it is on disk", async () => {
    const store = await openPlainStore({}, { randomBytes: () => new Uint8Array(16).fill(5) });
    await store.submit([{ op: "put", key: Uint8Array.of(1), value: new Uint8Array(100) }]);
    const { operations } = await store.db.checkpoint("c");
    expect(operations).toBe(1);
    const fs = store.fileSystem as MemoryFileSystem;
    const { numbers } = loadManifest(fs, "c")!;
    const path = logFileName("c", numbers.logNumber);
    fs.replace(path, fs.contents(path).slice(0, -8));
    const settings = { keys: "bytes", memtableBytes: 256 * 1024, blockCacheBytes: 64 * 1024, tuning: {} } as const;
    const copy = new TestStore({ settings, fileSystem: fs, directory: "c", clock: store.clock });
    await expect(copy.open()).rejects.toMatchObject({ code: "CORRUPTION" });
    await store.close();
  });
});
