import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { VerifyReport } from "@kvts/common";
import { utf8 } from "@kvts/common";
import { expect, test, vi } from "vitest";
import { open } from "./open.ts";
import { differenceAfterOpen, kill, livedInStore } from "./testing/lived-in-store.ts";
import type { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { openPlainStore } from "./testing/plain-store.ts";
import { Random } from "./testing/random.ts";
import { verify } from "./verify.ts";

// Whole stores are written and read, on machines that may be busy.
vi.setConfig({ testTimeout: 60_000 });

const DIRECTORY = "d";
const SOUND = { sound: true, problems: [] };

test("it shows one moment, while the store is written and merged", async () => {
  const directory = mkdtempSync(join(tmpdir(), "kvts-verify-"));
  const tuning = {
    logSegmentBytes: 512 * 1024,
    tables: { tableBytesMax: 32 * 1024, compression: "none" },
    picker: { level0Tables: 2, level1BytesMax: 256 * 1024, levelFactor: 4, pickBytesMax: 1024 * 1024 },
    manifestBytesMax: 4096,
  } as const;
  const settings = { memtableBytes: 256 * 1024, blockCacheBytes: 1024 * 1024, durability: "buffered", tuning } as const;
  try {
    const db = await open(directory, settings);
    let stop = false;
    const writing = (async () => {
      for (let written = 0; !stop; written++) {
        const value = `${written} ${Math.sin(written)}`.repeat(1 + (written % 40));
        const operations = Array.from({ length: 20 }, (_, i) => {
          return { op: "put", key: `key-${(written * 7 + i) % 500}`, value } as const;
        });
        await db.write(operations);
      }
    })();
    const reports: VerifyReport[] = [];
    const isBusyEnough = async () => {
      const { compactions } = (await db.stats()).background as { compactions: number };
      return compactions > 3 && reports.some(({ tables }) => tables > 5);
    };
    while (reports.length < 20 || !(await isBusyEnough())) reports.push(await db.verify());
    stop = true;
    await writing;
    for (const report of reports) expect(report).toMatchObject(SOUND);
    expect(reports.some(({ operations }) => operations > 0)).toBe(true);
    const closing = expect(db.verify({ bytesPerSecond: 1 })).rejects.toMatchObject({ code: "CLOSED" });
    await Promise.all([closing, db.close()]);
    expect(await verify(directory)).toMatchObject(SOUND);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test("a manifest that has just been written anew says what is in use", async () => {
  const store = await openPlainStore();
  await store.submit([{ op: "put", key: utf8("key"), value: utf8("one"), timestamp: 1 }]);
  await store.db.flush();
  // The log goes on after the last edit that said how far it was on disk.
  await store.submit([{ op: "put", key: utf8("key"), value: utf8("two"), timestamp: 2 }]);
  expect(await differenceAfterOpen(store, await kill(store))).toEqual([]);
  expect(await store.db.verify()).toMatchObject(SOUND);
  await store.close();
});

test("it ends when its signal fires, and holds no table any more", async () => {
  const store = await livedInStore(new Random(9));
  const fs = store.fileSystem as MemoryFileSystem;
  const openBefore = fs.openPaths.length;
  const controller = new AbortController();
  const { signal } = controller;
  let told = 0;
  const onProgress = () => {
    if (++told === 5) controller.abort();
  };
  await expect(store.db.verify({ signal, onProgress })).rejects.toMatchObject({ code: "CANCELLED" });
  expect(fs.openPaths.length).toBe(openBefore);
  await store.db.compact();
  await store.close();
  const tables = fs.list(DIRECTORY).filter((name) => name.endsWith(".sst"));
  await store.open(fs);
  expect((await store.db.stats()).tables).toMatchObject({ count: tables.length });
  await store.close();
});

test("it leaves the block cache as it is", async () => {
  const store = await livedInStore(new Random(12));
  const before = (await store.db.stats()).blockCache;
  expect(await store.db.verify()).toMatchObject(SOUND);
  expect((await store.db.stats()).blockCache).toEqual(before);
  await store.close();
});

test("it finds what has been damaged under the store", async () => {
  const store = await livedInStore(new Random(13));
  const fs = store.fileSystem as MemoryFileSystem;
  const flip = (name: string, at: number) => {
    const bytes = fs.contents(`${DIRECTORY}/${name}`);
    bytes[at]! ^= 1;
    fs.replace(`${DIRECTORY}/${name}`, bytes);
  };
  const { files } = await store.db.verify();
  const nameOf = (pattern: RegExp, at = 0) => files.filter(({ file }) => pattern.test(file))[at]!.file;
  const [damaged, missing, sound] = [0, 1, 2].map((at) => nameOf(/\.sst$/, at)) as [string, string, string];
  const [log, manifest] = [nameOf(/\.log$/), nameOf(/^MANIFEST/)];
  for (const name of [damaged, log, manifest]) flip(name, 70);
  await fs.remove(`${DIRECTORY}/${missing}`);
  const report = await store.db.verify();
  expect(new Set(report.problems.map(({ file }) => file))).toEqual(new Set([damaged, missing, log, manifest]));
  for (const { file, offset, message } of report.problems) {
    expect(message).toMatch(new RegExp(`^d/${file} is damaged at byte ${offset}: [^;]+$`));
  }
  const stateOf = (name: string) => report.files.find(({ file }) => file === name)?.state;
  expect([damaged, missing, log, manifest].map(stateOf)).toEqual(["damaged", "missing", "damaged", "damaged"]);
  expect(stateOf(sound)).toBe("sound");
  await store.abandon().close();
});
