import { isKvtsError, utf8 } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { InlineRunner } from "./compaction/runner.ts";
import { repair } from "./repair.ts";
import { type Fault, FaultFileSystem } from "./testing/fault-file-system.ts";
import { HeldRunner } from "./testing/held-runner.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { openPlainStore } from "./testing/plain-store.ts";
import { Random } from "./testing/random.ts";
import { filesWith } from "./testing/raw-bytes.ts";
import { TestStore } from "./testing/test-store.ts";

const KEY = "account:13-Knusperflocke";
const SECRET: Uint8Array = new Random(97).bytes(200);
const NEEDLES = [utf8(KEY), SECRET.subarray(0, 12), SECRET.subarray(150, 162)];
const OTHERS = 30;

async function writeSome({ db }: TestStore): Promise<void> {
  for (let round = 0; round < 2; round++) {
    for (let n = 0; n < OTHERS; n++) await db.put(`account:${n}`, `round ${round}`);
    await db.put(KEY, SECRET, { timestamp: 10 + round });
    await db.flush();
  }
  await db.put(KEY, SECRET, { timestamp: 20 });
}

/** Opens what a process left, and waits until nothing is being erased. */
async function reopened(before: TestStore, fileSystem: MemoryFileSystem): Promise<TestStore> {
  const store = new TestStore({ settings: before.settings, fileSystem, clock: before.clock });
  await store.open();
  for (;;) {
    const { erasures } = await store.db.stats();
    if ((erasures as { inForce: number }).inForce === 0) return store;
    await store.nextTurn();
  }
}

async function expectOthers({ db }: TestStore): Promise<void> {
  const texts = (await db.scan({ prefix: "account:" }).toArray()).filter(({ key }) => key.length <= 10);
  expect(texts.map((entry) => entry.text())).toEqual(Array.from({ length: OTHERS }, () => "round 1"));
}

describe("an erasure on a disk that fails", () => {
  test.each<[string, Omit<Fault, "at">]>([
    ["with EIO, at one call", { code: "EIO" }],
    ["with ENOSPC, at one call", { code: "ENOSPC", written: 0.5 }],
  ])(
    "%s, comes to its end, or fails and is whole or has not been after the next opening",
    async (_, fault) => {
      let failures = 0;
      for (let at = 1; ; at += 1) {
        const memory = new MemoryFileSystem();
        const fileSystem = new FaultFileSystem(memory);
        const store = await openPlainStore({}, { fileSystem });
        await writeSome(store);
        fileSystem.calls = 0;
        fileSystem.hits = 0;
        fileSystem.fault = { ...fault, at };
        const outcome = await store.db.erase({ key: KEY }).then(
          () => "done",
          (error: unknown) => error,
        );
        const { hits } = fileSystem;
        fileSystem.fault = undefined;
        if (outcome === "done") expect([at, filesWith(memory, "d", NEEDLES)]).toEqual([at, []]);
        else if (!isKvtsError(outcome)) throw outcome;
        else failures++;
        await store.db.close();
        const after = await reopened(store, memory);
        const left = [...after.db.history(KEY)].length;
        if (outcome === "done") expect(left).toBe(0);
        expect([0, 3]).toContain(left);
        if (left === 0) expect([at, filesWith(memory, "d", NEEDLES)]).toEqual([at, []]);
        await expectOthers(after);
        await after.close();
        if (hits === 0) break;
      }
      expect(failures).toBeGreaterThan(0);
    },
    240_000,
  );
});

describe("an erasure", () => {
  test("finds what a merge that was under way brings in afterwards", async () => {
    let runner: HeldRunner | undefined;
    const store = await openPlainStore(
      { compression: "lz4" },
      {
        runner: (fileSystem, scheduler) => {
          runner = new HeldRunner(new InlineRunner(fileSystem, scheduler));
          return runner;
        },
      },
    );
    await writeSome(store);
    runner!.hold();
    const merged = store.db.compact();
    for (let turn = 0; turn < 20; turn++) await store.nextTurn();
    const erased = store.db.erase({ key: KEY });
    for (let turn = 0; turn < 20; turn++) await store.nextTurn();
    expect(store.db.getSync(KEY)).toBeUndefined();
    runner!.letGo();
    await Promise.all([merged, erased]);
    expect(filesWith(store.fileSystem as MemoryFileSystem, "d", NEEDLES)).toEqual([]);
    await store.db.close();
    const after = await reopened(store, store.fileSystem as MemoryFileSystem);
    expect([...after.db.history(KEY)]).toEqual([]);
    await expectOthers(after);
    await after.close();
  });

  test("that was under way goes on after a repair that found the manifest by itself", async () => {
    const store = await openPlainStore();
    await writeSome(store);
    const fileSystem = store.fileSystem as MemoryFileSystem;
    let image: MemoryFileSystem | undefined;
    await store.db.erase(
      { key: KEY },
      {
        onProgress: ({ phase }) => {
          if (phase === "tables") image ??= fileSystem.crash(() => true);
        },
      },
    );
    await store.db.close();
    await image!.remove("d/CURRENT");
    const report = await repair("d", { components: { fileSystem: image! } });
    expect(report.files.length).toBeGreaterThan(0);
    const after = await reopened(store, image!);
    expect([...after.db.history(KEY)]).toEqual([]);
    await expectOthers(after);
    expect(filesWith(image!, "d", NEEDLES)).toEqual([]);
    await after.close();
  });
});
