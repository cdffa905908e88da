import type { VerifyProgress } from "@kvts/common";
import { describe, expect, test, vi } from "vitest";
import { kill, livedInStore } from "./testing/lived-in-store.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { openPlainStore } from "./testing/plain-store.ts";
import { Random } from "./testing/random.ts";
import { SimulatedScheduler } from "./testing/simulated-scheduler.ts";
import type { TestOperation } from "./testing/test-store.ts";
import { verify } from "./verify.ts";

// Whole stores are written and read, on machines that may be busy.
vi.setConfig({ testTimeout: 60_000 });

const DIRECTORY = "d";

function verifyOn(fileSystem: MemoryFileSystem, options: Parameters<typeof verify>[1] = {}) {
  return verify(DIRECTORY, { ...options, components: { fileSystem, scheduler: new SimulatedScheduler() } });
}

function filesOf(fs: MemoryFileSystem): Map<string, Uint8Array> {
  return new Map(fs.list(DIRECTORY).map((name) => [name, fs.contents(`${DIRECTORY}/${name}`)]));
}

const key = (text: string) => new Uint8Array(Buffer.from(text));
const SOUND = { sound: true, problems: [], problemsOmitted: 0 };

describe("a sound store", () => {
  test.each([1, 2, 3])("that was killed or closed is sound, and stays as it is (seed %d)", async (seed) => {
    const store = await livedInStore(new Random(seed));
    const { tables, seq } = await store.db.stats();
    const killed = await kill(store);
    const before = filesOf(killed);
    const report = await verifyOn(killed);
    expect(report).toMatchObject({ ...SOUND, incarnation: "07".repeat(16) });
    const { count, entries } = tables as { count: number; entries: number };
    expect(report).toMatchObject({ tables: count, versions: entries });
    expect(report.operations).toBeGreaterThan(0);
    expect(report.operations).toBeLessThanOrEqual(seq);
    expect(report.files.filter(({ state }) => state === "sound").length).toBeGreaterThan(count);
    expect(filesOf(killed)).toEqual(before);

    await store.open(killed);
    await store.close();
    const closed = await verifyOn(killed);
    expect(closed).toMatchObject({ ...SOUND, operations: 0 });
    expect(closed.versions).toBeGreaterThanOrEqual(entries);
    expect(killed.openPaths).toEqual([]);
  });

  test.each(["none", "lz4", "zstd"] as const)("of long groups, long values and expiries, %s", async (compression) => {
    const tuning = { tables: { tableBytesMax: 1024 * 1024, compression } };
    const store = await openPlainStore({ compression, tuning });
    for (let batch = 0; batch < 30; batch++) {
      const operations = Array.from({ length: 100 }, (_, i): TestOperation => {
        const timestamp = batch * 100 + i;
        const put = { op: "put", key: key("long"), value: key(`value ${timestamp}`), timestamp } as const;
        return i % 7 === 0 ? { ...put, expiresAt: 5_000_000_000 + i } : put;
      });
      await store.submit(operations);
    }
    for (const bytes of [8193, 100_000, 2_500_000]) {
      const value = new Uint8Array(bytes).fill(bytes);
      await store.submit([{ op: "put", key: key(`big-${bytes}`), value, timestamp: 1 }]);
    }
    await store.submit([{ op: "delete", key: key("gone"), timestamp: 4 }]);
    await store.db.compact();
    await store.submit([{ op: "retract", key: key("long"), timestamp: 7 }]);
    expect(await store.db.verify()).toMatchObject({ ...SOUND, operations: 1 });
    await store.close();
    expect(await verifyOn(store.fileSystem as MemoryFileSystem)).toMatchObject({ ...SOUND, versions: 3005 });
  });

  test("that lost its power at any moment is sound, whatever of it had reached the disk", {
    timeout: 60_000,
  }, async () => {
    const fileSystem = new MemoryFileSystem();
    const random = new Random(15);
    const images: MemoryFileSystem[] = [];
    let calls = 0;
    fileSystem.onCall = () => {
      if (++calls % 23 === 0) images.push(fileSystem.crash(() => random.chance(0.5)));
    };
    const store = await livedInStore(new Random(16), 2, { fileSystem });
    await store.close();
    let verified = 0;
    for (const image of images) {
      // Before there is a manifest, there is no store.
      if (!image.exists(`${DIRECTORY}/CURRENT`)) continue;
      const report = await verifyOn(image);
      expect(report.problems, `image ${images.indexOf(image)}`).toEqual([]);
      verified++;
    }
    expect(verified).toBeGreaterThan(50);
  });

  test("may hold files that nobody needs, and others", async () => {
    const store = await livedInStore(new Random(5));
    const fs = await kill(store);
    const table = fs.list(DIRECTORY).find((name) => name.endsWith(".sst"))!;
    // What a merge that a crash cut short leaves behind.
    fs.replace(`${DIRECTORY}/000002.sst`, fs.contents(`${DIRECTORY}/${table}`).subarray(0, 100));
    fs.replace(`${DIRECTORY}/000009.tmp`, new Uint8Array(3));
    fs.replace(`${DIRECTORY}/notes.txt`, new Uint8Array(3));
    const report = await verifyOn(fs);
    expect(report).toMatchObject(SOUND);
    expect(report.files).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ file: "000002.sst", state: "not needed", reason: "the manifest does not name it" }),
        expect.objectContaining({ file: "000009.tmp", state: "not needed" }),
        expect.objectContaining({ file: "notes.txt", state: "unknown" }),
      ]),
    );
  });

  test("a new one has nothing wrong with it", async () => {
    const store = await openPlainStore();
    expect(await store.db.verify()).toMatchObject({ ...SOUND, versions: 0, operations: 0 });
    expect(await verifyOn(await kill(store))).toMatchObject({ ...SOUND, versions: 0, operations: 0 });
  });
});

describe("a verification", () => {
  test("tells how far it is, up to the end", async () => {
    const store = await livedInStore(new Random(6));
    for (const how of ["open", "killed"]) {
      const told: VerifyProgress[] = [];
      const onProgress = (progress: VerifyProgress) => told.push(progress);
      if (how === "open") await store.db.verify({ onProgress });
      else await verifyOn(await kill(store), { onProgress });
      expect(told.length).toBeGreaterThan(10);
      const done = told.map(({ bytesDone }) => bytesDone);
      expect(done).toEqual(done.toSorted((a, b) => a - b));
      const last = told.at(-1)!;
      expect(last.bytesDone).toBe(last.bytesTotal);
      expect(new Set(told.map(({ bytesTotal }) => bytesTotal)).size).toBe(1);
      expect(told.filter(({ file }) => file.endsWith(".sst")).length).toBeGreaterThan(5);
    }
  });

  test("reads each byte of a table about once", async () => {
    const store = await livedInStore(new Random(7));
    const { files, bytesRead } = await verifyOn(await kill(store));
    const bytesOf = (ending: string) =>
      files.filter(({ file }) => file.endsWith(ending)).reduce((sum, { bytes }) => sum + bytes, 0);
    expect(bytesOf(".sst")).toBeGreaterThan(100_000);
    expect(bytesRead).toBeGreaterThan(bytesOf(".sst") + bytesOf(".log"));
    expect(bytesRead).toBeLessThan(2 * bytesOf(".sst") + 4 * bytesOf(".log"));
  });

  test("keeps to its rate", async () => {
    const store = await livedInStore(new Random(8));
    const fileSystem = await kill(store);
    const components = { fileSystem, scheduler: new SimulatedScheduler() };
    const { bytesRead, elapsedMs } = await verify(DIRECTORY, { bytesPerSecond: 10_000, components });
    const expectedMs = (bytesRead / 10_000) * 1000;
    expect(elapsedMs).toBeGreaterThan(expectedMs * 0.8);
    expect(elapsedMs).toBeLessThan(expectedMs * 1.2);
  });

  test("ends when its signal fires, and lets go of everything", async () => {
    const store = await livedInStore(new Random(9));
    const killed = await kill(store);
    const controller = new AbortController();
    const { signal } = controller;
    let told = 0;
    const onProgress = () => {
      if (++told === 5) controller.abort();
    };
    await expect(verifyOn(killed, { signal, onProgress })).rejects.toMatchObject({ code: "CANCELLED" });
    await expect(verifyOn(killed, { signal })).rejects.toMatchObject({ code: "CANCELLED" });
    expect(killed.openPaths).toEqual([]);
    expect(await verifyOn(killed)).toMatchObject(SOUND);
  });

  test("waits for a slow rate no longer than its signal", async () => {
    const store = await livedInStore(new Random(10));
    const fileSystem = await kill(store);
    const controller = new AbortController();
    // Its time never comes.
    const scheduler = {
      delay: (_ms: number, signal?: AbortSignal) =>
        new Promise<void>((resolve) => signal?.addEventListener("abort", () => resolve())),
      nextTurn: () => new Promise<void>((resolve) => setImmediate(resolve)),
      monotonicMs: () => 0,
    };
    const { signal } = controller;
    const running = verify(DIRECTORY, { bytesPerSecond: 1, signal, components: { fileSystem, scheduler } });
    setTimeout(() => controller.abort(), 20);
    await expect(running).rejects.toMatchObject({ code: "CANCELLED" });
  });

  test("refuses what it cannot do", async () => {
    const fs = new MemoryFileSystem();
    await expect(verifyOn(fs)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    fs.makeDirectory(DIRECTORY);
    fs.replace(`${DIRECTORY}/MANIFEST-000001`, new Uint8Array(3));
    await expect(verifyOn(fs)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    const store = await openPlainStore();
    await expect(verifyOn(store.fileSystem as MemoryFileSystem)).rejects.toMatchObject({ code: "LOCKED" });
    for (const options of [{ bytesPerSecond: 0 }, { bytesPerSecond: 1.5 }, { onProgress: 3 }, { speed: 3 }]) {
      await expect(store.db.verify(options as object)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
      await expect(verifyOn(fs, options as object)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    }
    await expect(store.db.verify({ timeoutMs: -1 })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    const { db } = store;
    await store.close();
    await expect(db.verify()).rejects.toMatchObject({ code: "CLOSED" });
  });

  test("says what the system does not let it read", async () => {
    const store = await livedInStore(new Random(11));
    const fs = await kill(store);
    const fileSystem: MemoryFileSystem = new Proxy(fs, {
      get(target, name) {
        if (name !== "open") return Reflect.get(target, name).bind?.(target);
        return (path: string) => {
          if (path.endsWith(".sst")) throw Object.assign(new Error("EACCES: permission denied"), { code: "EACCES" });
          return target.open(path);
        };
      },
    });
    await expect(verifyOn(fileSystem)).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringContaining("EACCES"),
    });
    expect(await verifyOn(fs)).toMatchObject(SOUND);
  });
});
