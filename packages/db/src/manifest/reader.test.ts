import { isKvtsError, type KvtsError } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { currentFileName, manifestFileName } from "../format/filenames.ts";
import { MemoryFileSystem } from "../testing/memory-file-system.ts";
import { Random } from "../testing/random.ts";
import { randomMeta } from "../testing/test-tables.ts";
import { readCurrent, writeCurrent } from "./current.ts";
import { MANIFEST_HEADER_BYTES, RECORD_HEADER_BYTES } from "./format.ts";
import { readManifest } from "./reader.ts";
import type { VersionEdit } from "./version-edit.ts";
import { ManifestWriter } from "./writer.ts";

const NUMBER = 7;
const FILE = manifestFileName("d", NUMBER);
const snapshot = {
  incarnation: "0123456789abcdef".repeat(2),
  nextFileNumber: 10,
  logNumber: 3,
  seqCeiling: 1_000_000,
  timestampCeiling: 5_000_000,
  seqFloor: 0,
};

/** A manifest with a snapshot and four edits, and where each record begins. */
async function manifest(): Promise<{ bytes: Uint8Array; edits: VersionEdit[]; offsets: number[] }> {
  const random = new Random(5);
  const fs = new MemoryFileSystem();
  fs.makeDirectory("d");
  const edits: VersionEdit[] = [{ ...snapshot, added: [{ level: 0, meta: randomMeta(random, 4) }] }];
  const writer = await ManifestWriter.create(fs, "d", NUMBER, { ...snapshot, ...edits[0] });
  const offsets = [MANIFEST_HEADER_BYTES];
  for (const edit of [
    { added: [{ level: 0, meta: randomMeta(random, 11) }], logNumber: 8 },
    { removed: [4] },
    { seqCeiling: 2_000_000, timestampCeiling: 6_000_000 },
    { closed: { lastSeq: 1_500_000, lastAssigned: 5_500_000 } },
  ]) {
    offsets.push(writer.bytes);
    await writer.append(edit);
    edits.push(edit);
  }
  return { bytes: fs.contents(FILE), edits, offsets };
}

function failure(action: () => unknown): KvtsError {
  try {
    action();
  } catch (error) {
    if (isKvtsError(error)) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

const editsOf = (bytes: Uint8Array) => readManifest(bytes, NUMBER, FILE).records.map(({ edit }) => edit);

describe("a manifest", () => {
  test("is read as it was written", async () => {
    const { bytes, edits, offsets } = await manifest();
    const { records, tornBytes } = readManifest(bytes, NUMBER, FILE);
    expect(records.map(({ edit }) => edit)).toEqual(edits);
    expect(records.map(({ offset }) => offset)).toEqual(offsets);
    expect(tornBytes).toBe(0);
  });

  test("damaged in any one byte gives all edits, or loses its last one, or is CORRUPTION where the damage is", async () => {
    const { bytes, edits, offsets } = await manifest();
    const counts = { whole: 0, torn: 0, refused: 0 };
    for (let at = 0; at < bytes.length; at++) {
      const damaged = bytes.slice();
      damaged[at]! ^= 1 << (at % 8);
      const index = offsets.findLastIndex((offset) => offset <= at);
      const start = offsets[index] ?? 0;
      const payloadBytes = new DataView(bytes.buffer).getUint32(start + 8, true);
      const isPadding = index >= 0 && at >= start + RECORD_HEADER_BYTES + payloadBytes;
      if (isPadding) {
        expect(editsOf(damaged)).toEqual(edits);
        counts.whole++;
      } else if (index === edits.length - 1) {
        const { records, tornBytes } = readManifest(damaged, NUMBER, FILE);
        expect(records.map(({ edit }) => edit)).toEqual(edits.slice(0, -1));
        expect(tornBytes).toBe(bytes.length - start);
        counts.torn++;
      } else {
        const error = failure(() => editsOf(damaged));
        expect(error.code).toBe("CORRUPTION");
        expect(error.details).toEqual({ file: FILE, offset: index < 0 ? expect.any(Number) : start });
        expect(error.message).toContain("kvts repair");
        counts.refused++;
      }
    }
    expect(counts.torn).toBeGreaterThan(20);
    expect(counts.refused).toBeGreaterThan(200);
  });

  test("cut off anywhere gives the edits before the cut; without its snapshot it is CORRUPTION", async () => {
    const { bytes, edits, offsets } = await manifest();
    for (let length = 0; length < bytes.length; length++) {
      const cut = bytes.subarray(0, length);
      const whole = offsets.filter((start) => {
        const payloadBytes = new DataView(bytes.buffer).getUint32(start + 8, true);
        return start + RECORD_HEADER_BYTES + payloadBytes <= length;
      }).length;
      if (whole === 0) expect(failure(() => editsOf(cut)).code).toBe("CORRUPTION");
      else expect(editsOf(cut)).toEqual(edits.slice(0, whole));
    }
  });

  test("with anything behind it is whole", async () => {
    const { bytes, edits } = await manifest();
    const random = new Random(9);
    for (const length of [1, 7, 16, 5000]) {
      expect(editsOf(Buffer.concat([bytes, new Uint8Array(length)]))).toEqual(edits);
      expect(editsOf(Buffer.concat([bytes, random.bytes(length)]))).toEqual(edits);
    }
  });

  test("of any bytes gives edits or CORRUPTION, soon", async () => {
    const { bytes, edits } = await manifest();
    const random = new Random(11);
    for (let round = 0; round < 3000; round++) {
      const damaged = bytes.slice(0, random.chance(0.2) ? random.below(bytes.length) : bytes.length);
      for (let i = random.between(1, 4); i > 0 && damaged.length > 0; i--) {
        const at = random.below(damaged.length);
        damaged.fill(random.u32(), at, at + random.below(20));
      }
      try {
        const found = editsOf(damaged);
        expect(found).toEqual(edits.slice(0, found.length));
      } catch (error) {
        if (!isKvtsError(error, "CORRUPTION")) throw error;
      }
    }
  });

  test("under another's name is refused", async () => {
    const { bytes } = await manifest();
    const error = failure(() => readManifest(bytes, 8, manifestFileName("d", 8)));
    expect(error.message).toContain("manifest 7 under another name");
  });
});

describe("CURRENT", () => {
  async function current(): Promise<MemoryFileSystem> {
    const fs = new MemoryFileSystem();
    fs.makeDirectory("d");
    await writeCurrent(fs, "d", NUMBER, 8);
    return fs;
  }

  test("names a manifest, on disk, and leaves no other file", async () => {
    const fs = await current();
    expect(Buffer.from(fs.contents(currentFileName("d"))).toString()).toMatch(/^MANIFEST-000007 [0-9a-f]{8}\n$/);
    expect(
      readCurrent(
        fs.crash(() => false),
        "d",
      ),
    ).toBe(NUMBER);
    expect(fs.list("d")).toEqual(["CURRENT"]);
  });

  test("may be absent", () => {
    expect(readCurrent(new MemoryFileSystem(), "d")).toBeUndefined();
  });

  test("damaged in any way is CORRUPTION", async () => {
    const fs = await current();
    const path = currentFileName("d");
    const whole = fs.contents(path);
    for (let at = 0; at < whole.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const damaged = whole.slice();
        damaged[at]! ^= 1 << bit;
        fs.replace(path, damaged);
        expect(failure(() => readCurrent(fs, "d"))).toMatchObject({
          code: "CORRUPTION",
          details: { file: path, offset: 0 },
        });
      }
      fs.replace(path, whole.subarray(0, at));
      expect(failure(() => readCurrent(fs, "d")).code).toBe("CORRUPTION");
    }
    fs.replace(path, Buffer.concat([whole, Buffer.alloc(1 << 20, 0x20)]));
    expect(failure(() => readCurrent(fs, "d")).code).toBe("CORRUPTION");
  });
});
