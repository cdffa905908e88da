import { limits } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { KeyBuffer } from "../format/key-buffer.ts";
import { META_EXTENT } from "../format/version-record.ts";
import { BlockDemand, FOUND, VersionRun } from "../format/version-run.ts";
import { AllocationWatch } from "../testing/damage/allocation-watch.ts";
import { MemoryFileSystem } from "../testing/memory-file-system.ts";
import { Random } from "../testing/random.ts";
import { RunWriter } from "../testing/run-writer.ts";
import { ASYNC_MODE, readGroup, SYNC_MODE } from "../testing/table-reader.ts";
import { groupVersions, PROVENANCE, writeTable } from "../testing/table-writer.ts";
import { BlockCache } from "./block-cache.ts";
import type { Compression } from "./compression.ts";
import { TableExtent } from "./extent.ts";
import { ExtentWriter } from "./extent-writer.ts";
import { Table } from "./table.ts";
import { TableBuilder } from "./table-builder.ts";
import { TableBytes } from "./table-bytes.ts";
import { TableOutput } from "./table-output.ts";
import { WordList } from "./word-list.ts";

const random = new Random(5);
/** Half random, half repeated. */
function value(length: number): Uint8Array {
  const bytes = new Uint8Array(length).fill(32);
  for (let at = 0; at < length; at++) if (at % 64 < 32) bytes[at] = random.u32();
  return bytes;
}

const MIB = 1024 * 1024;
const LENGTHS = [8192, 8193, MIB - 1, MIB, MIB + 1, 3 * MIB + 5];
const VERSIONS = LENGTHS.map((length, i) => ({
  key: `k${i}`,
  timestamp: 10 + i,
  seq: 1 + i,
  value: value(length),
  expiresAt: i % 2 === 0 ? 1e15 + i : undefined,
}));

function write(fileSystem: MemoryFileSystem, path: string, compression: Compression): Table {
  writeTable(fileSystem.create(path), groupVersions(VERSIONS), { compression });
  return Table.open(fileSystem.open(path), 1, new BlockCache(0));
}

async function readValues(table: Table): Promise<(Uint8Array | undefined)[]> {
  const key = new KeyBuffer();
  const values: (Uint8Array | undefined)[] = [];
  for (const version of VERSIONS) {
    key.set(version.key);
    const run = new VersionRun();
    expect(table.locate(key, 1 << 20, 0, run, new BlockDemand<Table>(true))).toBe(FOUND);
    const isExtent = (run.i32[run.first + 5]! & META_EXTENT) !== 0;
    expect(isExtent).toBe(version.value.length > 8192);
    if (isExtent) expect(table.extentAt(run, 0).length).toBe(version.value.length);
    values.push(isExtent ? table.extentAt(run, 0).readSync() : (await readGroup(table, run, SYNC_MODE))[0]!.value);
    run.release();
  }
  return values;
}

/** Rewrites a table through a cursor, as a merge does. */
function copyTable(table: Table, fileSystem: MemoryFileSystem, path: string, compression: Compression): Table {
  const builder = new TableBuilder(fileSystem.create(path), { fileNumber: 1, level: 0, compression });
  const demand = new BlockDemand<Table>(true);
  const cursor = table.cursor();
  const key = new KeyBuffer();
  const run = new VersionRun();
  for (let at = cursor.seekFirst(demand); at === FOUND; at = cursor.next(demand)) {
    key.setWords(cursor.keyI32, cursor.keyWord, cursor.keyLength);
    builder.startKey(cursor.keyI32, cursor.keyWord, cursor.keyLength, key.hash);
    cursor.firstRun(run, demand);
    do builder.addVersions(run, 0, run.count, table);
    while (cursor.nextRun(run, demand) === FOUND);
  }
  run.release();
  cursor.close();
  builder.finish(PROVENANCE);
  return Table.open(fileSystem.open(path), 1, new BlockCache(0));
}

describe("extents", () => {
  const fileSystem = new MemoryFileSystem();
  fileSystem.makeDirectory("s");

  test.each(["none", "lz4", "zstd"] as const)("of any length read back, %s", async (compression) => {
    const table = write(fileSystem, `s/${compression}`, compression);
    const expected = VERSIONS.map((version) => version.value);
    const values = await readValues(table);
    expect(values.every((bytes, i) => Buffer.compare(bytes!, expected[i]!) === 0)).toBe(true);
    const key = new KeyBuffer();
    key.set("k5");
    const run = new VersionRun();
    await ASYNC_MODE.ask((demand) => table.locate(key, 1 << 20, 0, run, demand));
    const extent = table.extentAt(run, 0);
    run.release();
    // The location is the extent's own: the block may be gone.
    expect(Buffer.compare(await extent.read(), expected[5]!)).toBe(0);
    await table.verify();
    const share = table.fileBytes / LENGTHS.reduce((sum, length) => sum + length);
    expect(share).toBeGreaterThan(compression === "none" ? 1 : 0.4);
    expect(share).toBeLessThan(compression === "none" ? 1.01 : 0.9);
    await table.close();
  });

  test("are copied from table to table as they are stored", async () => {
    const table = write(fileSystem, "s/from", "lz4");
    const copy = copyTable(table, fileSystem, "s/same", "lz4");
    expect(Buffer.compare(fileSystem.contents("s/same"), fileSystem.contents("s/from"))).toBe(0);
    // Chunks keep the compression that they had.
    const plain = copyTable(table, fileSystem, "s/plain", "none");
    expect(plain.fileBytes).toBeLessThan(table.fileBytes * 1.05);
    const values = await readValues(plain);
    expect(values.every((bytes, i) => Buffer.compare(bytes!, VERSIONS[i]!.value) === 0)).toBe(true);
    await copy.verify();
    await plain.verify();
  });

  test("may lie beyond 4 GiB", async () => {
    const start = 5 * 2 ** 30;
    const written: Uint8Array[] = [];
    const discard = () => undefined;
    const output = new TableOutput(
      {
        path: "s/huge",
        writeSync: (bytes, position) => void (position >= start && written.push(bytes.slice())),
        write: () => Promise.resolve(),
        sync: () => Promise.resolve(),
        truncate: discard,
        size: () => 0,
        close: discard,
      },
      1,
      "none",
    );
    const filler = new Uint8Array(2 ** 30);
    for (let i = 0; i < 5; i++) output.addBytes(filler);
    const source = new RunWriter();
    const values = new WordList(16);
    const run = source.run([VERSIONS[4]!]);
    new ExtentWriter(output).write(source, run, 0, values);
    output.flush();
    const stored = Buffer.concat(written);
    const read = (into: Uint8Array, offset: number, length: number, position: number) => {
      into.set(stored.subarray(position - start, position - start + length), offset);
      return length;
    };
    const bytes = new TableBytes(
      {
        path: "s/huge",
        size: start + stored.length,
        readSync: read,
        read: (...asked) => Promise.resolve(read(...asked)),
        close: discard,
      },
      1,
    );
    // The record as a block has it: the descriptor stands behind the expiry.
    const stands = new VersionRun();
    stands.i32 = Int32Array.from([0, 0, 0, 0, 24, run.i32[5]!, 0, 0, ...values.view()]);
    const extent = new TableExtent(bytes, bytes.size, stands, 0);
    expect(Buffer.compare(extent.readSync(), VERSIONS[4]!.value)).toBe(0);
    expect(Buffer.compare(await extent.read(), VERSIONS[4]!.value)).toBe(0);
    expect(() => new TableExtent(bytes, bytes.size - 1, stands, 0)).toThrow("reach beyond the data");
  });

  test("take no memory on the word of a length that lies", async () => {
    const bytes = new TableBytes(fileSystem.open("s/none"), 1);
    const stands = new VersionRun();
    const lying = (valueBytes: number) => {
      stands.i32 = Int32Array.from([0, 0, 0, 0, 24, (valueBytes << 5) | META_EXTENT, 0, 0, 9000]);
      return new TableExtent(bytes, bytes.size, stands, 0);
    };
    expect(() => lying(limits.valueBytesMax + 1)).toThrow("longer than any value");
    using watch = new AllocationWatch();
    expect(() => lying(limits.valueBytesMax).readSync()).toThrow("do not add up");
    await expect(lying(limits.valueBytesMax).read()).rejects.toThrow("do not add up");
    expect(watch.largestBytes).toBeLessThan(MIB + 100);
    await bytes.close();
  });

  test("are not copied where they are damaged", () => {
    const bytes = fileSystem.contents("s/lz4");
    bytes[2 * MIB]! ^= 1;
    fileSystem.replace("s/damaged", bytes);
    const damaged = Table.open(fileSystem.open("s/damaged"), 1, new BlockCache(0));
    expect(() => copyTable(damaged, fileSystem, "s/spoilt", "lz4")).toThrow(
      expect.objectContaining({ code: "CORRUPTION", details: expect.objectContaining({ file: "s/damaged" }) }),
    );
  });
});
