import { describe, expect, it } from "vitest";
import { assertHolds } from "../testing/memtable-check.ts";
import { MemtableWriter } from "../testing/memtable-writer.ts";
import { ArenaPool } from "./arena-pool.ts";
import { SLAB_BYTES } from "./extents.ts";
import type { Memtable } from "./memtable.ts";

const MIB = 1024 * 1024;
const writer = new MemtableWriter();

function fill(memtable: Memtable, seed: number, extentBytes = 0): void {
  const written = Array.from({ length: 500 }, (_, i) => ({
    key: `key ${(i * seed) % 100}`,
    timestamp: (i * seed) % 977,
    seq: i,
    value: new Uint8Array(i === 0 && extentBytes > 0 ? extentBytes : i % 60).fill(seed),
  }));
  for (const version of written) expect(writer.insert(memtable, version)).toBe(true);
  assertHolds(memtable, written);
}

describe("an arena pool", () => {
  it("hands the same memory out again, empty", () => {
    const pool = new ArenaPool({ arenaBytes: MIB });
    const buffers = new Set<SharedArrayBuffer>();
    for (let round = 1; round < 20; round++) {
      const memtable = pool.take();
      expect(memtable.entryCount).toBe(0);
      fill(memtable, round, 2 * SLAB_BYTES);
      const { arena, slabs } = memtable.transfer();
      for (const buffer of [arena, ...slabs]) buffers.add(buffer);
      pool.give(memtable);
    }
    expect(buffers.size).toBe(3);
  });

  it("keeps no more idle arenas than it may, the last used ones", () => {
    const pool = new ArenaPool({ arenaBytes: MIB, idleArenasMax: 2 });
    const memtables = [pool.take(), pool.take(), pool.take()];
    const kept = memtables.slice(1).map((memtable) => memtable.transfer().arena);
    for (const memtable of memtables) pool.give(memtable);
    expect(pool.idleBytes).toBe(2 * MIB);
    const again = [pool.take(), pool.take()].map((memtable) => memtable.transfer().arena);
    expect(new Set(again)).toEqual(new Set(kept));
  });

  it("gives a large batch an arena of its own size, and that one again", () => {
    const pool = new ArenaPool({ arenaBytes: MIB });
    const large = pool.take(20 * MIB);
    expect(large.arenaBytes).toBe(32 * MIB);
    pool.give(large);
    const other = pool.take(17 * MIB);
    expect(other.transfer().arena).toBe(large.transfer().arena);
    pool.give(other);
    pool.give(pool.take(MIB));
    expect(pool.idleBytes).toBe(32 * MIB);
  });

  it("prefers the smallest idle arena that is large enough", () => {
    const pool = new ArenaPool({ arenaBytes: MIB, idleArenasMax: 3 });
    const memtables = [pool.take(20 * MIB), pool.take()];
    for (const memtable of memtables) pool.give(memtable);
    expect(pool.take().arenaBytes).toBe(MIB);
  });

  it("lets slabs go that nobody needs, by halves", () => {
    const pool = new ArenaPool({ arenaBytes: MIB });
    const first = pool.take();
    first.allocateExtent(8 * SLAB_BYTES);
    pool.give(first);
    const idle: number[] = [];
    for (let round = 0; round < 4; round++) {
      pool.give(pool.take());
      idle.push((pool.idleBytes - MIB) / SLAB_BYTES);
    }
    expect(idle).toEqual([4, 2, 1, 0]);
  });

  it("keeps no more idle slabs than it may", () => {
    const pool = new ArenaPool({ arenaBytes: MIB, idleSlabBytesMax: 3 * SLAB_BYTES });
    const memtable = pool.take();
    memtable.allocateExtent(8 * SLAB_BYTES);
    pool.give(memtable);
    expect(pool.idleBytes).toBe(MIB + 3 * SLAB_BYTES);
  });

  it("takes a memtable's memory back once", () => {
    const pool = new ArenaPool({ arenaBytes: MIB });
    const memtable = pool.take();
    pool.give(memtable);
    expect(() => pool.give(memtable)).toThrow(/MT1/);
  });
});
