import { isKvtsError } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { LimitedFileSystem } from "./testing/limited-file-system.ts";
import { livedInStore, successorOf, writeSome } from "./testing/lived-in-store.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { openPlainStore } from "./testing/plain-store.ts";
import { Random } from "./testing/random.ts";
import { expectLines } from "./testing/store-checks.ts";
import { modelContents, storeContents } from "./testing/store-contents.ts";
import type { TestStore } from "./testing/test-store.ts";

const put = { op: "put", key: Uint8Array.of(1), value: new Uint8Array(5000), timestamp: 5 } as const;

async function expectContents(store: TestStore, when: string): Promise<void> {
  expectLines(await storeContents(store.db), modelContents(store.model), () => when);
}

/** Writes until one is taken. Every refusal is for lack of room. */
async function writePatiently(store: TestStore): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    const { state, error } = await store.submit([put]);
    if (state === "acknowledged") return;
    if (!isKvtsError(error, "NO_SPACE")) throw error;
    await store.nextTurn();
  }
  throw new Error("it takes no writes although there is room");
}

describe("a store on a full disk opens", () => {
  test.each(["closed", "killed"])(
    "where it was %s, reads everything, and takes writes once there is room",
    async (how) => {
      const store = await livedInStore(new Random(1), 1);
      const memory = store.fileSystem as MemoryFileSystem;
      const killed = memory.crash(() => true);
      const { seq } = await store.db.stats();
      await store.close();
      const disk = new LimitedFileSystem(how === "closed" ? memory : killed, store.directory);
      disk.fill();
      const after = successorOf(store, how === "closed" ? memory : killed);
      await after.open(disk);
      // What a killed process had prepared has gone, and that has made a little room.
      disk.fill();
      await expectContents(after, "on the full disk");
      expect((await after.submit([put])).error).toMatchObject({ code: "NO_SPACE" });
      await expectContents(after, "after a write was refused");

      disk.limitBytes = Number.POSITIVE_INFINITY;
      await writePatiently(after);
      await writeSome(after, new Random(2), 30);
      // Not even the seqs of a store whose process now dies are given out again.
      const crashed = (how === "closed" ? memory : killed).crash(() => true);
      expect(after.batches.at(-1)!.lastSeq).toBeGreaterThan(seq);
      await after.abandon().close();
      await after.open(crashed);
      await expectContents(after, "with room again, and killed");
      await after.close();
    },
  );

  test("again and again, and is none the worse for being closed there", async () => {
    const store = await livedInStore(new Random(3), 1);
    const memory = store.fileSystem as MemoryFileSystem;
    await store.close();
    const disk = new LimitedFileSystem(memory, store.directory);
    disk.fill();
    for (let boot = 0; boot < 3; boot++) {
      await store.open(disk);
      await expectContents(store, `boot ${boot}`);
      await store.close();
    }
    disk.limitBytes = Number.POSITIVE_INFINITY;
    await store.open(disk);
    await writePatiently(store);
    await store.close();
    await store.open(disk);
    await expectContents(store, "with room again");
    await store.close();
    expect(memory.openPaths).toEqual([]);
  });

  test("whatever the growth for which there is no room, and wherever room comes back", async () => {
    const store = await livedInStore(new Random(4), 1);
    const stopped = (store.fileSystem as MemoryFileSystem).crash(() => true);
    await store.close();
    for (let at = 1; ; at++) {
      const memory = stopped.crash(() => true);
      const disk = new LimitedFileSystem(memory, store.directory);
      disk.onGrowth = (number) => number === at && disk.fill();
      const after = successorOf(store, memory);
      await after.open(disk);
      await expectContents(after, `opened with no room from growth ${at} on`);
      expect(await after.db.verify()).toMatchObject({ sound: true });
      const wasHit = disk.growths >= at;
      disk.onGrowth = undefined;
      disk.limitBytes = Number.POSITIVE_INFINITY;
      await writePatiently(after);
      await after.db.flush();
      await after.close();
      await after.open(memory.crash(() => false));
      await expectContents(after, `reopened, with no room from growth ${at} on before`);
      await after.close();
      if (!wasHit) break;
      expect(at).toBeLessThan(100);
    }
  });

  test("where a spare and an unfinished file fill it: they go", async () => {
    const store = await openPlainStore();
    const memory = store.fileSystem as MemoryFileSystem;
    await writeSome(store, new Random(1), 5);
    await store.close();
    memory.replace("d/000900.spare", new Uint8Array(100_000));
    memory.replace("d/000901.tmp", new Uint8Array(100_000));
    const disk = new LimitedFileSystem(memory, "d");
    disk.fill();
    await store.open(disk);
    expect((await store.submit([put])).state).toBe("acknowledged");
    await store.close();
  });

  test("not where there is none: a new one is refused, and made once there is room", async () => {
    const memory = new MemoryFileSystem();
    const disk = new LimitedFileSystem(memory, "d");
    disk.limitBytes = 0;
    await expect(openPlainStore({}, { fileSystem: disk })).rejects.toMatchObject({ code: "NO_SPACE" });
    disk.limitBytes = Number.POSITIVE_INFINITY;
    const store = await openPlainStore({}, { fileSystem: disk });
    await writePatiently(store);
    await store.close();
  });
});

describe("the disk's reserve", () => {
  const RESERVE_BYTES = 16 * 1024;

  /** A store that keeps 16 KiB, over a disk that can be filled. */
  async function storeWithReserve(
    reserveBytes = RESERVE_BYTES,
    level0Tables = 4,
  ): Promise<{ store: TestStore; disk: LimitedFileSystem; memory: MemoryFileSystem }> {
    const memory = new MemoryFileSystem();
    const disk = new LimitedFileSystem(memory, "d");
    const settings = {
      reserveBytes,
      tuning: {
        logSegmentBytes: 4096,
        tables: { tableBytesMax: 8192, compression: "none" },
        picker: { level0Tables, level1BytesMax: 65536, levelFactor: 4, pickBytesMax: 1024 * 1024 },
      },
    } as const;
    return { store: await openPlainStore(settings, { fileSystem: disk }), disk, memory };
  }

  async function fill(store: TestStore, rounds: number): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      await writeSome(store, new Random(round), 40);
      await store.db.flush();
    }
  }

  async function isHeld(store: TestStore, memory: MemoryFileSystem): Promise<boolean> {
    for (let turn = 0; turn < 50; turn++) await store.nextTurn();
    return memory.exists("d/RESERVE") && memory.contents("d/RESERVE").length === RESERVE_BYTES;
  }

  async function restart(store: TestStore): Promise<void> {
    await store.close();
    await store.open();
  }

  test("is taken once the tables take four times as much, and stays over a restart", async () => {
    const { store, memory } = await storeWithReserve();
    await fill(store, 1);
    expect(await isHeld(store, memory)).toBe(false);
    await fill(store, 12);
    expect(await isHeld(store, memory)).toBe(true);
    await restart(store);
    expect(await isHeld(store, memory)).toBe(true);
    await store.close();
  });

  test("of another size, or of a store that is to have none, goes", async () => {
    const { store, memory } = await storeWithReserve();
    memory.replace("d/RESERVE", new Uint8Array(100));
    await restart(store);
    await isHeld(store, memory);
    expect(memory.exists("d/RESERVE")).toBe(false);
    await store.close();
  });

  test.each([RESERVE_BYTES, 0])(
    "of %d bytes decides whether a full disk can flush; writes are kept out meanwhile",
    async (reserveBytes) => {
      // Nothing is merged, so no room comes of that.
      const { store, disk, memory } = await storeWithReserve(reserveBytes, 1_000_000);
      await fill(store, 13);
      expect(await isHeld(store, memory)).toBe(reserveBytes > 0);
      await writeSome(store, new Random(99), 10);
      const released: string[] = [];
      memory.onCall = ({ kind, path }) => kind === "remove" && path === "d/RESERVE" && released.push(path);
      disk.fill();
      await expect(store.db.flush()).rejects.toMatchObject({ code: "NO_SPACE" });
      expect((await store.submit([put])).error).toMatchObject({ code: "NO_SPACE" });
      await expectContents(store, "on the full disk");
      expect(await isFlushed(store)).toBe(reserveBytes > 0);
      expect(released).toHaveLength(reserveBytes > 0 ? 1 : 0);

      disk.limitBytes = Number.POSITIVE_INFINITY;
      await writePatiently(store);
      expect(await isHeld(store, memory)).toBe(reserveBytes > 0);
      await restart(store);
      await expectContents(store, "reopened");
      await store.close();
    },
  );

  test("goes where a killed store could not be opened otherwise", async () => {
    const { store, memory } = await storeWithReserve();
    await fill(store, 13);
    expect(await isHeld(store, memory)).toBe(true);
    const killed = memory.crash(() => true);
    await store.close();
    const disk = new LimitedFileSystem(killed, "d");
    disk.fill();
    await store.open(disk);
    expect(killed.exists("d/RESERVE")).toBe(false);
    disk.fill();
    expect((await store.submit([put])).error).toMatchObject({ code: "NO_SPACE" });
    await expectContents(store, "on the full disk");
    disk.limitBytes = Number.POSITIVE_INFINITY;
    await writePatiently(store);
    expect(await isHeld(store, killed)).toBe(true);
    await store.close();
  });

  test("whatever the growth for which there is no room, nothing acknowledged is lost, reads go on, writes resume", async () => {
    let hits = 0;
    for (let at = 1; ; at = Math.ceil(at * 1.25) + 1) {
      const { store, disk, memory } = await storeWithReserve();
      disk.onGrowth = (number) => number === at && disk.fill();
      for (let round = 0; round < 14; round++) {
        await writeSome(store, new Random(round), 25).catch((error: Error) => expectNoSpace(error.cause));
        await store.db.flush().catch(expectNoSpace);
      }
      await store.db.compact().catch(expectNoSpace);
      await expectContents(store, `with no room from growth ${at} on`);
      const wasHit = disk.growths >= at;
      disk.onGrowth = undefined;
      disk.limitBytes = Number.POSITIVE_INFINITY;
      await writePatiently(store);
      await flushPatiently(store);
      await expectContents(store, `with room again after growth ${at}`);
      await store.close();
      const after = successorOf(
        store,
        memory.crash(() => false),
      );
      await after.open();
      await expectContents(after, `reopened, with no room from growth ${at} on before`);
      await after.close();
      expect(memory.openPaths).toEqual([]);
      if (!wasHit) break;
      hits++;
    }
    expect(hits).toBeGreaterThan(15);
  }, 120_000);
});

/** A flush that failed is tried again after some time, and others are told until then. */
async function flushPatiently(store: TestStore): Promise<void> {
  for (let tries = 0; tries < 300; tries++) if (await isFlushed(store)) return;
  throw new Error("it does not flush although there is room");
}

/** Flushes; false where there is no room for that. */
async function isFlushed(store: TestStore): Promise<boolean> {
  try {
    await store.db.flush();
    return true;
  } catch (error) {
    expectNoSpace(error);
    await store.nextTurn();
    return false;
  }
}

function expectNoSpace(error: unknown): void {
  if (!isKvtsError(error, "NO_SPACE")) throw error;
}
