import { mkdtempSync, readdirSync, rmSync, truncateSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { open } from "./open.ts";
import { repair } from "./repair.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "kvts-repair-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const KEYS = 400;
const SIZES = { memtableBytes: 256 * 1024, blockCacheBytes: 1024 * 1024 };

/** A store with flushed and merged tables, closed in order or not. */
async function write(versions: number): Promise<void> {
  await using db = await open(directory, SIZES);
  for (let version = 1; version <= versions; version++) {
    const operations = Array.from({ length: KEYS }, (_, i) => {
      return { op: "put", key: `key-${i}`, value: `value ${i} ${version}`.repeat(10), timestamp: version } as const;
    });
    await db.write(operations);
    if (version === versions >> 1) await db.compact();
  }
  await db.put("large", "L".repeat(3_000_000), { timestamp: 1 });
}

async function expectEverything(versions: number): Promise<void> {
  await using db = await open(directory, { ...SIZES, createIfMissing: false });
  let keys = 0;
  for await (const entry of db.scan({ prefix: "key-" })) {
    const i = entry.key.slice(4);
    expect(entry.text()).toBe(`value ${i} ${versions}`.repeat(10));
    const timestamps = [...db.history(entry.key)].map(({ timestamp }) => timestamp);
    expect(timestamps).toEqual(Array.from({ length: versions }, (_, at) => versions - at));
    keys++;
  }
  expect(keys).toBe(KEYS);
  expect((await db.get("large"))?.text()).toBe("L".repeat(3_000_000));
  await db.put("after", "repair");
  expect((await db.get("after"))?.text()).toBe("repair");
}

function remove(pattern: RegExp): void {
  for (const name of readdirSync(directory)) if (pattern.test(name)) unlinkSync(join(directory, name));
}

test("a store on disk without CURRENT and manifest is made anew", async () => {
  await write(30);
  remove(/^CURRENT$|^MANIFEST/);
  await expect(open(directory, SIZES)).rejects.toThrow("kvts repair");
  const report = await repair(directory);
  expect(report).toMatchObject({ sound: false, lost: false });
  expect(report.versions).toBe(30 * KEYS + 1);
  await expectEverything(30);
  expect(await repair(directory)).toMatchObject({ sound: true, lost: false, versions: 30 * KEYS + 2 });
});

test("a damaged CURRENT goes to lost/, and other people's files stay", async () => {
  await write(3);
  writeFileSync(join(directory, "CURRENT"), "what?");
  writeFileSync(join(directory, "notes.txt"), "mine");
  expect(await repair(directory)).toMatchObject({ sound: false, lost: false });
  expect(readdirSync(join(directory, "lost")).filter((name) => name.startsWith("CURRENT-"))).toHaveLength(1);
  expect(readdirSync(directory)).toContain("notes.txt");
  await expectEverything(3);
});

test("a held store is not touched", async () => {
  await using _db = await open(directory, SIZES);
  const before = readdirSync(directory);
  await expect(repair(directory)).rejects.toMatchObject({ code: "LOCKED", details: { pid: process.pid } });
  expect(readdirSync(directory)).toEqual(before);
});

test("a table that was cut off on disk is lost, and told of", async () => {
  await write(30);
  const table = readdirSync(directory).find((name) => name.endsWith(".sst"))!;
  truncateSync(join(directory, table), 1000);
  await expect(open(directory, SIZES)).rejects.toMatchObject({ code: "CORRUPTION" });
  const report = await repair(directory);
  expect(report.files.filter(({ lost }) => lost).map(({ file }) => file)).toEqual([table]);
  expect(readdirSync(join(directory, "lost"))).toContain(table);
  await (await open(directory, SIZES)).close();
});
