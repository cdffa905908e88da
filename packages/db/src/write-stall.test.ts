import { utf8 } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { InlineRunner } from "./compaction/runner.ts";
import { HeldRunner } from "./testing/held-runner.ts";
import { openPlainStore } from "./testing/plain-store.ts";
import { modelContents, storeContents } from "./testing/store-contents.ts";
import type { TestBatch, TestStore } from "./testing/test-store.ts";
import type { StoreSettings } from "./testing/tiny-options.ts";

async function heldStore(settings: Partial<StoreSettings>): Promise<{ store: TestStore; runner: HeldRunner }> {
  let runner: HeldRunner | undefined;
  const store = await openPlainStore(settings, {
    runner: (fileSystem, scheduler) => (runner = new HeldRunner(new InlineRunner(fileSystem, scheduler))),
  });
  return { store, runner: runner! };
}

function put(store: TestStore, key: string, bytes = 10): Promise<TestBatch> {
  return store.submit([{ op: "put", key: utf8(key), value: new Uint8Array(bytes), timestamp: 1 }]);
}

const UNAVAILABLE = { state: "refused", error: { code: "UNAVAILABLE", details: { retryAfterMs: 1000 } } } as const;

describe("a write that meets too many tables in level 0", () => {
  const tuning = {
    level0StallTables: 2,
    picker: { level0Tables: 2, level1BytesMax: 1e9, levelFactor: 10, pickBytesMax: 1e9 },
  };

  async function stalled(): Promise<{ store: TestStore; runner: HeldRunner }> {
    const opened = await heldStore({ stallTimeoutMs: 300, tuning });
    const { store, runner } = opened;
    await put(store, "a");
    await store.db.flush();
    await put(store, "a");
    runner.hold((job) => job.outputLevel > 0);
    await store.db.flush();
    return opened;
  }

  test("waits for the merge", async () => {
    const { store, runner } = await stalled();
    const written = put(store, "b");
    await store.nextTurn();
    expect(store.batches.at(-1)!.state).toBe("pending");
    runner.letGo();
    expect(await written).toMatchObject({ state: "acknowledged" });
    expect((await store.db.stats()).stalls).toBe(1);
    await store.close();
  });

  test("is refused after its deadline, and leaves no trace; reads go on", async () => {
    const { store, runner } = await stalled();
    expect(await put(store, "b")).toMatchObject(UNAVAILABLE);
    expect(store.batches.at(-1)!.error).toMatchObject({
      message: expect.stringContaining("within 300 ms (tables wait to be merged)"),
    });
    expect(store.db.getSync(utf8("a"))).toBeDefined();
    runner.letGo();
    for (let turn = 0; turn < 50; turn++) await store.nextTurn();
    expect((await put(store, "c")).state).toBe("acknowledged");
    expect([...store.db.scan()].map(({ key }) => new TextDecoder().decode(key))).toEqual(["a", "c"]);
    await store.close();
  });
});

describe("writes that fill memory while a flush does not get on", () => {
  test("wait, are refused after the deadline, and go on where it does", async () => {
    const { store, runner } = await heldStore({ stallTimeoutMs: 300, tuning: { logSegmentBytes: 4096 } });
    runner.hold();
    const batches: TestBatch[] = [];
    for (let i = 0; i < 6; i++) batches.push(await put(store, `key ${i}`, 1500));
    // Two fill a segment and so a memtable; two memtables may stand side by side, the third has to wait.
    expect(batches.map(({ state }) => state)).toEqual([...Array(4).fill("acknowledged"), ...Array(2).fill("refused")]);
    expect(batches[4]).toMatchObject(UNAVAILABLE);
    expect(batches[4]!.error).toMatchObject({ message: expect.stringContaining("memory waits to be flushed") });
    runner.letGo();
    expect((await put(store, "late", 1500)).state).toBe("acknowledged");
    expect(await storeContents(store.db)).toEqual(modelContents(store.model));
    await store.close();
    await store.open();
    expect(await storeContents(store.db)).toEqual(modelContents(store.model));
    await store.close();
  });

  test("that closes all the same ends within the deadline", async () => {
    const { store, runner } = await heldStore({ stallTimeoutMs: 300, tuning: { logSegmentBytes: 4096 } });
    runner.hold();
    const written = Array.from({ length: 8 }, (_, i) => put(store, `key ${i}`, 1500));
    await store.nextTurn();
    const closed = store.close();
    for (let turn = 0; turn < 100; turn++) await store.nextTurn();
    runner.letGo();
    await closed;
    for (const { state } of await Promise.all(written)) expect(["acknowledged", "refused"]).toContain(state);
    await store.open();
    expect(await storeContents(store.db)).toEqual(modelContents(store.model));
    await store.close();
  });
});
