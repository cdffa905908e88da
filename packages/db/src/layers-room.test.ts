import { expect, test } from "vitest";
import { KeyBuffer } from "./format/key-buffer.ts";
import { META_LENGTH_SHIFT } from "./format/version-record.ts";
import { Layers } from "./layers.ts";
import { Version } from "./manifest/version.ts";
import { ArenaPool } from "./memtable/arena-pool.ts";

const KIB = 1024;

test("long values fill a memtable as short ones do, although they lie outside its arena", () => {
  const arenaBytes = 1024 * KIB;
  const layers = new Layers(new ArenaPool({ arenaBytes }), Version.of([]), 1);
  const value = new Uint8Array(100 * KIB);
  const key = new KeyBuffer();
  key.set("key");
  const insert = (seq: number): void => {
    const address = layers.active.allocateExtent(value.length);
    layers.active.writeExtent(address, value);
    layers.active.insertExtent(
      key.i32,
      0,
      key.length,
      key.hash,
      0,
      seq,
      0,
      seq,
      value.length << META_LENGTH_SHIFT,
      address,
      0,
      0,
    );
  };
  let seq = 0;
  while (layers.hasRoomFor(1, value.length)) insert(++seq);
  expect(seq).toBeGreaterThan(5);
  expect(layers.active.bytesUsed).toBeLessThanOrEqual(arenaBytes);
  layers.close();
});
