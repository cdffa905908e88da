import { utf8 } from "@kvts/common";
import { describe, expect, test } from "vitest";
import type { CompactionJob, CompactionResult, CompactionRunner } from "../compaction/job.ts";
import { InlineRunner } from "../compaction/runner.ts";
import { parseFileName, tableFileName } from "../format/filenames.ts";
import { loadManifest } from "../manifest/state.ts";
import { BlockCache } from "../table/block-cache.ts";
import { Table } from "../table/table.ts";
import { FaultFileSystem } from "../testing/fault-file-system.ts";
import { MemoryFileSystem } from "../testing/memory-file-system.ts";
import { openPlainStore } from "../testing/plain-store.ts";
import type { TestStore } from "../testing/test-store.ts";

const DIRECTORY = "d";

function put(store: TestStore, key: string): Promise<unknown> {
  return store.submit([{ op: "put", key: utf8(key), value: new Uint8Array(100), timestamp: 1 }]);
}

function tablesOf(fs: MemoryFileSystem): number[] {
  const names = fs.list(DIRECTORY).map(parseFileName);
  return names.flatMap((name) => (name?.kind === "table" ? [name.number] : []));
}

function namedIn(fs: MemoryFileSystem): number[] {
  return loadManifest(fs, DIRECTORY)!
    .tables.map(({ meta }) => meta.number)
    .sort((a, b) => a - b);
}

/** Two tables and something in memory, on a disk that can fail. */
async function store(): Promise<{ store: TestStore; inner: MemoryFileSystem; fs: FaultFileSystem }> {
  const inner = new MemoryFileSystem();
  const fs = new FaultFileSystem(inner, { kinds: new Set(["create", "write"]) });
  const opened = await openPlainStore({}, { fileSystem: fs });
  for (const key of ["a", "b"]) {
    await put(opened, key);
    await opened.db.flush();
  }
  await put(opened, "c");
  return { store: opened, inner, fs };
}

/** Does a first job in full, and then says that it failed, as one whose worker died would. */
class ForgetfulRunner implements CompactionRunner {
  readonly #inner: CompactionRunner;
  #failures = 1;

  constructor(inner: CompactionRunner) {
    this.#inner = inner;
  }

  async run(job: CompactionJob): Promise<CompactionResult> {
    const result = await this.#inner.run(job);
    if (this.#failures-- > 0) throw new Error("the worker ended");
    return result;
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}

describe("the outputs of a job that comes to nothing are removed", () => {
  test("where its worker dies", async () => {
    const fileSystem = new MemoryFileSystem();
    const opened = await openPlainStore(
      {},
      { fileSystem, runner: (fs, scheduler) => new ForgetfulRunner(new InlineRunner(fs, scheduler)) },
    );
    await put(opened, "a");
    await expect(opened.db.flush()).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await opened.db.flush();
    expect(tablesOf(fileSystem)).toEqual(namedIn(fileSystem));
    await opened.close();
  });

  test("wherever the disk is full for a moment", async () => {
    let failures = 0;
    for (let at = 1; ; at++) {
      const { store: opened, inner, fs } = await store();
      fs.calls = 0;
      fs.fault = { at, code: "ENOSPC", written: 0.5 };
      const failed = await opened.db.compact().then(
        () => false,
        () => true,
      );
      const isOver = fs.calls < at;
      fs.fault = undefined;
      await opened.db.compact();
      expect(tablesOf(inner)).toEqual(namedIn(inner));
      await opened.close();
      if (failed) failures++;
      if (isOver) break;
    }
    expect(failures).toBeGreaterThan(5);
  });
});

test("while they cannot be removed, later tables name them", async () => {
  const inner = new MemoryFileSystem();
  const fileSystem = new FaultFileSystem(inner, { kinds: new Set(["remove"]) });
  const opened = await openPlainStore(
    {},
    { fileSystem, runner: (_fs, scheduler) => new ForgetfulRunner(new InlineRunner(inner, scheduler)) },
  );
  fileSystem.fault = { at: 1, code: "EIO", lasts: true };
  await put(opened, "a");
  await expect(opened.db.flush()).rejects.toMatchObject({ code: "UNAVAILABLE" });
  const [abandoned] = tablesOf(inner);
  await opened.db.flush();
  const [named] = namedIn(inner);
  const table = Table.open(inner.open(tableFileName(DIRECTORY, named!)), named!, new BlockCache(0));
  expect(table.properties.provenance.obsolete).toEqual([abandoned]);
  await table.close();
  await opened.close();
});
