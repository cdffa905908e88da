import { describe, expect, test } from "vitest";
import { KIND_DELETE } from "../format/version-record.ts";
import { FOUND, VersionRun } from "../format/version-run.ts";
import { MemoryFileSystem } from "../testing/memory-file-system.ts";
import type { WrittenVersion } from "../testing/memtable-writer.ts";
import { Random } from "../testing/random.ts";
import { cursorKey, readGroup, SYNC_MODE } from "../testing/table-reader.ts";
import { groupVersions, PROVENANCE, writeTable } from "../testing/table-writer.ts";
import { BlockCache } from "./block-cache.ts";
import { Table } from "./table.ts";
import { TableBuilder } from "./table-builder.ts";

const PATH = "s/damaged";
const EXTENT_BYTES = 20_000;

/** Blocks of many keys, a group over several blocks, and extents. */
function makeVersions(): WrittenVersion[] {
  const random = new Random(31);
  const versions: WrittenVersion[] = [];
  for (let i = 0; i < 1500; i++) {
    const key = i < 600 ? "long" : `key-${i % 217}`;
    const expiresAt = i % 5 === 0 ? 10_000 + i : undefined;
    versions.push({ key, timestamp: i >> 1, seq: i, value: random.bytes(60), expiresAt });
  }
  for (let i = 0; i < 3; i++) {
    versions.push({ key: `key-${i * 50}`, timestamp: 5000, seq: 2000 + i, value: random.bytes(EXTENT_BYTES) });
  }
  versions.push({ key: "gone", timestamp: 6, seq: 3000, kind: KIND_DELETE });
  return versions;
}

function written(): MemoryFileSystem {
  const fileSystem = new MemoryFileSystem();
  fileSystem.makeDirectory("s");
  writeTable(fileSystem.create(PATH), groupVersions(makeVersions()));
  return fileSystem;
}

/** By seq, as one line of text each: what a table holds. */
async function contents(fileSystem: MemoryFileSystem, path: string, number: number): Promise<Map<number, string>> {
  const table = Table.open(fileSystem.open(path), number, new BlockCache(0));
  await table.verify();
  const found = new Map<number, string>();
  const cursor = table.cursor();
  const run = new VersionRun();
  let at = await SYNC_MODE.ask((demand) => cursor.seekFirst(demand));
  for (; at === FOUND; at = await SYNC_MODE.ask((demand) => cursor.next(demand))) {
    await SYNC_MODE.ask((demand) => cursor.firstRun(run, demand));
    const key = Buffer.from(cursorKey(cursor)).toString();
    for (const version of await readGroup(table, run, SYNC_MODE)) {
      const value = Buffer.from(version.value ?? []).toString("hex");
      found.set(version.seq, JSON.stringify([key, version.timestamp, version.kind, version.expiresAt, value]));
    }
  }
  cursor.close();
  await table.close();
  return found;
}

/** What is saved of a table in which one byte is wrong. */
async function saved(fileSystem: MemoryFileSystem, byte: number): Promise<Map<number, string>> {
  const bytes = fileSystem.contents(PATH);
  bytes[byte]! ^= 0x40;
  fileSystem.replace(PATH, bytes);
  const table = Table.open(fileSystem.open(PATH), 1, new BlockCache(0));
  await expect(table.verify()).rejects.toMatchObject({ code: "CORRUPTION" });
  const file = fileSystem.create("s/saved");
  const builder = new TableBuilder(file, { fileNumber: 2, level: 1, compression: "lz4" });
  const versions = await table.salvage(builder);
  const properties = builder.finish({ ...PROVENANCE, firstOutput: 2 });
  file.close();
  await table.close();
  const found = await contents(fileSystem, "s/saved", 2);
  expect(found.size).toBe(versions);
  expect(properties.entryCount).toBe(versions);
  return found;
}

/** Where the table's blocks begin, and their bytes. */
async function blocksOf(fileSystem: MemoryFileSystem): Promise<{ offset: number; bytes: number }[]> {
  const { fences, ...table } = Table.open(fileSystem.open(PATH), 1, new BlockCache(0));
  expect(table.number).toBe(1);
  return Array.from({ length: fences.blockCount }, (_, block) => ({
    offset: fences.offset(block),
    bytes: fences.storedBytes(block),
  }));
}

describe("the salvage of a table", () => {
  test("loses the versions of a damaged block, and no others", async () => {
    const all = await contents(written(), PATH, 1);
    const blocks = await blocksOf(written());
    expect(blocks.length).toBeGreaterThan(8);
    const lost: number[] = [];
    for (const { offset, bytes } of blocks) {
      const found = await saved(written(), offset + 16 + ((bytes - 16) >> 1));
      for (const [seq, version] of found) expect(version).toBe(all.get(seq));
      const missing = [...all.keys()].filter((seq) => !found.has(seq));
      expect(missing.length).toBeGreaterThan(0);
      lost.push(...missing);
    }
    // Each version lies in one block, so over all blocks each is lost once.
    expect(lost.sort((a, b) => a - b)).toEqual([...all.keys()].sort((a, b) => a - b));
  });

  test("loses a value whose extent is damaged, and no other", async () => {
    const all = await contents(written(), PATH, 1);
    const { value } = makeVersions().find(({ seq }) => seq === 2001)!;
    const at = Buffer.from(written().contents(PATH)).indexOf(Buffer.from(value!));
    expect(at).toBeGreaterThan(0);
    const found = await saved(written(), at + 7);
    all.delete(2001);
    expect(found).toEqual(all);
  });
});
