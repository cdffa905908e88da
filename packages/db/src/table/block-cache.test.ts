import { describe, expect, test } from "vitest";
import { KeyBuffer } from "../format/key-buffer.ts";
import { highWord, lowWord } from "../format/version-record.ts";
import { BlockDemand, FOUND, MISS, VersionRun } from "../format/version-run.ts";
import { MemoryFileSystem } from "../testing/memory-file-system.ts";
import { groupVersions, writeTable } from "../testing/table-writer.ts";
import { BlockView } from "./block.ts";
import { BlockCache, NOT_CACHED } from "./block-cache.ts";
import { FRAME_BYTES } from "./format.ts";
import { Table } from "./table.ts";

/** Installs a block into a frame as a loader would; returns the frame. */
function fill(cache: BlockCache, frames: Int32Array, block: number): number {
  const frame = cache.takeFrame();
  cache.install(frame, frames, block);
  return frame;
}

/** Looks a block up as a table would. */
function use(cache: BlockCache, frames: Int32Array, block: number): void {
  cache.point(new BlockView(), frames[block]!);
}

describe("block cache", () => {
  test("has four frames at least, and no more than its bytes", () => {
    expect(new BlockCache(0).stats().bytesMax).toBe(4 * FRAME_BYTES);
    expect(new BlockCache(10 * FRAME_BYTES + 1).stats().bytesMax).toBe(10 * FRAME_BYTES);
  });

  test("evicts what was not used since the hand passed, and tells the file's frame table", () => {
    const cache = new BlockCache(4 * FRAME_BYTES);
    const frames = cache.register(10);
    for (let block = 0; block < 4; block++) fill(cache, frames, block);
    use(cache, frames, 0);
    use(cache, frames, 2);
    fill(cache, frames, 4);
    fill(cache, frames, 5);
    expect([...frames.subarray(0, 6)].map((entry) => entry !== NOT_CACHED)).toEqual([
      true,
      false,
      true,
      false,
      true,
      true,
    ]);
    expect(cache.stats()).toMatchObject({ evictions: 2, bytes: 4 * FRAME_BYTES });
  });

  test("gives no pinned frame away, and none where all are pinned", () => {
    const cache = new BlockCache(4 * FRAME_BYTES);
    const frames = cache.register(10);
    for (let block = 0; block < 4; block++) cache.pins[fill(cache, frames, block)]!++;
    expect(cache.takeFrame()).toBe(-1);
    cache.pins[frames[2]!]!--;
    const freed = frames[2]!;
    expect(fill(cache, frames, 7)).toBe(freed);
    expect(frames[2]).toBe(NOT_CACHED);
  });

  test("forgets a file, also what is pinned of it, and uses that frame again once nobody holds it", () => {
    const cache = new BlockCache(4 * FRAME_BYTES);
    const kept = cache.register(2);
    const forgotten = cache.register(2);
    fill(cache, kept, 0);
    const held = fill(cache, forgotten, 0);
    fill(cache, forgotten, 1);
    cache.pins[held]!++;
    cache.forget(forgotten);
    expect([...forgotten]).toEqual([NOT_CACHED, NOT_CACHED]);
    expect(cache.stats()).toMatchObject({ bytes: FRAME_BYTES, evictions: 0 });
    const taken = () => Array.from({ length: 3 }, (_, block) => fill(cache, cache.register(9), block));
    expect(taken()).not.toContain(held);
    cache.pins[held]!--;
    expect([...taken(), ...taken()]).toContain(held);
  });

  test("takes frames that a forgotten file has left before any block has to go", () => {
    const cache = new BlockCache(6 * FRAME_BYTES);
    const [kept, forgotten] = [cache.register(9), cache.register(9)];
    for (let block = 0; block < 3; block++) fill(cache, kept, block);
    const left = [0, 1, 2].map((block) => fill(cache, forgotten, block));
    cache.forget(forgotten);
    expect([3, 4, 5].map((block) => fill(cache, kept, block)).toSorted()).toEqual(left.toSorted());
    expect(cache.stats()).toMatchObject({ bytes: 6 * FRAME_BYTES, evictions: 0 });
    fill(cache, kept, 6);
    expect(cache.stats()).toMatchObject({ bytes: 6 * FRAME_BYTES, evictions: 1 });
  });

  test("keeps blocks outside the slab within their own limit", () => {
    const cache = new BlockCache(4 * FRAME_BYTES);
    const frames = cache.register(30);
    for (let block = 0; block < 30; block++) {
      const i32 = new Int32Array(65_000);
      cache.installOutside(i32, new Uint8Array(i32.buffer), frames, block);
      if (block === 3) cache.pinCounts(frames[3]!)[0]!++;
    }
    expect(cache.stats().bytes).toBeLessThanOrEqual(1024 * 1024);
    expect(frames[29]).not.toBe(NOT_CACHED);
    // What a load holds stays, though it is old and was not used.
    expect(frames[3]).not.toBe(NOT_CACHED);
    cache.forget(frames);
    expect(cache.stats().bytes).toBe(0);
  });
});

describe("blocks of a table in a cache of four frames", () => {
  const keys = Array.from({ length: 600 }, (_, i) => `key-${String(i).padStart(4, "0")}`);
  // A block holds three of them.
  const value = new Uint8Array(2500).fill(7);

  function openTable(cache: BlockCache): Table {
    const fileSystem = new MemoryFileSystem();
    fileSystem.makeDirectory("store");
    const versions = keys.map((key, i) => ({ key, timestamp: 100 + i, seq: 1 + i, value }));
    writeTable(fileSystem.create("store/a"), groupVersions(versions));
    return Table.open(fileSystem.open("store/a"), 1, cache);
  }

  function locate(table: Table, name: string, run: VersionRun, demand: BlockDemand<Table>): number {
    const key = new KeyBuffer();
    key.set(name);
    return table.locate(key, highWord(1e15), lowWord(1e15), run, demand);
  }

  test("asynchronous readers all get on, each holding its block until it has looked again", async () => {
    const cache = new BlockCache(0);
    const table = openTable(cache);
    let loads = 0;
    const readOne = async (name: string) => {
      const run = new VersionRun();
      const demand = new BlockDemand<Table>(false);
      if (locate(table, name, run, demand) === MISS) {
        loads++;
        using _ = await demand.table!.load(demand.block);
        expect(locate(table, name, run, demand)).toBe(FOUND);
      }
      expect(run.u8[run.base + run.i32[run.first + 4]!]).toBe(7);
      run.release();
    };
    for (let round = 0; round < 5; round++) await Promise.all(keys.map(readOne));
    expect(loads).toBeGreaterThan(keys.length);
    expect(cache.pins.every((pins) => pins === 0)).toBe(true);
    expect(cache.stats().bytes).toBeLessThanOrEqual(4 * FRAME_BYTES + 1024 * 1024);
    await table.close();
  });

  test("callers of one block share one read", async () => {
    const cache = new BlockCache(0);
    const table = openTable(cache);
    const pins = await Promise.all([table.load(3), table.load(3), table.load(3)]);
    const { misses } = cache.stats();
    expect(misses).toBe(0);
    const sync = table.loadSync(3);
    expect([...cache.pins].sort()).toEqual([0, 0, 0, 4]);
    for (const pin of [...pins, sync]) {
      pin.release();
      pin.release();
    }
    expect([...cache.pins]).toEqual([0, 0, 0, 0]);
    await table.close();
  });

  test("a run stays readable while others fill the cache, and more runs than frames can be held", () => {
    const cache = new BlockCache(0);
    const table = openTable(cache);
    const demand = new BlockDemand<Table>(true);
    const runs = keys.map((name) => {
      const run = new VersionRun();
      expect(locate(table, name, run, demand)).toBe(FOUND);
      return run;
    });
    for (const run of runs) {
      const at = run.base + run.i32[run.first + 4]!;
      expect(run.u8.subarray(at, at + 2500).every((byte) => byte === 7)).toBe(true);
    }
    for (const run of runs) run.release();
    expect(cache.pins.every((pins) => pins === 0)).toBe(true);
  });

  test("MISS changes nothing but the demand", () => {
    const table = openTable(new BlockCache(0));
    const run = new VersionRun();
    expect(locate(table, keys[0]!, run, new BlockDemand<Table>(true))).toBe(FOUND);
    const before = { ...run };
    const demand = new BlockDemand<Table>(false);
    expect(locate(table, keys[60]!, run, demand)).toBe(MISS);
    expect({ ...run }).toEqual(before);
    expect(demand.table).toBe(table);
    expect(demand.block).toBe(20);
  });

  test("hits and misses are counted", () => {
    const cache = new BlockCache(0);
    const table = openTable(cache);
    const run = new VersionRun();
    for (const name of [keys[0]!, keys[1]!, keys[599]!]) locate(table, name, run, new BlockDemand<Table>(true));
    expect(cache.stats()).toMatchObject({ hits: 1, misses: 2, evictions: 0 });
  });

  test("closing waits for a read under way, which then fails as CLOSED", async () => {
    const table = openTable(new BlockCache(0));
    const loading = table.load(0);
    const closing = table.close();
    await expect(loading).rejects.toMatchObject({ code: "CLOSED" });
    await closing;
  });
});
