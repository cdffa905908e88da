import { describe, expect, test } from "vitest";
import { KeyBuffer } from "../format/key-buffer.ts";
import { highWord, lowWord } from "../format/version-record.ts";
import { ABSENT, BlockDemand, FOUND, type Lookup, MISS, VersionRun } from "../format/version-run.ts";
import { MemoryFileSystem } from "../testing/memory-file-system.ts";
import { groupVersions, writeTable } from "../testing/table-writer.ts";
import { BlockCache } from "./block-cache.ts";
import { IndexCache } from "./index-cache.ts";
import { Table } from "./table.ts";
import { INDEX_BLOCK } from "./table-index.ts";

const KEYS = 400;

class Store {
  readonly fileSystem: MemoryFileSystem = new MemoryFileSystem();
  readonly blocks: BlockCache = new BlockCache(1024 * 1024);
  readonly indexes: IndexCache;

  constructor(indexBytesMax: number) {
    this.indexes = new IndexCache(indexBytesMax);
    this.fileSystem.makeDirectory("s");
  }

  table(number: number): Table {
    const value = new Uint8Array(1000).fill(number);
    const versions = Array.from({ length: KEYS }, (_, i) => ({
      key: `key-${String(i).padStart(4, "0")}`,
      timestamp: 5,
      seq: 1 + i,
      value,
    }));
    const path = `s/${number}`;
    writeTable(this.fileSystem.create(path), groupVersions(versions));
    return Table.open(this.fileSystem.open(path), 1, this.blocks, this.indexes);
  }
}

function locate(table: Table, name: string, demand: BlockDemand<Table>, run: VersionRun = new VersionRun()): Lookup {
  const key = new KeyBuffer();
  key.set(name);
  const lookup = table.locate(key, highWord(5), lowWord(5), run, demand);
  run.release();
  return lookup;
}

function mayContain(table: Table, name: string): boolean {
  const key = new KeyBuffer();
  key.set(name);
  return table.mayContain(key.hash);
}

const sync = () => new BlockDemand<Table>(true);
const loading = () => new BlockDemand<Table>(false);

describe("filters and fences beyond the budget", () => {
  test("make room, the one used least lately first, and come back when they are needed", () => {
    const probe = new Store(Number.POSITIVE_INFINITY);
    probe.table(1);
    const { bytes } = probe.indexes.stats();
    expect(bytes).toBeGreaterThan(KEYS);

    const store = new Store(2 * bytes);
    const tables = [store.table(1), store.table(2)];
    expect(store.indexes.stats()).toEqual({ bytes: 2 * bytes, bytesMax: 2 * bytes, reloads: 0, evictions: 0 });
    expect(mayContain(tables[1]!, "key-0001")).toBe(true);
    tables.push(store.table(3));
    expect(store.indexes.stats()).toMatchObject({ bytes: 2 * bytes, reloads: 0, evictions: 1 });
    // Without its filter a table may hold anything.
    expect(tables.map((table) => mayContain(table, "absent"))).toEqual([true, false, false]);
    expect(locate(tables[0]!, "key-0007", sync())).toBe(FOUND);
    expect(mayContain(tables[0]!, "absent")).toBe(false);
    expect(store.indexes.stats()).toMatchObject({ bytes: 2 * bytes, reloads: 1, evictions: 2 });
  });

  test("spare a reader the block of a key that is not there", () => {
    const store = new Store(0);
    const table = store.table(1);
    store.table(2);
    expect(locate(table, "absent", sync())).toBe(ABSENT);
    expect(store.indexes.stats().reloads).toBe(1);
    expect(store.blocks.misses).toBe(0);
  });

  test("are read once for all who wait, and stay until each has looked again", async () => {
    const store = new Store(0);
    const table = store.table(1);
    const other = store.table(2);
    const demands = [loading(), loading()];
    for (const demand of demands) {
      expect(locate(table, "key-0100", demand)).toBe(MISS);
      expect([demand.table, demand.block]).toEqual([table, INDEX_BLOCK]);
    }
    const held = await Promise.all(demands.map((demand) => demand.table!.load(demand.block)));
    expect(store.indexes.stats().reloads).toBe(1);
    // Its turn to make room has come, but somebody holds it.
    void other.fences;
    expect(locate(table, "key-0100", demands[0]!)).toBe(MISS);
    expect(demands[0]!.block).toBeGreaterThan(INDEX_BLOCK);
    for (const pin of [...held, ...held]) pin.release();
    void other.fences;
    await store.table(3).close();
    expect(mayContain(table, "absent")).toBe(true);
  });

  test("are read before a block whose place nobody knows any more", async () => {
    const store = new Store(0);
    const table = store.table(1);
    const demand = loading();
    expect(locate(table, "key-0100", demand)).toBe(MISS);
    store.table(2);
    expect(mayContain(table, "absent")).toBe(true);
    using _ = await table.load(demand.block);
    expect(locate(table, "key-0100", sync())).toBe(FOUND);
  });

  test("are given up with their table", async () => {
    const store = new Store(Number.POSITIVE_INFINITY);
    const first = store.table(1);
    const { bytes } = store.indexes.stats();
    const second = store.table(2);
    await first.close();
    expect(store.indexes.stats().bytes).toBe(bytes);
    await second.close();
    expect(store.indexes.stats().bytes).toBe(0);
  });

  test("that were damaged meanwhile are refused with their file", async () => {
    const store = new Store(0);
    const table = store.table(1);
    store.table(2);
    const file = store.fileSystem.openWritable("s/1");
    file.writeSync(new Uint8Array(64).fill(0xff), file.size() - 600);
    file.close();
    expect(() => locate(table, "key-0007", sync())).toThrow("s/1");
    const demand = loading();
    expect(locate(table, "key-0007", demand)).toBe(MISS);
    await expect(demand.table!.load(demand.block)).rejects.toMatchObject({ code: "CORRUPTION" });
  });
});
