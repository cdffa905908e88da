import { describe, expect, test } from "vitest";
import { InlineRunner } from "./compaction/runner.ts";
import { systemScheduler } from "./env/scheduler.ts";
import { open } from "./open.ts";
import { LimitedFileSystem } from "./testing/limited-file-system.ts";
import { ManualClock } from "./testing/manual-clock.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { openPlainStore } from "./testing/plain-store.ts";
import type { TestStore } from "./testing/test-store.ts";

const HOUR = 3_600_000_000;

/** A store in which something was written and closed in order, opened again. */
async function reopened(settings: Parameters<typeof openPlainStore>[0] = {}): Promise<TestStore> {
  const store = await openPlainStore(settings);
  await store.db.put("a", "1");
  await store.close();
  await store.open();
  return store;
}

/** What its process leaves behind when it is killed. */
async function killed(store: TestStore): Promise<void> {
  const image = (store.fileSystem as MemoryFileSystem).crash(() => true);
  await store.abandon().close();
  await store.open(image);
}

describe("a store at rest", () => {
  test("agrees with its manifest, and is sound", async () => {
    const store = await reopened();
    const { problems } = await store.db.verify();
    expect(problems).toEqual([]);
    await store.close();
  });

  describe.each(["sync", "buffered"] as const)("with %s writes", (durability) => {
    test.each([0, 100_000])("is watched from its newest seq, with %i bytes for the feed", async (feedBytes) => {
      const store = await reopened({ durability, feedBytes });
      const next = store.db.watch({}, { afterSeq: 1 }).nextv(1);
      await store.nextTurn();
      await store.db.put("b", "2");
      expect(await next).toMatchObject([{ seq: 2 }]);
      await store.close();
    });

    test("is watched from before, as far as the feed goes back", async () => {
      const store = await reopened({ durability, feedBytes: 100_000 });
      const watch = store.db.watch({}, { afterSeq: 0 });
      expect(await watch.nextv(1)).toMatchObject([{ seq: 1 }]);
      await store.db.put("b", "2");
      expect(await watch.nextv(1)).toMatchObject([{ seq: 2 }]);
      await store.close();
    });
  });

  test("has the log that it had, however often a checkpoint is made of it", async () => {
    const store = await reopened();
    const fileSystem = store.fileSystem as MemoryFileSystem;
    const [logs, others] = [(name: string) => name.endsWith(".log"), (name: string) => !name.endsWith(".log")];
    const before = fileSystem.list(store.directory);
    for (let i = 0; i < 3; i++) {
      await store.db.checkpoint(`copy-${i}`);
      await store.close();
      const after = fileSystem.list(store.directory);
      expect(after.filter(logs)).toEqual(before.filter(logs));
      expect(after.filter(others)).toHaveLength(before.filter(others).length);
      const copy = await openPlainStore({}, { fileSystem, directory: `copy-${i}` });
      expect(copy.db.getSync("a")).toMatchObject({ seq: 1 });
      await copy.close();
      await store.open();
    }
    await store.close();
  });

  test("that could not begin a log for want of room is copied with what its log holds", async () => {
    const store = await openPlainStore();
    await store.db.put("a", "1");
    const image = (store.fileSystem as MemoryFileSystem).crash(() => true);
    await store.abandon().close();
    const disk = new LimitedFileSystem(image, "d");
    disk.fill();
    await store.open(disk);
    disk.limitBytes = Number.POSITIVE_INFINITY;
    await store.db.checkpoint("copy");
    await store.close();
    const copy = await openPlainStore({}, { fileSystem: image, directory: "copy" });
    expect(copy.db.getSync("a")).toMatchObject({ seq: 1 });
    await copy.close();
  });

  test("keeps the logs that its manifest names until a flush, whatever the feed has no room for", async () => {
    const store = await reopened({ feedBytes: 1 });
    await store.db.put("b", "2");
    for (let i = 0; i < 2; i++) {
      await store.db.checkpoint(`copy-${i}`);
      await store.nextTurn();
    }
    await killed(store);
    expect(store.db.getSync("b")).toMatchObject({ seq: 2 });
    await store.close();
  });

  test("is begun by its first write, and killed after it", async () => {
    const store = await reopened();
    await store.db.put("b", "2");
    await killed(store);
    expect(store.db.getSync("a")).toMatchObject({ seq: 1 });
    expect(store.db.getSync("b")).toMatchObject({ seq: 2 });
    await store.close();
  });

  test("on a full disk takes writes once there is room", async () => {
    const store = await openPlainStore();
    await store.db.put("a", "1");
    await store.close();
    const disk = new LimitedFileSystem(store.fileSystem as MemoryFileSystem, "d");
    disk.fill();
    await store.open(disk);
    await store.db.flush();
    await expect(store.db.put("b", "2")).rejects.toMatchObject({ code: "NO_SPACE" });
    disk.limitBytes = Number.POSITIVE_INFINITY;
    await store.close();
  });
});

test("a clock that was accepted once is accepted from then on, also where nothing was written", async () => {
  const fileSystem = new MemoryFileSystem();
  const clock = new ManualClock(10 * HOUR);
  const opened = (acceptClock: boolean) =>
    open("d", {
      acceptClock,
      components: { fileSystem, clock, runner: new InlineRunner(fileSystem, systemScheduler) },
    });
  const first = await opened(false);
  await first.put("a", "1");
  await first.close();
  clock.advance(-5 * HOUR);
  await expect(opened(false)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  await (await opened(true)).close();
  await (await opened(false)).close();
});
