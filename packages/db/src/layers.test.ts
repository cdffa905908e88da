import { describe, expect, test } from "vitest";
import { Layers } from "./layers.ts";
import { Version } from "./manifest/version.ts";
import { ArenaPool } from "./memtable/arena-pool.ts";
import type { Memtable } from "./memtable/memtable.ts";
import type { Table } from "./table/table.ts";
import { MemtableWriter } from "./testing/memtable-writer.ts";

const ARENA_BYTES = 256 * 1024;
const writer = new MemtableWriter();

function insert(memtable: Memtable, seq: number, bytes = 10): void {
  expect(writer.insert(memtable, { key: `key ${seq}`, timestamp: seq, seq, value: new Uint8Array(bytes) })).toBe(true);
}

function newLayers(logNumber = 7): { layers: Layers; pool: ArenaPool } {
  const pool = new ArenaPool({ arenaBytes: ARENA_BYTES, idleArenasMax: 9 });
  return { layers: new Layers(pool, Version.of<Table>([]), logNumber), pool };
}

describe("layers", () => {
  test("show the active memtable first, then the frozen ones from the youngest on", () => {
    const { layers } = newLayers();
    const memtables: Memtable[] = [];
    for (const log of [8, 9]) {
      insert(layers.active, log);
      memtables.push(layers.active);
      layers.freeze(log);
    }
    expect(layers.view.memtables.map(({ memtable }) => memtable)).toEqual([layers.active, ...memtables.toReversed()]);
    expect(layers.frozen.map(({ memtable }) => memtable)).toEqual(memtables);
  });

  test("let go of the oldest frozen memtable once a version holds it, and of no other", () => {
    const { layers } = newLayers();
    insert(layers.active, 1);
    layers.freeze(8);
    insert(layers.active, 2);
    layers.freeze(9);
    const [oldest, younger] = layers.frozen;
    const version = Version.of<Table>([]);
    expect(() => layers.install(version, younger)).toThrow("L2");
    layers.install(version, oldest);
    expect(layers.frozen).toEqual([younger]);
    expect(layers.view.version).toBe(version);
  });

  test("know which logs hold what is in no table", () => {
    const { layers } = newLayers(7);
    expect(layers.oldestLog()).toBe(7);
    insert(layers.active, 1);
    layers.freeze(8);
    insert(layers.active, 2);
    // In the midst of a group: both memtables have entries in log 8.
    layers.freeze(8);
    const [first, second] = layers.frozen;
    expect(layers.oldestLog()).toBe(7);
    expect(layers.oldestLogWithout(first!)).toBe(8);
    layers.install(layers.view.version, first);
    expect(layers.oldestLogWithout(second!)).toBe(8);
  });

  test("begin another log only while memory is empty", () => {
    const { layers } = newLayers(3);
    layers.beginLog(5);
    expect(layers.oldestLog()).toBe(5);
    insert(layers.active, 1);
    expect(() => layers.beginLog(6)).toThrow("L3");
  });

  test("give a memtable's arena back when its last reader is done, not before", () => {
    const { layers, pool } = newLayers();
    insert(layers.active, 1);
    layers.freeze(8);
    const reading = layers.view.acquire();
    layers.install(layers.view.version, layers.frozen[0]);
    expect(pool.idleBytes).toBe(0);
    reading.release();
    expect(pool.idleBytes).toBe(ARENA_BYTES);
    layers.close();
    expect(pool.idleBytes).toBe(2 * ARENA_BYTES);
  });

  test("have room for anything while they are empty, else for what surely fits", () => {
    const { layers } = newLayers();
    expect(layers.hasRoomFor(1, 100 * ARENA_BYTES)).toBe(true);
    insert(layers.active, 1);
    expect(layers.hasRoomFor(1, 1000)).toBe(true);
    expect(layers.hasRoomFor(1, 2 * ARENA_BYTES)).toBe(false);
    expect(layers.hasRoomFor(10_000, 1000)).toBe(false);
  });
});
