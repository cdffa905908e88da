import { describe, expect, test } from "vitest";
import { KeyBuffer } from "../format/key-buffer.ts";
import { KIND_DELETE, KIND_RETRACT } from "../format/version-record.ts";
import { MemoryFileSystem } from "../testing/memory-file-system.ts";
import { Random } from "../testing/random.ts";
import { RunWriter } from "../testing/run-writer.ts";
import { groupVersions, PROVENANCE, writeTable } from "../testing/table-writer.ts";
import { BlockCache } from "./block-cache.ts";
import type { Compression } from "./compression.ts";
import type { TableProvenance } from "./properties.ts";
import { Table } from "./table.ts";
import { TableBuilder } from "./table-builder.ts";

const source = new RunWriter();

function makeFileSystem(): MemoryFileSystem {
  const fileSystem = new MemoryFileSystem();
  fileSystem.makeDirectory("s");
  return fileSystem;
}

function makeBuilder(fileSystem: MemoryFileSystem): TableBuilder {
  return new TableBuilder(fileSystem.create("s/a"), { fileNumber: 7, level: 2, compression: "none" });
}

function startKey(builder: TableBuilder, name: string): void {
  const key = new KeyBuffer();
  key.set(name);
  builder.startKey(key.i32, 0, key.length, key.hash);
}

function addPut(builder: TableBuilder, timestamp: number, seq: number): void {
  builder.addVersions(source.run([{ key: "", timestamp, seq, value: new Uint8Array(3) }]), 0, 1, source);
}

describe("table builder", () => {
  test("counts what it writes, and keeps where it comes from", () => {
    const fileSystem = makeFileSystem();
    const provenance: TableProvenance = {
      inputs: [3, 5, 2 ** 40],
      firstOutput: 7,
      isLastOutput: false,
      obsolete: [2, 4],
      logNumber: 9,
      nextSeq: 1234,
      lastAssigned: 2 ** 52,
      seqFloor: 17,
      incarnation: "3f2e-ü",
      horizons: [
        { prefix: new Uint8Array(0), timestamp: 5 },
        { prefix: Uint8Array.of(1, 0), timestamp: 6 },
      ],
      erasedSeq: 78,
    };
    const versions = [
      { key: "b", timestamp: 50, seq: 11, value: new Uint8Array(9000) },
      { key: "b", timestamp: 90, seq: 12, kind: KIND_DELETE },
      { key: "a", timestamp: 70, seq: 14, value: new Uint8Array(10), expiresAt: 2 ** 45 },
      { key: "a", timestamp: 70, seq: 15, kind: KIND_RETRACT },
      { key: "c\0", timestamp: 60, seq: 13, value: new Uint8Array(0), expiresAt: 61 },
    ];
    const options = { fileNumber: 7, level: 2, compression: "lz4" } as const;
    const written = writeTable(fileSystem.create("s/a"), groupVersions(versions), options, provenance);
    const table = Table.open(fileSystem.open("s/a"), 7, new BlockCache(0));
    expect(table.properties).toEqual(written);
    expect(written).toMatchObject({
      ...options,
      provenance,
      keyCount: 3,
      entryCount: 5,
      putCount: 3,
      deleteCount: 1,
      retractCount: 1,
      extentCount: 1,
      extentBytes: 9000,
      blockCount: 1,
      minTimestamp: 50,
      maxTimestamp: 90,
      minSeq: 11,
      maxSeq: 15,
      expiringCount: 2,
      minExpiresAt: 61,
      maxExpiresAt: 2 ** 45,
      smallestKey: Uint8Array.of(97),
      largestKey: Uint8Array.of(99, 0),
    });
    expect(table).toMatchObject({ number: 7, minTimestamp: 50, maxTimestamp: 90, minSeq: 11, maxSeq: 15 });
  });

  test("leaves no trace of a key without versions", async () => {
    const fileSystem = makeFileSystem();
    const builder = makeBuilder(fileSystem);
    startKey(builder, "a");
    startKey(builder, "b");
    addPut(builder, 1, 1);
    startKey(builder, "c");
    const properties = builder.finish(PROVENANCE);
    expect(properties).toMatchObject({ keyCount: 1, smallestKey: Uint8Array.of(98), largestKey: Uint8Array.of(98) });
    expect(builder.fileBytes).toBe(fileSystem.contents("s/a").length);
    await Table.open(fileSystem.open("s/a"), 7, new BlockCache(0)).verify();
  });

  type Step = [key: string | undefined, timestamp: number, seq: number];
  test.each<[what: string, invariant: string, steps: Step[]]>([
    [
      "keys that descend",
      "T1",
      [
        ["b", 1, 1],
        ["a", 1, 2],
      ],
    ],
    [
      "a key twice",
      "T1",
      [
        ["a", 1, 1],
        ["a", 2, 2],
      ],
    ],
    [
      "timestamps that descend",
      "T2",
      [
        ["a", 2, 1],
        [undefined, 1, 2],
      ],
    ],
    [
      "seqs that descend at one timestamp",
      "T2",
      [
        ["a", 2, 2],
        [undefined, 2, 1],
      ],
    ],
    [
      "one version twice",
      "T2",
      [
        ["a", 2, 2],
        [undefined, 2, 2],
      ],
    ],
    ["versions without a key", "T3", [[undefined, 1, 1]]],
    ["nothing at all", "T4", []],
  ])("refuses %s (%s)", (_, invariant, steps) => {
    const builder = makeBuilder(makeFileSystem());
    const build = () => {
      for (const [key, timestamp, seq] of steps) {
        if (key !== undefined) startKey(builder, key);
        addPut(builder, timestamp, seq);
      }
      builder.finish(PROVENANCE);
    };
    expect(build).toThrow(invariant);
  });

  test("asserts the order of a group over its blocks", () => {
    const builder = makeBuilder(makeFileSystem());
    startKey(builder, "a");
    for (let seq = 1; seq <= 2000; seq++) addPut(builder, 5, seq);
    addPut(builder, 5, 2000);
    expect(() => builder.finish(PROVENANCE)).toThrow("T2");
  });

  test("knows about how long the file will be", () => {
    const random = new Random(3);
    const fileSystem = makeFileSystem();
    const builder = makeBuilder(fileSystem);
    for (let i = 0; i < 5000; i++) {
      startKey(builder, `key-${String(i).padStart(8, "0")}`);
      addPut(builder, random.u32(), i);
    }
    const { estimatedBytes } = builder;
    builder.finish(PROVENANCE);
    expect(Math.abs(estimatedBytes / builder.fileBytes - 1)).toBeLessThan(0.01);
  });

  test("takes a dictionary for the blocks of a dense table that has many, with LZ4 alone", () => {
    const words = "what all values have in common, more or less, and blocks need not learn anew: ".repeat(20);
    const stored = (blocks: number, compression: Compression, dense = true) => {
      const fileSystem = makeFileSystem();
      const random = new Random(4);
      const versions = Array.from({ length: blocks * 2 }, (_, seq) => {
        const value = Buffer.concat([random.bytes(1500), Buffer.from(words)]);
        return { key: `k${String(seq).padStart(3, "0")}`, timestamp: 1, seq, value };
      });
      const { dictionary } = writeTable(fileSystem.create("s/a"), groupVersions(versions), { compression, dense });
      const file = fileSystem.open("s/a");
      const table = Table.open(file, 1, new BlockCache(0));
      expect(table.properties.dictionary).toEqual(dictionary);
      const bytes = (block: number) => table.fences.storedBytes(block);
      return { dictionary, saved: bytes(1) - bytes(table.blockCount - 1), table };
    };
    expect(stored(9, "lz4")).toMatchObject({ dictionary: { length: 1024 }, saved: 0 });
    expect(stored(8, "lz4").dictionary).toHaveLength(0);
    expect(stored(30, "zstd").dictionary).toHaveLength(0);
    expect(stored(30, "lz4", false).dictionary).toHaveLength(0);
    const { saved, table } = stored(30, "lz4");
    expect(saved).toBeGreaterThan(40);
    return table.verify();
  });

  test("writes the same bytes for the same versions, however they are cut into runs", () => {
    const random = new Random(8);
    const versions = Array.from({ length: 3000 }, (_, seq) => ({
      key: `k${random.below(20)}`,
      timestamp: random.below(1000),
      seq,
      value: random.bytes(random.below(30)),
    }));
    const fileSystem = makeFileSystem();
    writeTable(fileSystem.create("s/a"), groupVersions(versions), {}, PROVENANCE, 1);
    writeTable(fileSystem.create("s/b"), groupVersions(versions), {}, PROVENANCE, 77);
    expect(Buffer.compare(fileSystem.contents("s/a"), fileSystem.contents("s/b"))).toBe(0);
  });
});
