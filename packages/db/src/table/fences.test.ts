import { concatBytes, utf8 } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { MemoryFileSystem } from "../testing/memory-file-system.ts";
import { Random } from "../testing/random.ts";
import { groupVersions, writeTable } from "../testing/table-writer.ts";
import { BlockCache } from "./block-cache.ts";
import { Table } from "./table.ts";

function tableOf(keys: readonly Uint8Array[], valueBytes: number): Table {
  const fileSystem = new MemoryFileSystem();
  fileSystem.makeDirectory("s");
  const value = new Uint8Array(valueBytes);
  writeTable(fileSystem.create("s/a"), groupVersions(keys.map((key, i) => ({ key, timestamp: 1, seq: i, value }))));
  return Table.open(fileSystem.open("s/a"), 1, new BlockCache(0));
}

function counted(prefix: Uint8Array, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => concatBytes([prefix, utf8(String(i).padStart(6, "0"))]));
}

describe("fences", () => {
  test("of short keys take little memory", () => {
    const table = tableOf(counted(new Uint8Array(8), 2000), 500);
    const filterBytes = (2000 * 10) / 8;
    expect(table.fences.blockCount).toBeGreaterThan(60);
    expect((table.memoryBytes - filterBytes) / table.fences.blockCount).toBeLessThan(70);
  });

  test("keep a long start that all keys have once", () => {
    const table = tableOf(counted(new Random(1).bytes(60_000), 60), 10);
    expect(table.fences.blockCount).toBeGreaterThan(10);
    // Smallest and largest key stand in the properties, the common start in the index.
    expect(table.memoryBytes).toBeLessThan(4 * 60_000);
  });

  test("keep each long start once where groups of keys have their own", async () => {
    const random = new Random(2);
    const starts = [random.bytes(8), random.bytes(300), random.bytes(50_000), random.bytes(60_000)];
    const table = tableOf(
      starts.flatMap((start) => counted(start, 100)),
      200,
    );
    expect(table.fences.blockCount).toBeGreaterThan(50);
    expect(table.memoryBytes).toBeLessThan(5 * 60_000);
    await table.verify();
  });

  test("separate neighbours by as few bytes as do", () => {
    const table = tableOf([Buffer.from("alpha"), Buffer.from("beta"), Buffer.from("betamax")], 4000);
    const separators = [0, 1].map((block) => {
      const { i32, length } = table.fences.separator(block);
      return Buffer.from(i32.buffer, 0, length).toString();
    });
    expect(table.fences.blockCount).toBe(2);
    expect(separators).toEqual(["", "betam"]);
  });
});
