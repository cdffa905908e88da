import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CheckpointReport, isKvtsError } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { incompleteFileName } from "./format/filenames.ts";
import { open } from "./open.ts";
import { FaultFileSystem } from "./testing/fault-file-system.ts";
import { systemError } from "./testing/file-call.ts";
import { randomKeyPool } from "./testing/key-pool.ts";
import { livedInStore, repairStore, writeSome } from "./testing/lived-in-store.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { openPlainStore } from "./testing/plain-store.ts";
import { Random } from "./testing/random.ts";
import { RandomOperations, randomTimestamps } from "./testing/random-operations.ts";
import { testSeeds } from "./testing/seeds.ts";
import { expectLines } from "./testing/store-checks.ts";
import { modelContents, storeContents } from "./testing/store-contents.ts";
import { TestStore, type TestStoreOptions } from "./testing/test-store.ts";
import { tinySettings } from "./testing/tiny-options.ts";

/** The checkpoint in `directory`, to be opened on its own, with what `store` had been told by then. */
function checkpointOf(store: TestStore, report: CheckpointReport, fileSystem = store.fileSystem): TestStore {
  return new TestStore({
    settings: { keys: "bytes", memtableBytes: 256 * 1024, blockCacheBytes: 64 * 1024, tuning: {} },
    fileSystem,
    directory: report.directory,
    clock: store.clock,
    batches: store.batches.filter(({ lastSeq }) => lastSeq <= report.seq).map((batch) => ({ ...batch })),
  });
}

/** Opens it, compares it with the model at its very moment, writes to it, and closes it. */
async function expectExact(store: TestStore, report: CheckpointReport, fileSystem = store.fileSystem): Promise<void> {
  const copy = checkpointOf(store, report, fileSystem);
  await copy.open();
  expect((await copy.db.stats()).seq).toBe(report.seq);
  expectLines(await storeContents(copy.db), modelContents(copy.model), () => `the checkpoint at seq ${report.seq}`);
  await writeSome(copy, new Random(report.seq), 5);
  await copy.close();
  await copy.open();
  expectLines(await storeContents(copy.db), modelContents(copy.model), () => "the checkpoint, written to and reopened");
  await copy.close();
}

/** Other bytes every time. */
function bytesInTurn(): () => Uint8Array {
  let next = 1;
  return () => new Uint8Array(16).fill(next++);
}

async function filledStore(options: Partial<TestStoreOptions> = {}): Promise<TestStore> {
  return await livedInStore(new Random(1), 1, { randomBytes: bytesInTurn(), ...options });
}

describe("a checkpoint", () => {
  test.each(testSeeds(25))(
    "holds exactly its moment while writes, flushes and merges go on: seed %d",
    async (seed) => {
      const random = new Random(seed);
      const settings = tinySettings(random);
      const store = new TestStore({ settings, fileSystem: new MemoryFileSystem(), randomBytes: bytesInTurn() });
      const operations = new RandomOperations(random, {
        pool: randomKeyPool(random, false),
        timestamps: randomTimestamps(random),
        assignedShare: random.pick([0, 0.5]),
        valueBytesMax: random.pick([100, 20_000]),
        now: () => store.clock.now(),
      });
      await store.open();
      const work: Promise<unknown>[] = [];
      const checkpoints: Promise<CheckpointReport>[] = [];
      const snapshots = [];
      for (let step = 0; step < 60; step++) {
        const written = Array.from({ length: random.between(1, 4) }, () => store.submit(operations.batch(6)));
        work.push(...written);
        if (random.chance(0.6)) await Promise.all(written);
        if (random.chance(0.1)) work.push(store.db.flush());
        if (random.chance(0.1)) work.push(store.db.compact());
        if (random.chance(0.1)) snapshots.push(store.db.snapshot());
        if (step % 15 === 7) {
          const acknowledged = store.batches.filter(({ state }) => state === "acknowledged").at(-1)!.lastSeq;
          const making = store.db.checkpoint(`c${step}`).then((report) => {
            expect(report.seq).toBeGreaterThanOrEqual(acknowledged);
            return report;
          });
          checkpoints.push(making);
        }
        if (random.chance(0.3)) await store.nextTurn();
      }
      const reports = await Promise.all(checkpoints);
      await Promise.all(work);
      for (const report of reports) {
        expect(store.batches.map(({ lastSeq }) => lastSeq)).toContain(report.seq);
        await expectExact(store, report);
      }
      for (const snapshot of snapshots) await snapshot.close();
      expectLines(await storeContents(store.db), modelContents(store.model), () => "the store itself");
      await store.close();
      expect((store.fileSystem as MemoryFileSystem).openPaths).toEqual([]);
    },
    60_000,
  );

  test("shares tables with the store, takes the log along, and outlives all that becomes of the store", async () => {
    const store = await filledStore();
    const { levels } = (await store.db.stats()).tables as { levels: { tables: number; fileBytes: number }[] };
    const report = await store.db.checkpoint("backup/today");
    expect(report).toMatchObject({ directory: "backup/today", seq: store.batches.at(-1)!.lastSeq, copiedBytes: 0 });
    expect(report.tables).toBe(levels.reduce((sum, { tables }) => sum + tables, 0));
    expect(report.linkedBytes).toBe(levels.reduce((sum, { fileBytes }) => sum + fileBytes, 0));
    expect(report.operations).toBeGreaterThan(30);

    await writeSome(store, new Random(5), 50);
    await store.db.compact();
    await store.close();
    const fs = store.fileSystem as MemoryFileSystem;
    for (const name of fs.list("d")) await fs.remove(`d/${name}`);
    expect((await repairStore(checkpointOf(store, report), fs)).sound).toBe(true);
    await expectExact(store, report);
  });

  test("is a store of its own: it has an incarnation and numbers of its own", async () => {
    const store = await filledStore();
    const { incarnation } = await store.db.stats();
    const report = await store.db.checkpoint("c");
    const copy = checkpointOf(store, report);
    await copy.open();
    expect((await copy.db.stats()).incarnation).toBe(report.incarnation);
    expect(report.incarnation).not.toBe(incarnation);
    await Promise.all([writeSome(copy, new Random(2), 30), writeSome(store, new Random(3), 30)]);
    await Promise.all([copy.db.compact(), store.db.compact()]);
    expectLines(await storeContents(copy.db), modelContents(copy.model), () => "the copy");
    expectLines(await storeContents(store.db), modelContents(store.model), () => "the store");
    await copy.close();
    await store.close();
  });

  test("has everything saved by a repair that has nothing but its tables and its log", async () => {
    const store = await filledStore();
    const report = await store.db.checkpoint("c");
    await store.close();
    const fs = store.fileSystem as MemoryFileSystem;
    for (const name of fs.list("c")) if (/MANIFEST|CURRENT/.test(name)) await fs.remove(`c/${name}`);
    const copy = checkpointOf(store, report);
    const repaired = await repairStore(copy, fs);
    expect(repaired).toMatchObject({ sound: false, lost: false, operations: report.operations });
    await copy.open();
    expectLines(await storeContents(copy.db), modelContents(copy.model), () => "the repaired checkpoint");
    await copy.close();
  });

  test("of a checkpoint is as good as the first", async () => {
    const store = await filledStore();
    const first = await store.db.checkpoint("c1");
    const copy = checkpointOf(store, first);
    await copy.open();
    await writeSome(copy, new Random(8), 20);
    const second = await copy.db.checkpoint("c2");
    await writeSome(copy, new Random(9), 20);
    await copy.close();
    await expectExact(copy, second);
    await store.close();
  });

  test("of a store that was opened after a crash takes the replayed log along", async () => {
    const store = await filledStore();
    const fs = (store.fileSystem as MemoryFileSystem).crash(() => true);
    await store.abandon().close();
    await store.open(fs);
    const report = await store.db.checkpoint("c");
    await store.close();
    await expectExact(store, report);
  });

  test("of an empty store is one too", async () => {
    const store = await openPlainStore();
    const report = await store.db.checkpoint("c");
    expect(report).toMatchObject({ seq: 0, tables: 0, operations: 0 });
    await expectExact(store, report);
    await store.close();
  });

  test.each(["EXDEV", "EPERM"])("copies where the file system has no link to offer (%s)", async (code) => {
    const fileSystem = new MemoryFileSystem();
    fileSystem.link = (_, path) => {
      throw systemError(code, { kind: "link", path });
    };
    const store = await filledStore({ fileSystem });
    const report = await store.db.checkpoint("c");
    expect(report.linkedBytes).toBe(0);
    expect(report.copiedBytes).toBeGreaterThan(10_000);
    // All of it is on disk.
    await expectExact(
      store,
      report,
      fileSystem.crash(() => false),
    );
    await store.close();
  });
});

describe("a checkpoint is refused", () => {
  async function refusal(store: TestStore, directory: unknown, options?: { signal: AbortSignal }): Promise<string> {
    const error: unknown = await store.db.checkpoint(directory as string, options).catch((failure: unknown) => failure);
    if (!isKvtsError(error)) throw error;
    return `${error.code}: ${error.message}`;
  }

  test("where the directory holds anything, and nothing is touched there", async () => {
    const store = await filledStore();
    const fs = store.fileSystem as MemoryFileSystem;
    fs.makeDirectory("full");
    fs.replace("full/photo.jpg", Uint8Array.of(1));
    const hint = "name a directory that is empty, or one that is still to be made";
    expect(await refusal(store, "full")).toBe(`INVALID_ARGUMENT: full holds "photo.jpg"; ${hint}`);
    expect(fs.list("full")).toEqual(["photo.jpg"]);
    expect(await refusal(store, store.directory)).toMatch(
      /^INVALID_ARGUMENT: d holds "0\d+\.(log|marks|sst)"; name a dir/,
    );
    fs.makeDirectory("cut");
    fs.replace(incompleteFileName("cut"), new Uint8Array(0));
    expect(await refusal(store, "cut")).toContain("cut holds a checkpoint that was never finished; remove it; name");
    for (const directory of ["", undefined, 7]) expect(await refusal(store, directory)).toContain("INVALID_ARGUMENT");
    await store.close();
  });

  test("where another one is being made in the directory", async () => {
    const store = await filledStore();
    const outcomes = await Promise.allSettled([store.db.checkpoint("c"), store.db.checkpoint("c")]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    await expectExact(
      store,
      outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []))[0]!,
    );
    await store.close();
  });

  test("once the caller gives up or the store closes, and leaves an empty directory", async () => {
    const store = await filledStore();
    const fs = store.fileSystem as MemoryFileSystem;
    const controller = new AbortController();
    fs.onCall = ({ kind }) => kind === "link" && controller.abort();
    expect(await refusal(store, "c", { signal: controller.signal })).toContain("CANCELLED");
    expect(fs.list("c")).toEqual(["LOCK"]);

    let closing: Promise<void> | undefined;
    fs.onCall = ({ kind }) => {
      if (kind === "link") closing ??= store.close();
    };
    expect(await refusal(store, "c")).toContain("CLOSED: the store was closed before the checkpoint was whole");
    expect(fs.list("c")).toEqual(["LOCK"]);
    await closing;
  });

  test("of a store that takes no writes, since nobody knows what is on its disk", async () => {
    const memory = new MemoryFileSystem();
    const fileSystem = new FaultFileSystem(memory, { kinds: new Set(["sync"]) });
    const store = await openPlainStore({}, { fileSystem });
    fileSystem.fault = { at: 1, code: "EIO", lasts: true };
    fileSystem.calls = 0;
    await writeSome(store, new Random(1), 1).catch(() => {});
    fileSystem.fault = undefined;
    expect(await refusal(store, "c")).toContain("READ_ONLY");
    expect(memory.exists("c")).toBe(false);
    await store.close();
  });
});

describe("on a real disk", () => {
  test("tables are shared, and the checkpoint opens while the store goes on", async () => {
    const folder = mkdtempSync(join(tmpdir(), "kvts-checkpoint-"));
    try {
      await using db = await open(join(folder, "data"));
      await db.put("a", "flushed", { timestamp: 100 });
      await db.put("long", "x".repeat(100_000), { timestamp: 100 });
      await db.flush();
      await db.put("a", "logged", { timestamp: 101 });
      const report = await db.checkpoint(join(folder, "copies", "first"));
      expect(report).toMatchObject({ seq: 3, tables: 1, copiedBytes: 0, operations: 1 });
      const [table = ""] = readdirSync(report.directory).filter((name) => name.endsWith(".sst"));
      expect(statSync(join(report.directory, table)).nlink).toBe(2);
      await db.put("a", "later", { timestamp: 102 });
      await db.compact();
      await using copy = await open(report.directory, { createIfMissing: false });
      expect((await copy.get("a"))?.text()).toBe("logged");
      expect((await copy.get("long"))?.value.length).toBe(100_000);
      expect((await db.get("a"))?.text()).toBe("later");
      await expect(db.checkpoint(report.directory)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
      await expect(db.checkpoint(join(folder, "data", "CURRENT", "x"))).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        message: expect.stringContaining("is a file, or leads through one; name a directory"),
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
