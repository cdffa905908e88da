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
