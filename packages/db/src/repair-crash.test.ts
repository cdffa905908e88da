import { Buffer } from "node:buffer";
import { equalBytes, isKvtsError, type Version } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { currentFileName, lostDirectoryName, parseFileName } from "./format/filenames.ts";
import { FaultFileSystem } from "./testing/fault-file-system.ts";
import {
  differenceAfterOpen,
  kill,
  livedInStore,
  repairStore,
  successorOf,
  writeSome,
} from "./testing/lived-in-store.ts";
import type { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { type ModelOperation, writesTo } from "./testing/model.ts";
import { Random } from "./testing/random.ts";
import type { TestStore } from "./testing/test-store.ts";

const DIRECTORY = "d";

/** A small store that was killed, with what some merge has replaced still lying around, and without CURRENT. */
async function brokenStore(random: Random): Promise<{ store: TestStore; fs: MemoryFileSystem }> {
  const store = await livedInStore(random, 1);
  const before = filesOf(store.fileSystem as MemoryFileSystem);
  await store.db.compact();
  await writeSome(store, random, 10);
  const fs = await kill(store);
  for (const [path, bytes] of before) if (path.endsWith(".sst")) fs.replace(path, bytes);
  await fs.remove(currentFileName(DIRECTORY));
  await fs.syncDirectory(DIRECTORY);
  return { store, fs };
}

/** The files of a directory and of its lost/, by path. */
function filesOf(fs: MemoryFileSystem): Map<string, Uint8Array> {
  const lost = lostDirectoryName(DIRECTORY);
  const paths = [DIRECTORY, lost].flatMap((path) => fs.list(path).map((name) => `${path}/${name}`));
  return new Map(paths.filter((path) => path !== lost).map((path) => [path, fs.contents(path)]));
}

/** The contents of tables, logs and manifests, wherever they lie. */
function contentsOf(fs: MemoryFileSystem): Set<string> {
  const meant = [...filesOf(fs)].filter(([path]) => {
    const kind = parseFileName(path.slice(path.lastIndexOf("/") + 1))?.kind;
    return kind === "table" || kind === "log" || kind === "manifest";
  });
  return new Set(meant.map(([, bytes]) => Buffer.from(bytes).toString("latin1")));
}

function expectKept(fs: MemoryFileSystem, old: ReadonlySet<string>): void {
  const now = contentsOf(fs);
  for (const content of old) expect(now.has(content)).toBe(true);
}

describe("a repair that is cut short", () => {
  test.each([1, 0.5, 0])(
    "is done by the next one, and nothing is removed (coin %d)",
    async (share) => {
      const random = new Random(40 + share * 10);
      const { store, fs } = await brokenStore(random);
      const old = contentsOf(fs);
      const images: MemoryFileSystem[] = [];
      fs.onCall = () => images.push(fs.crash(share === 1 ? () => true : random.fork().coin(share)));
      await repairStore(store, fs);
      fs.onCall = undefined;
      expect(images.length).toBeGreaterThan(25);
      let opened = 0;
      for (const image of images) {
        expectKept(image, old);
        const direct = image.crash(() => true);
        if (await opens(store, direct)) {
          opened++;
          expectKept(direct, old);
        }
        await repairStore(store, image);
        expectKept(image, old);
        const after = successorOf(store, image);
        expect(await differenceAfterOpen(after, image)).toEqual([]);
        await after.close();
      }
      // Once CURRENT names the new manifest, the rest is tidying up.
      expect(opened).toBeGreaterThan(5);
    },
    60_000,
  );

  test("by a full or failing disk leaves the store as it was, or done", async () => {
    const { store, fs: broken } = await brokenStore(new Random(44));
    const old = contentsOf(broken);
    const before = filesOf(broken);
    let failures = 0;
    for (let at = 1; ; at++) {
      const inner = broken.crash(() => true);
      const disk = new FaultFileSystem(inner, { fault: { at, code: at % 2 === 0 ? "EIO" : "ENOSPC", written: 0.5 } });
      const failed = await repairStore(store, disk).then(
        () => false,
        () => true,
      );
      expectKept(inner, old);
      if (failed && !inner.exists(currentFileName(DIRECTORY))) {
        // What it has written is gone again, but for what a failed removal left.
        const left = [...filesOf(inner).keys()].filter((path) => !before.has(path) && !path.endsWith("/LOCK"));
        expect(left).toEqual([]);
        failures++;
      }
      await repairStore(store, inner);
      const after = successorOf(store, inner);
      expect(await differenceAfterOpen(after, inner)).toEqual([]);
      await after.close();
      if (!failed && disk.calls < at) break;
    }
    expect(failures).toBeGreaterThan(10);
  }, 60_000);
});

async function opens(killed: TestStore, fs: MemoryFileSystem): Promise<boolean> {
  const store = successorOf(killed, fs);
  try {
    expect(await differenceAfterOpen(store, fs)).toEqual([]);
  } catch (error) {
    if (isKvtsError(error, "CORRUPTION")) return false;
    throw error;
  }
  await store.close();
  return true;
}

/** Changes some bytes of a file, cuts it off, or removes it. */
async function damage(random: Random, fs: MemoryFileSystem, path: string): Promise<void> {
  const bytes = fs.contents(path);
  const kind = random.below(10);
  if (kind === 0) await fs.remove(path);
  else if (kind === 1) fs.replace(path, bytes.subarray(0, random.below(bytes.length + 1)));
  else {
    for (let i = random.between(1, 3); i > 0 && bytes.length > 0; i--) {
      const at = random.below(bytes.length);
      bytes.fill(random.u32(), at, at + random.pick([1, 1, 8, 600]));
    }
    fs.replace(path, bytes);
  }
}

/** The tombstone of a deleted range counts as written to each of its keys. */
function isWritten(version: Version<Uint8Array>, operations: readonly ModelOperation[]): boolean {
  const { key, timestamp } = version;
  const own = operations.filter((operation) => operation.timestamp === timestamp && writesTo(operation, key));
  return own.some((operation) => {
    if (operation.op === "put") return version.deleted !== true && equalBytes(operation.value, version.value);
    return operation.op !== "retract" && version.deleted === true;
  });
}

describe("whatever is damaged", () => {
  test("a repair ends with a store that opens, with nothing in it that was not written", async () => {
    const random = new Random(45);
    const before = await livedInStore(random, 2);
    const killed = await kill(before);
    const written = before.batches.flatMap(({ operations }) => operations);
    let lossless = 0;
    for (let round = 0; round < 60; round++) {
      const fs = killed.crash(() => true);
      const names = fs.list(DIRECTORY).filter((name) => /^CURRENT$|^MANIFEST|\.log$|\.sst$|\.marks$/.test(name));
      for (let i = random.between(1, 3); i > 0; i--) {
        const name = random.pick(names);
        if (fs.exists(`${DIRECTORY}/${name}`)) await damage(random, fs, `${DIRECTORY}/${name}`);
      }
      const report = await repairStore(before, fs);
      const store = successorOf(before, fs);
      const difference = await differenceAfterOpen(store, fs);
      if (!report.lost) lossless++;
      for await (const { key } of store.db.scan({}, { includeDeleted: true })) {
        for (const version of store.db.history(key)) {
          expect(isWritten(version, written), `${Buffer.from(key)} at ${version.timestamp}`).toBe(true);
        }
      }
      await store.close();
      expect(await repairStore(before, fs)).toMatchObject({ sound: true });
      if (!report.lost) expect(difference).toEqual([]);
    }
    expect(lossless).toBeGreaterThan(3);
    expect(lossless).toBeLessThan(57);
  }, 120_000);
});
