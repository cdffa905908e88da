import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { logFileName, manifestFileName } from "../format/filenames.ts";
import { readManifest } from "../manifest/reader.ts";
import {
  GOLDEN_EDITS,
  GOLDEN_GROUPS,
  GOLDEN_INCARNATION,
  GOLDEN_LOG_NUMBER,
  GOLDEN_MANIFEST_NUMBER,
  writeGoldenLog,
  writeGoldenManifest,
} from "./golden-store.ts";
import { MemoryFileSystem } from "./memory-file-system.ts";
import { readGroups, TEST_DIRECTORY } from "./test-log.ts";

// These files stay as they are: what was written with format version 1 has to be readable for ever.
const LOG = fixture("log-v1.wal");
const MANIFEST = fixture("manifest-v1");
const PAGE = readFileSync(new URL("../../../../docs/format.md", import.meta.url), "utf8");

const LOG_PATH = logFileName(TEST_DIRECTORY, GOLDEN_LOG_NUMBER);
const MANIFEST_PATH = manifestFileName(TEST_DIRECTORY, GOLDEN_MANIFEST_NUMBER);

function fixture(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`../../fixtures/${name}`, import.meta.url)));
}

function memory(): MemoryFileSystem {
  const fs = new MemoryFileSystem();
  fs.makeDirectory(TEST_DIRECTORY);
  return fs;
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** The bytes that a section of docs/format.md shows. */
function shownIn(section: string): string {
  const start = PAGE.indexOf(`\n## ${section}\n`);
  const text = PAGE.slice(start, PAGE.indexOf("\n## ", start + 1));
  const rows = [...text.matchAll(/^[0-9a-f]{4} {2}((?:[0-9a-f]{2} ){1,16})/gm)];
  return rows.map((row) => row[1]!.replaceAll(" ", "")).join("");
}

describe("a log of format version 1", () => {
  test("reads back", async () => {
    const fs = memory();
    fs.replace(LOG_PATH, LOG);
    const found = await readGroups(fs, GOLDEN_LOG_NUMBER, GOLDEN_INCARNATION);
    expect(found.groups).toEqual([
      { segment: GOLDEN_LOG_NUMBER, firstSeq: 1, batches: GOLDEN_GROUPS[0] },
      { segment: GOLDEN_LOG_NUMBER, firstSeq: 2, batches: GOLDEN_GROUPS[1] },
    ]);
    expect(found).toMatchObject({ lastSeq: 4, end: { segment: GOLDEN_LOG_NUMBER, offset: LOG.length } });
  });

  test("is written byte for byte, and shown so", async () => {
    const fs = memory();
    await writeGoldenLog(fs);
    expect(hex(fs.contents(LOG_PATH))).toBe(hex(LOG));
    expect(shownIn("Write-ahead log")).toBe(hex(LOG));
  });
});

describe("a manifest of format version 1", () => {
  test("reads back", () => {
    const { records, tornBytes } = readManifest(MANIFEST, GOLDEN_MANIFEST_NUMBER, MANIFEST_PATH);
    expect(records.map(({ edit }) => edit)).toEqual(GOLDEN_EDITS);
    expect(tornBytes).toBe(0);
  });

  test("is written byte for byte, and shown so", async () => {
    const fs = memory();
    await writeGoldenManifest(fs);
    expect(hex(fs.contents(MANIFEST_PATH))).toBe(hex(MANIFEST));
    expect(shownIn("Manifest")).toBe(hex(MANIFEST));
  });
});
