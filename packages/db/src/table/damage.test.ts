import { isKvtsError } from "@kvts/common";
import { describe, expect, test } from "vitest";
import type { ReadableFile } from "../env/file-system.ts";
import { KeyBuffer } from "../format/key-buffer.ts";
import { KIND_DELETE } from "../format/version-record.ts";
import { BlockDemand, FOUND, VersionRun } from "../format/version-run.ts";
import { resealEnvelope } from "../testing/damage/reseal-envelope.ts";
import { MemoryFileSystem } from "../testing/memory-file-system.ts";
import type { WrittenVersion } from "../testing/memtable-writer.ts";
import { Random } from "../testing/random.ts";
import { cursorKey, readGroup, readRun, SYNC_MODE } from "../testing/table-reader.ts";
import { groupVersions, type WrittenGroup, writeTable } from "../testing/table-writer.ts";
import { BlockCache } from "./block-cache.ts";
import type { Compression } from "./compression.ts";
import { ENVELOPE_BYTES } from "./envelope.ts";
import { decodeFooter, FOOTER_BYTES, sectionOffsets } from "./footer.ts";
import { KIND_BLOCK, KIND_EXTENT } from "./format.ts";
import { Table } from "./table.ts";

const PATH = "s/a";
const GROUPS = groupVersions(makeVersions());

/** Several blocks, one long group, an extent, expiries and tombstones; it compresses to little. */
function makeVersions(): WrittenVersion[] {
  const versions: WrittenVersion[] = [];
  for (let i = 0; i < 400; i++) {
    const key = i < 300 ? "long" : `key-${i % 7}`;
    const expiresAt = i % 5 === 0 ? 10_000 : undefined;
    versions.push({ key, timestamp: i >> 1, seq: i, value: new Uint8Array(40).fill(i % 3), expiresAt });
  }
  versions.push({ key: "big", timestamp: 5, seq: 500, value: new Uint8Array(9000).fill(1) });
  versions.push({ key: "gone", timestamp: 6, seq: 501, kind: KIND_DELETE });
  return versions;
}

function tableBytes(groups: readonly WrittenGroup[], compression: Compression): Uint8Array<ArrayBuffer> {
  const fileSystem = new MemoryFileSystem();
  fileSystem.makeDirectory("s");
  writeTable(fileSystem.create(PATH), groups, { compression });
  return fileSystem.contents(PATH);
}

/** A file that holds `bytes`, without the cost of a file system: thousands of them are opened here. */
function fileOf(bytes: Uint8Array): ReadableFile {
  const readSync = (into: Uint8Array, offset: number, length: number, position: number) => {
    const part = bytes.subarray(position, position + length);
    into.set(part, offset);
    return part.length;
  };
  const read = async (into: Uint8Array, offset: number, length: number, position: number) =>
    readSync(into, offset, length, position);
  return { path: PATH, size: bytes.length, readSync, read, close: () => undefined };
}

/** Everything that a table holds, read in every way that there is. */
async function readAll(bytes: Uint8Array): Promise<WrittenGroup[]> {
  const table = Table.open(fileOf(bytes), 1, new BlockCache(0));
  const groups: WrittenGroup[] = [];
  const key = new KeyBuffer();
  const cursor = table.cursor();
  const demand = new BlockDemand<Table>(true);
  const run = new VersionRun();
  for (let at = cursor.seekFirst(demand); at === FOUND; at = cursor.next(demand)) {
    if (groups.length > 1000) throw new Error("the walk does not end");
    if (cursor.firstRun(run, demand) !== FOUND) continue;
    key.setBytes(cursorKey(cursor));
    // A point read would not look for it.
    if (!table.mayContain(key.hash)) continue;
    groups.push({ key: key.toBytes(), versions: (await readGroup(table, run, SYNC_MODE)) as WrittenVersion[] });
  }
  for (const group of GROUPS) {
    key.setBytes(group.key);
    if (table.locate(key, 0, -(2 ** 31) + 70, run, demand) === FOUND) await readRun(table, run);
    if (cursor.seek(key, demand) === FOUND) cursor.previous(demand);
    if (cursor.seekBefore(key, demand) === FOUND) cursor.locate(0, 0, run, demand);
  }
  cursor.seekLast(demand);
  cursor.close();
  run.release();
  await table.close();
  return groups;
}

/** Reads a damaged table: undefined, and nothing but CORRUPTION of this file, where it cannot be read. */
async function readDamaged(bytes: Uint8Array): Promise<WrittenGroup[] | undefined> {
  try {
    return await readAll(bytes);
  } catch (error) {
    if (!isKvtsError(error, "CORRUPTION")) throw error;
    expect(error.details).toMatchObject({ file: PATH });
    expect(error.details.offset).toBeLessThanOrEqual(bytes.length);
    return undefined;
  }
}

describe.each(["none", "lz4", "zstd"] as const)("a damaged table, %s", { timeout: 60_000 }, (compression) => {
  const whole = tableBytes(GROUPS, compression);
  // Uncompressed it is long: every byte of the metadata is tried, and a share of the others.
  const step = compression === "none" ? 13 : 1;

  test("with one byte changed gives what it held, or CORRUPTION", async () => {
    const expected = await readAll(whole);
    expect(expected.length).toBe(GROUPS.length);
    let detected = 0;
    let tried = 0;
    for (let at = 0; at < whole.length; at += at > whole.length - 2000 ? 1 : step) {
      tried++;
      const damaged = whole.slice();
      damaged[at]! ^= 1 << (at % 8);
      const read = await readDamaged(damaged);
      if (read === undefined) {
        detected++;
        if (at % 5 === 0) expect(await isVerified(damaged), `byte ${at}`).toBe(false);
      } else expect(read, `byte ${at}`).toEqual(expected);
    }
    // All but the padding between sections.
    expect(detected).toBeGreaterThan(tried - 32);
  });

  test("cut anywhere is CORRUPTION", async () => {
    for (let length = 0; length < whole.length; length += step) {
      expect(await readDamaged(whole.subarray(0, length)), `${length} bytes`).toBeUndefined();
    }
    expect(await readDamaged(Buffer.concat([whole, Buffer.alloc(8)]))).toBeUndefined();
  });
});

/** Offsets and lengths of all envelopes in a table without gaps between its blocks. */
function envelopes(bytes: Uint8Array<ArrayBuffer>): { offset: number; length: number }[] {
  const view = new DataView(bytes.buffer);
  const footerOffset = bytes.length - FOOTER_BYTES;
  const footer = decodeFooter(bytes.subarray(footerOffset), PATH, footerOffset);
  const { filter, index, properties } = sectionOffsets(footer);
  const found = [
    { offset: filter, length: footer.filterBytes },
    { offset: index, length: footer.indexBytes },
    { offset: properties, length: footer.propertiesBytes },
  ];
  for (let offset = 0; offset < footer.dataBytes; ) {
    const length = ENVELOPE_BYTES + view.getUint32(offset + 8, true);
    found.push({ offset, length });
    offset += length;
  }
  return found;
}

describe("a table whose checksums are right and whose contents are not", { timeout: 60_000 }, () => {
  test("never leads a reader astray: it gives something, or CORRUPTION", async () => {
    const whole = tableBytes(GROUPS, "none");
    const parts = envelopes(whole);
    const random = new Random(77);
    let refused = 0;
    for (let turn = 0; turn < 2500; turn++) {
      const bytes = whole.slice();
      const { offset, length } = random.pick(parts);
      const payload = bytes.subarray(offset + ENVELOPE_BYTES, offset + length);
      // The words at the front are counts, offsets and slots.
      const words = Math.min(payload.length >> 2, random.chance(0.5) ? 60 : 1e9);
      const word = random.below(words) * 4;
      const view = new DataView(payload.buffer, payload.byteOffset);
      const before = view.getInt32(word, true);
      const value = random.pick([0, 1, -1, before + 1, before - 1, before ^ (1 << random.below(32)), 0x7fffffff, 4096]);
      view.setInt32(word, value, true);
      resealEnvelope(bytes.subarray(offset, offset + length), 1, offset);
      if ((await readDamaged(bytes)) === undefined) refused++;
    }
    expect(refused).toBeGreaterThan(500);
  });

  test("is found out by verify wherever it could make a reader err", async () => {
    const whole = tableBytes(GROUPS, "none");
    const expected = await readAll(whole);
    const parts = envelopes(whole);
    const random = new Random(78);
    let refused = 0;
    for (let turn = 0; turn < 1000; turn++) {
      const bytes = whole.slice();
      const { offset, length } = random.pick(parts);
      const payload = bytes.subarray(offset + ENVELOPE_BYTES, offset + length);
      const at = random.below(random.chance(0.5) ? Math.min(600, payload.length) : payload.length);
      payload[at]! ^= 1 << random.below(8);
      resealEnvelope(bytes.subarray(offset, offset + length), 1, offset);
      if (!(await isVerified(bytes))) refused++;
      // Nobody can tell another value from the right one.
      else if (bytes[offset + 5] !== KIND_BLOCK && bytes[offset + 5] !== KIND_EXTENT) {
        expect(await readAll(bytes), `kind ${bytes[offset + 5]}, byte ${at}`).toEqual(expected);
      }
    }
    expect(refused).toBeGreaterThan(300);
  });
});

async function isVerified(bytes: Uint8Array): Promise<boolean> {
  try {
    const table = Table.open(fileOf(bytes), 1, new BlockCache(0));
    await table.verify();
    return true;
  } catch (error) {
    if (!isKvtsError(error, "CORRUPTION")) throw error;
    return false;
  }
}
