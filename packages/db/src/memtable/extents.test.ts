import { describe, expect, it } from "vitest";
import { CarriedVersion } from "../format/carried-version.ts";
import { KeyBuffer } from "../format/key-buffer.ts";
import { VersionRun } from "../format/version-run.ts";
import { assertHolds } from "../testing/memtable-check.ts";
import { MemtableWriter, memtableOf } from "../testing/memtable-writer.ts";
import { Arena } from "./arena.ts";
import { SLAB_BYTES } from "./extents.ts";

const arena = Arena.allocate(256 * 1024);
const KIB = 1024;

function patterned(bytes: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => (i * 31 + (i >>> 8) + seed) & 0xff);
}

describe("extent values", () => {
  it("of any length lie beside the arena", () => {
    const lengths = [
      8 * KIB + 1,
      9001,
      400 * KIB,
      700 * KIB + 3,
      SLAB_BYTES,
      SLAB_BYTES - 8,
      3 * SLAB_BYTES + 5,
      20 * KIB,
    ];
    const written = lengths.map((bytes, i) => ({
      key: `key ${i % 3}`,
      timestamp: i,
      seq: i,
      value: patterned(bytes, i),
      expiresAt: i % 2 === 0 ? undefined : i + 1,
    }));
    const inline = { key: "key 1", timestamp: 90, seq: 90, value: patterned(8 * KIB, 90) };
    const before = memtableOf(arena, []).bytesUsed;
    const memtable = memtableOf(arena, [...written, inline]);
    assertHolds(memtable, [...written, inline]);
    const sum = lengths.reduce((total, bytes) => total + bytes, 0);
    expect(memtable.bytesUsed - before).toBeGreaterThan(sum);
    expect(memtable.transfer().slabs.length).toBe(Math.ceil(sum / SLAB_BYTES));
  });

  it("are written and read in parts", () => {
    const value = patterned(2 * SLAB_BYTES + 100, 5);
    const memtable = memtableOf(arena, [{ key: "first", timestamp: 1, seq: 1, value: patterned(9 * KIB, 1) }]);
    const address = memtable.allocateExtent(value.length);
    for (let at = 0; at < value.length; at += 70_001) {
      memtable.writeExtent(address + at, value.subarray(at, at + 70_001));
    }
    const key = new KeyBuffer();
    key.set("second");
    const meta = value.length << 5;
    expect(memtable.insertExtent(key.i32, 0, key.length, key.hash, 0, 0, 0, 0, meta, address, 0, 0)).toBe(true);
    const run = new VersionRun();
    memtable.latest(key, run);
    const extent = memtable.extentAt(run, 0);
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < extent.length; at += pieces.at(-1)!.length) pieces.push(extent.piece(at));
    expect(pieces.length).toBe(3);
    expect(Buffer.compare(Buffer.concat(pieces), value)).toBe(0);
    const middle = new Uint8Array(50_000);
    extent.copyTo(middle, SLAB_BYTES - 20_000);
    expect(Buffer.compare(middle, value.subarray(SLAB_BYTES - 20_000, SLAB_BYTES + 30_000))).toBe(0);
  });

  it.each([9 * KIB, 3 * SLAB_BYTES])("are found by a copy of their record: %d bytes", async (bytes) => {
    const value = patterned(bytes, 3);
    const memtable = memtableOf(arena, [{ key: "k", timestamp: 1, seq: 1, value, expiresAt: 7 }]);
    const run = new VersionRun();
    const key = new KeyBuffer();
    key.set("k");
    memtable.latest(key, run);
    const carried = new CarriedVersion();
    carried.take(run, 0, memtable);
    const extent = memtable.extentAt(carried.run, 0);
    expect(Buffer.compare(await extent.read(), value)).toBe(0);
    expect(Buffer.compare(extent.readSync(), value)).toBe(0);
  });

  it("inserted twice are one", () => {
    const version = { key: "k", timestamp: 1, seq: 1, value: patterned(10 * KIB, 1) };
    const memtable = memtableOf(arena, [version]);
    expect(new MemtableWriter().insert(memtable, version)).toBe(true);
    assertHolds(memtable, [version]);
  });

  it("are refused where the arena has no room for their record", () => {
    const memtable = memtableOf(arena, []);
    const writer = new MemtableWriter();
    let next = 0;
    while (writer.insert(memtable, { key: "k".repeat(60_000) + next, timestamp: 1, seq: next })) next++;
    const value = patterned(9 * KIB, 1);
    expect(writer.insert(memtable, { key: "l".repeat(60_000), timestamp: 1, seq: next, value })).toBe(false);
    expect(memtable.entryCount).toBe(next);
  });
});
