import { Buffer } from "node:buffer";
import { utf8 } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { crc32 } from "./format/checksum.ts";
import {
  currentFileName,
  logFileName,
  lostDirectoryName,
  manifestFileName,
  parseFileName,
  tableFileName,
} from "./format/filenames.ts";
import { HEADER_CRC_OFFSET } from "./manifest/format.ts";
import { loadManifest } from "./manifest/state.ts";
import type { RepairReport } from "./repair/report.ts";
import { FaultFileSystem } from "./testing/fault-file-system.ts";
import { differenceAfterOpen, kill, livedInStore, repairStore, writeSome } from "./testing/lived-in-store.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { openPlainStore } from "./testing/plain-store.ts";
import { Random } from "./testing/random.ts";
import { groupVersions, writeTable } from "./testing/table-writer.ts";
import type { TestStore } from "./testing/test-store.ts";
import { SEGMENT_HEADER_BYTES } from "./wal/format.ts";

const DIRECTORY = "d";
const CURRENT = currentFileName(DIRECTORY);
const manifestOf = (fs: MemoryFileSystem) => manifestFileName(DIRECTORY, loadManifest(fs, DIRECTORY)!.manifestNumber);

/** Every file of a directory and its lost/, by name, as text. */
function filesOf(fs: MemoryFileSystem): Map<string, string> {
  const paths = [DIRECTORY, lostDirectoryName(DIRECTORY)].flatMap((directory) =>
    fs.list(directory).map((name) => `${directory}/${name}`),
  );
  const files = paths.filter((path) => path !== lostDirectoryName(DIRECTORY));
  return new Map(files.map((path) => [path, Buffer.from(fs.contents(path)).toString("latin1")]));
}

/** The files that held anything, LOCK and spares apart. */
function contentsOf(fs: MemoryFileSystem): string[] {
  return [...filesOf(fs)].flatMap(([path, text]) => {
    const name = path.slice(path.lastIndexOf("/") + 1);
    return /^LOCK$|\.(?:spare|tmp)$/.test(name) ? [] : [text];
  });
}

function fileIn(report: RepairReport, name: string) {
  return report.files.find(({ file }) => file === name);
}

function flip(fs: MemoryFileSystem, path: string, byte: number): void {
  const bytes = fs.contents(path);
  bytes[byte]! ^= 0x10;
  fs.replace(path, bytes);
}

function cut(fs: MemoryFileSystem, path: string, length: number): void {
  fs.replace(path, fs.contents(path).subarray(0, length));
}

describe("a store without a sound manifest", () => {
  const damages: [string, (fs: MemoryFileSystem) => Promise<void> | void][] = [
    ["CURRENT is missing", (fs) => fs.remove(CURRENT)],
    ["CURRENT is empty", (fs) => cut(fs, CURRENT, 0)],
    ["CURRENT is damaged", (fs) => flip(fs, CURRENT, 9)],
    ["the manifest is missing", (fs) => fs.remove(manifestOf(fs))],
    ["the manifest is empty", (fs) => cut(fs, manifestOf(fs), 0)],
    ["the manifest's header is damaged", (fs) => flip(fs, manifestOf(fs), 20)],
    ["the manifest's first record is damaged", (fs) => flip(fs, manifestOf(fs), 70)],
    ["the manifest is cut within its first record", (fs) => cut(fs, manifestOf(fs), 80)],
    [
      "both are missing",
      async (fs) => {
        await fs.remove(manifestOf(fs));
        await fs.remove(CURRENT);
      },
    ],
  ];

  test.each(damages)("%s: everything is saved, nothing is removed", async (_what, damage) => {
    const random = new Random(3);
    const store = await livedInStore(random);
    const fs = await kill(store);
    const before = loadManifest(fs, DIRECTORY)!;
    await damage(fs);
    await expect(store.open(fs)).rejects.toMatchObject({
      code: "CORRUPTION",
      message: expect.stringContaining("kvts repair"),
    });
    const old = contentsOf(fs);

    const report = await repairStore(store, fs);
    expect(report).toMatchObject({ sound: false, lost: false });
    expect(report.incarnation).not.toBe(before.numbers.incarnation);
    expect(report.operations).toBeGreaterThan(30);
    expect(report.files.filter(({ outcome }) => outcome === "kept").length).toBeGreaterThan(4);
    const now = contentsOf(fs);
    for (const text of old) expect(now).toContain(text);

    expect(await differenceAfterOpen(store, fs)).toEqual([]);
    expect((await store.db.stats()).incarnation).toBe(report.incarnation);
    expect(store.db.recovery).toMatchObject({ clean: true, operations: 0, setAside: [] });
    await writeSome(store, random, 20);
    await store.db.compact();
    await store.close();
    expect(await differenceAfterOpen(store, fs)).toEqual([]);
    await store.close();
    expect(await repairStore(store, fs)).toMatchObject({ sound: true, lost: false });
  });
});

describe("a sound store", () => {
  test.each(["closed", "killed"])("that was %s stays as it is", async (how) => {
    const store = await livedInStore(new Random(4));
    let fs = store.fileSystem as MemoryFileSystem;
    if (how === "closed") await store.close();
    else fs = await kill(store);
    const before = filesOf(fs);
    const report = await repairStore(store, fs);
    expect(report).toMatchObject({ sound: true, lost: false });
    expect(report.files.every(({ outcome }) => outcome === "kept")).toBe(true);
    expect(report.files.filter(({ file }) => file.endsWith(".sst"))).toHaveLength(report.tables);
    expect(report.incarnation).toBe(loadManifest(fs, DIRECTORY)!.numbers.incarnation);
    expect(filesOf(fs)).toEqual(before);
    expect(await differenceAfterOpen(store, fs)).toEqual([]);
    await store.close();
  });
});

/** The table files of a directory, and their bytes. */
function tablesOf(fs: MemoryFileSystem): Map<number, Uint8Array> {
  const numbers = fs.list(DIRECTORY).flatMap((name) => {
    const file = parseFileName(name);
    return file?.kind === "table" ? [file.number] : [];
  });
  return new Map(numbers.map((number) => [number, fs.contents(tableFileName(DIRECTORY, number))]));
}

function bringBack(fs: MemoryFileSystem, tables: ReadonlyMap<number, Uint8Array>): void {
  for (const [number, bytes] of tables) fs.replace(tableFileName(DIRECTORY, number), bytes);
}

const reasons = (report: RepairReport) => report.files.map(({ reason }) => reason);
const REPLACED = "the tables that replace it are there";

describe("tables that a merge has replaced, and that lie around all the same,", () => {
  test("bring nothing back that the merge has dropped", async () => {
    const inner = new MemoryFileSystem();
    const fileSystem = new FaultFileSystem(inner, {
      fault: { at: 1, code: "EIO", lasts: true },
      kinds: new Set(["remove"]),
    });
    const store = await livedInStore(new Random(5), 0, { fileSystem });
    const key = utf8("secret");
    await store.submit([{ op: "put", key, value: utf8("secret"), timestamp: 5 }]);
    await store.db.flush();
    const withSecret = tablesOf(inner);
    await store.submit([{ op: "retract", key, timestamp: 5 }]);
    await store.db.compact();
    const fs = inner.crash(() => true);
    fileSystem.fault = undefined;
    await store.abandon().close();
    // A merge need not touch every table: those that it left alone are still the store's own.
    const named = new Set(loadManifest(fs, DIRECTORY)!.tables.map(({ meta }) => meta.number));
    const replaced = [...withSecret.keys()].filter((number) => !named.has(number));
    expect(replaced.length).toBeGreaterThan(0);
    await fs.remove(CURRENT);
    const report = await repairStore(store, fs);
    const outcomes = new Map(report.files.map(({ file, reason }) => [parseFileName(file)?.number, reason]));
    expect(replaced.filter((number) => outcomes.get(number) !== REPLACED)).toEqual([]);
    expect(report.lost).toBe(false);
    expect(await differenceAfterOpen(store, fs)).toEqual([]);
    expect(store.db.getSync(key)).toBeUndefined();
    await store.close();
  });

  test("are left out, one and all, also where the disk would not let go of them for long", async () => {
    const inner = new MemoryFileSystem();
    const fileSystem = new FaultFileSystem(inner, {
      fault: { at: 1, code: "EIO", lasts: true },
      kinds: new Set(["remove"]),
    });
    const store = await livedInStore(new Random(6), 8, { fileSystem });
    const fs = inner.crash(() => true);
    fileSystem.fault = undefined;
    await store.abandon().close();
    const named = loadManifest(fs, DIRECTORY)!.tables.map(({ meta }) => meta.number);
    await fs.remove(CURRENT);
    const report = await repairStore(store, fs);
    expect(reasons(report).filter((reason) => reason === REPLACED).length).toBeGreaterThan(10);
    const kept = report.files
      .filter(({ outcome }) => outcome === "kept")
      .map(({ file }) => parseFileName(file)!.number);
    expect(kept).toEqual(named.sort((a, b) => a - b));
    expect(await differenceAfterOpen(store, fs)).toEqual([]);
    await store.close();
  });

  test("count where the merge had not come to its end", async () => {
    const store = await livedInStore(new Random(7));
    const inputs = tablesOf(store.fileSystem as MemoryFileSystem);
    await store.db.flush();
    const flushed = tablesOf(store.fileSystem as MemoryFileSystem);
    await store.db.compact();
    const fs = await kill(store);
    const outputs = [...tablesOf(fs).keys()];
    expect(outputs.length).toBeGreaterThan(2);
    for (const missing of outputs) {
      const torn = fs.crash(() => true);
      bringBack(torn, new Map([...inputs, ...flushed]));
      await torn.remove(tableFileName(DIRECTORY, missing));
      await torn.remove(CURRENT);
      const report = await repairStore(store, torn);
      expect(report.lost).toBe(false);
      expect(reasons(report).filter((reason) => reason?.startsWith("the merge that wrote it"))).toHaveLength(
        outputs.length - 1,
      );
      expect(await differenceAfterOpen(store, torn)).toEqual([]);
      await store.close();
    }
  });
});

/** A store whose keys have one version each: most in tables of several blocks, the last 400 in four groups of the log. */
async function plainStore(logSegmentBytes = 1 << 20): Promise<{ store: TestStore; fs: MemoryFileSystem }> {
  const tables = { tableBytesMax: 64 * 1024, compression: "none" } as const;
  const store = await openPlainStore({ tuning: { logSegmentBytes, tables } });
  const random = new Random(9);
  for (let i = 0; i < 3000; i += 100) {
    const operations = Array.from({ length: 100 }, (_, at) => {
      return { op: "put", key: utf8(`plain-${String(i + at).padStart(5, "0")}`), value: random.bytes(50) } as const;
    });
    await store.submit(operations);
    if (i === 2500) await store.db.compact();
  }
  return { store, fs: await kill(store) };
}

/** The largest table, and what the manifest says of it. */
function largestTable(fs: MemoryFileSystem): { path: string; name: string; entries: number } {
  const tables = loadManifest(fs, DIRECTORY)!.tables.map(({ meta }) => meta);
  const { number, entryCount } = tables.reduce((most, meta) => (meta.entryCount > most.entryCount ? meta : most));
  const path = tableFileName(DIRECTORY, number);
  return { path, name: path.slice(2), entries: entryCount };
}

describe("a damaged table", () => {
  test("loses its damaged block, and nothing else is lost", async () => {
    const { store, fs } = await plainStore();
    const { path, name, entries } = largestTable(fs);
    flip(fs, path, 100);
    const damaged = fs.contents(path);
    const report = await repairStore(store, fs);
    expect(report).toMatchObject({ sound: false, lost: true, operations: 400 });
    expect(report.files.filter(({ lost }) => lost)).toEqual([
      {
        file: name,
        outcome: "saved",
        saved: expect.any(Number),
        lost: true,
        reason: "it is damaged at byte 0: its checksum does not match",
      },
    ]);
    const { saved } = fileIn(report, name)!;
    expect(saved).toBeGreaterThan(0);
    expect(fs.contents(`${lostDirectoryName(DIRECTORY)}/${name}`)).toEqual(damaged);
    const difference = await differenceAfterOpen(store, fs);
    expect(difference).toHaveLength(entries - saved);
    expect(difference.every((line) => line.startsWith("missing"))).toBe(true);
    await store.close();
  });

  test.each<[string, (fs: MemoryFileSystem, path: string) => Promise<void> | void, object]>([
    ["whose footer is damaged", (fs, path) => flip(fs, path, fs.contents(path).length - 20), { outcome: "set aside" }],
    ["that is cut off", (fs, path) => cut(fs, path, 5000), { outcome: "set aside" }],
    ["that is empty", (fs, path) => cut(fs, path, 0), { outcome: "set aside" }],
    ["that is another", (fs, path) => fs.replace(path, anotherTable()), { outcome: "set aside" }],
    ["that is missing", (fs, path) => fs.remove(path), { outcome: "missing" }],
  ])("%s is lost, and told of", async (_what, damage, expected) => {
    const { store, fs } = await plainStore();
    const { path, name, entries } = largestTable(fs);
    await damage(fs, path);
    const report = await repairStore(store, fs);
    expect(report).toMatchObject({ sound: false, lost: true });
    expect(fileIn(report, name)).toMatchObject({ ...expected, saved: 0, lost: true, reason: expect.any(String) });
    expect(report.files.filter(({ lost }) => lost)).toHaveLength(1);
    expect(await differenceAfterOpen(store, fs)).toHaveLength(entries);
    await store.close();
    expect(await repairStore(store, fs)).toMatchObject({ sound: true });
  });

  test("is saved as far as it is whole also where the manifest is gone", async () => {
    const { store, fs } = await plainStore();
    const { path, name, entries } = largestTable(fs);
    flip(fs, path, 100);
    await fs.remove(CURRENT);
    const report = await repairStore(store, fs);
    const { saved } = fileIn(report, name)!;
    expect(saved).toBeGreaterThan(0);
    expect(await differenceAfterOpen(store, fs)).toHaveLength(entries - saved);
    await store.close();
  });
});

/** A whole table of another store, under its own number. */
function anotherTable(): Uint8Array {
  const fs = new MemoryFileSystem();
  fs.makeDirectory("s");
  writeTable(fs.create("s/a"), groupVersions([{ key: "k", timestamp: 1, seq: 1, value: utf8("v") }]), {
    fileNumber: 999_999,
  });
  return fs.contents("s/a");
}

describe("a damaged log", () => {
  const logsOf = (fs: MemoryFileSystem) => fs.list(DIRECTORY).filter((name) => name.endsWith(".log"));

  test("loses the group that was hit; what follows is saved", async () => {
    const { store, fs } = await plainStore();
    const [name] = logsOf(fs);
    const path = `${DIRECTORY}/${name}`;
    flip(fs, path, SEGMENT_HEADER_BYTES + 200);
    await expect(store.open(fs)).rejects.toMatchObject({ code: "CORRUPTION" });
    const report = await repairStore(store, fs);
    expect(report).toMatchObject({ sound: false, lost: true, operations: 300 });
    expect(fileIn(report, name!)).toMatchObject({
      outcome: "saved",
      lost: true,
      reason: expect.stringMatching(/^it is damaged at bytes 48 to \d+$/),
    });
    expect(await differenceAfterOpen(store, fs)).toHaveLength(100);
    await store.close();
  });

  test("that is missing is told of", async () => {
    const { store, fs } = await plainStore(16 * 1024);
    const path = logFileName(DIRECTORY, loadManifest(fs, DIRECTORY)!.numbers.logNumber);
    expect(logsOf(fs).length).toBeGreaterThan(1);
    expect(fs.exists(path)).toBe(true);
    await fs.remove(path);
    const report = await repairStore(store, fs);
    expect(fileIn(report, path.slice(2))).toMatchObject({ outcome: "missing", lost: true });
    expect(await differenceAfterOpen(store, fs)).not.toEqual([]);
    await store.close();
  });

  test("that ends in a torn group has lost nothing", async () => {
    const { store, fs } = await plainStore();
    const name = logsOf(fs).at(-1)!;
    const path = `${DIRECTORY}/${name}`;
    fs.replace(path, Buffer.concat([fs.contents(path), new Uint8Array(77).fill(5)]));
    expect(await repairStore(store, fs)).toMatchObject({ sound: true });
    await fs.remove(CURRENT);
    expect(await repairStore(store, fs)).toMatchObject({ sound: false, lost: false, operations: 400 });
    expect(await differenceAfterOpen(store, fs)).toEqual([]);
    await store.close();
  });
});

describe("is refused, and changes nothing,", () => {
  test("where there is no store", async () => {
    const { store } = await plainStore();
    const fs = new MemoryFileSystem();
    await expect(repairStore(store, fs)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: "there is no store in d; name the directory of one",
    });
    fs.makeDirectory(DIRECTORY);
    fs.create(`${DIRECTORY}/letter.txt`).close();
    await expect(repairStore(store, fs)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining('is not a kvts store (it holds "letter.txt")'),
    });
    expect(fs.list(DIRECTORY)).toEqual(["letter.txt"]);
  });

  test("while the store is open", async () => {
    const { store, fs } = await plainStore();
    await store.open(fs);
    await expect(repairStore(store, fs)).rejects.toMatchObject({ code: "LOCKED" });
    await store.close();
  });

  test.each([
    ["a table", (fs: MemoryFileSystem) => largestTable(fs).path, tableOfTomorrow],
    ["a manifest", manifestOf, manifestOfTomorrow],
  ])("where a newer kvts wrote %s", async (_what, pathOf, newer) => {
    const { store, fs } = await plainStore();
    const path = pathOf(fs);
    fs.replace(path, newer(fs.contents(path)));
    const before = filesOf(fs);
    await expect(repairStore(store, fs)).rejects.toMatchObject({ code: "UNIMPLEMENTED" });
    expect(filesOf(fs)).toEqual(before);
  });
});

function tableOfTomorrow(bytes: Uint8Array): Uint8Array {
  const footer = new DataView(bytes.buffer, bytes.length - 48);
  footer.setUint32(32, 2, true);
  footer.setUint32(36, crc32(bytes.subarray(bytes.length - 48, bytes.length - 12)), true);
  return bytes;
}

function manifestOfTomorrow(bytes: Uint8Array): Uint8Array {
  const header = new DataView(bytes.buffer);
  header.setUint32(8, 2, true);
  header.setUint32(HEADER_CRC_OFFSET, crc32(bytes.subarray(0, HEADER_CRC_OFFSET)), true);
  return bytes;
}
