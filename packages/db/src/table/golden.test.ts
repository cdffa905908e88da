import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { KIND_DELETE, KIND_PUT, KIND_RETRACT } from "../format/version-record.ts";
import { FOUND, VersionRun } from "../format/version-run.ts";
import { MemoryFileSystem } from "../testing/memory-file-system.ts";
import type { WrittenVersion } from "../testing/memtable-writer.ts";
import { cursorKey, readGroup, SYNC_MODE } from "../testing/table-reader.ts";
import { groupVersions, PROVENANCE, type WrittenGroup, writeTable } from "../testing/table-writer.ts";
import { BlockCache } from "./block-cache.ts";
import { Table } from "./table.ts";

// These files stay as they are: tables that were written with format version 1 have to be readable for ever.
const EXAMPLE = fixture("table-v1.sst");
const LZ4 = fixture("table-v1-lz4.sst");
const ZSTD = fixture("table-v1-zstd.sst");
const FORMAT_PAGE = new URL("../../../../docs/format.md", import.meta.url);

function fixture(name: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(new URL(`../../fixtures/${name}`, import.meta.url)));
}

const text = (value: string) => new TextEncoder().encode(value);

/** What docs/format.md shows byte by byte. */
const EXAMPLE_VERSIONS: readonly WrittenVersion[] = [
  { key: "a", timestamp: 100, seq: 1, kind: KIND_PUT, value: text("value1") },
  { key: "a", timestamp: 101, seq: 2, kind: KIND_PUT, value: text("value2") },
  { key: "b", timestamp: 100, seq: 3, kind: KIND_PUT, value: text("v"), expiresAt: 200 },
  { key: "b", timestamp: 150, seq: 4, kind: KIND_DELETE },
];
const EXAMPLE_PROVENANCE = { ...PROVENANCE, firstOutput: 3, nextSeq: 5, lastAssigned: 150, incarnation: "example" };

/** A group over several blocks, an extent, every kind. */
const MANY_VERSIONS: readonly WrittenVersion[] = [
  ...Array.from({ length: 600 }, (_, i) => ({
    key: "group",
    timestamp: 2 ** 40 + (i >> 1),
    seq: 2 ** 33 + i,
    kind: KIND_PUT,
    value: text(`value ${i} `.repeat(8)),
  })),
  { key: "extent", timestamp: 7, seq: 1, kind: KIND_PUT, value: text("long ".repeat(300_000)), expiresAt: 2 ** 50 },
  { key: "extent", timestamp: 7, seq: 2, kind: KIND_RETRACT },
  { key: "gr\0", timestamp: 0, seq: 3, kind: KIND_PUT, value: text("") },
];

async function readAll(bytes: Uint8Array): Promise<WrittenGroup[]> {
  const fileSystem = new MemoryFileSystem();
  fileSystem.makeDirectory("s");
  fileSystem.replace("s/a", bytes);
  const table = Table.open(fileSystem.open("s/a"), 1, new BlockCache(0));
  await table.verify();
  const groups: WrittenGroup[] = [];
  const cursor = table.cursor();
  for (
    let at = await SYNC_MODE.ask((demand) => cursor.seekFirst(demand));
    at === FOUND;
    at = await SYNC_MODE.ask((demand) => cursor.next(demand))
  ) {
    const run = new VersionRun();
    await SYNC_MODE.ask((demand) => cursor.firstRun(run, demand));
    const key = cursorKey(cursor);
    const versions = await readGroup(table, run, SYNC_MODE);
    groups.push({ key, versions: versions.map((version) => ({ ...version, key: Buffer.from(key).toString() })) });
  }
  cursor.close();
  await table.close();
  return groups;
}

describe("tables of format version 1", () => {
  test("the example reads back", async () => {
    expect(await readAll(EXAMPLE)).toEqual(groupVersions(EXAMPLE_VERSIONS));
  });

  test.each([
    ["LZ4", LZ4],
    ["zstd", ZSTD],
  ])("%s reads back", async (_, bytes) => {
    expect(await readAll(bytes)).toEqual(groupVersions(MANY_VERSIONS));
  });

  test("the example is written byte for byte", () => {
    const fileSystem = new MemoryFileSystem();
    fileSystem.makeDirectory("s");
    writeTable(fileSystem.create("s/a"), groupVersions(EXAMPLE_VERSIONS), { fileNumber: 3 }, EXAMPLE_PROVENANCE);
    expect(Buffer.from(fileSystem.contents("s/a")).toString("hex")).toBe(Buffer.from(EXAMPLE).toString("hex"));
  });

  test("docs/format.md shows the example", () => {
    const page = readFileSync(fileURLToPath(FORMAT_PAGE), "utf8");
    const section = page.slice(page.indexOf("## Tables"));
    const dumped = [...section.matchAll(/^([0-9a-f]{4}) {2}((?:[0-9a-f]{2} ){1,16})/gm)];
    expect(dumped.map((line) => line[2]!.replaceAll(" ", "")).join("")).toBe(Buffer.from(EXAMPLE).toString("hex"));
  });
});
