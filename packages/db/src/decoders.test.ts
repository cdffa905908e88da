import { isDeepStrictEqual } from "node:util";
import { isKvtsError, type KvtsError } from "@kvts/common";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { currentFileName, parseFileName } from "./format/filenames.ts";
import { readCurrent } from "./manifest/current.ts";
import { type ManifestRecord, readManifest, salvageManifest } from "./manifest/reader.ts";
import { decodeEdit } from "./manifest/version-edit.ts";
import { COMPRESSION_LZ4, COMPRESSION_NONE, COMPRESSION_ZSTD, decompress } from "./table/compression.ts";
import { ENVELOPE_BYTES, openEnvelope } from "./table/envelope.ts";
import { Fences } from "./table/fences.ts";
import { Filter } from "./table/filter.ts";
import { decodeFooter, FOOTER_BYTES } from "./table/footer.ts";
import { KIND_FILTER } from "./table/format.ts";
import { decodeProperties } from "./table/properties.ts";
import { AllocationWatch } from "./testing/damage/allocation-watch.ts";
import { chosen } from "./testing/damage/byte-damages.ts";
import { partsOf } from "./testing/damage/file-parts.ts";
import { resealEnvelope } from "./testing/damage/reseal-envelope.ts";
import { filesOfKind, storeImage } from "./testing/damage/store-image.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { Random } from "./testing/random.ts";
import { testSeeds } from "./testing/seeds.ts";
import { OperationCursor } from "./wal/operation-cursor.ts";
import { decodeSegmentHeader } from "./wal/segment-header.ts";

const FILE = "d/file";

const SEED = testSeeds(1)[0]!;
const RUNS = { seed: SEED, numRuns: 400 * testSeeds(1).length };
const IMAGE = await storeImage("none", 1);
const bytesOf = (name: string) => IMAGE.fileSystem.contents(`${IMAGE.directory}/${name}`);

/** Where in the file the bytes are said to stand: a footer knows its place. */
const BASE = bytesOf(filesOfKind(IMAGE, "table")[0]!).length - FOOTER_BYTES;

/** What a decoder makes of bytes: undefined where it refuses them, as it should. Fails where it does so in another way. */
function decoded<T>(length: number, decode: () => T): T | undefined {
  using watch = new AllocationWatch();
  try {
    return decode();
  } catch (error) {
    if (!isKvtsError(error, "CORRUPTION") && !isKvtsError(error, "UNIMPLEMENTED")) throw error;
    expectPlace(error, length);
    return undefined;
  } finally {
    // Numbers and lists take more in memory than on disk, but nothing takes what a length claims.
    expect(watch.largestBytes).toBeLessThanOrEqual(64 * length + 4096);
  }
}

function expectPlace({ details, code }: KvtsError, length: number): void {
  expect(details.file).toBe(FILE);
  if (code !== "CORRUPTION") return;
  expect(details.offset).toBeGreaterThanOrEqual(BASE);
  expect(details.offset).toBeLessThanOrEqual(BASE + length);
}

/** A part of the image's file of a kind, as it lies there; `at` counts from the end where it is negative. */
function partOf(kind: string, at: number): Uint8Array<ArrayBuffer> {
  const name = filesOfKind(IMAGE, kind)[0]!;
  const bytes = bytesOf(name);
  const { offset, length } = partsOf(name, bytes).at(at)!;
  return bytes.slice(offset, offset + length);
}

const wordsOf = (bytes: Uint8Array) => new Int32Array(bytes.slice(0, bytes.length & ~3).buffer);

interface Decoder {
  readonly name: string;
  /** Bytes that it takes. */
  readonly sound: Uint8Array;
  readonly decode: (bytes: Uint8Array) => unknown;
}

const DECODERS: readonly Decoder[] = [
  { name: "version edit", sound: partOf("manifest", 0).subarray(16), decode: (bytes) => decodeEdit(bytes, FILE, BASE) },
  {
    name: "edit with a table",
    sound: partOf("manifest", 4).subarray(16),
    decode: (bytes) => decodeEdit(bytes, FILE, BASE),
  },
  {
    name: "properties",
    sound: partOf("table", -1).subarray(ENVELOPE_BYTES),
    decode: (bytes) => decodeProperties(bytes, FILE, BASE),
  },
  {
    name: "fences",
    sound: partOf("table", -2).subarray(ENVELOPE_BYTES),
    decode: (bytes) => useFences(new Fences(wordsOf(bytes), BASE * 1000, FILE, BASE)),
  },
  {
    name: "filter",
    sound: partOf("table", -3).subarray(ENVELOPE_BYTES),
    decode: (bytes) => Filter.decode(wordsOf(bytes), FILE, BASE).mayContain(0x1234567),
  },
  {
    name: "footer",
    sound: bytesOf(filesOfKind(IMAGE, "table")[0]!).slice(-FOOTER_BYTES),
    decode: (bytes) => decodeFooter(bytes, FILE, BASE),
  },
  {
    name: "operations",
    sound: partOf("log", 0).subarray(40),
    decode: (bytes) => walkOperations(wordsOf(bytes)),
  },
  {
    name: "segment header",
    sound: bytesOf(filesOfKind(IMAGE, "log")[0]!).slice(0, 48),
    decode: (bytes) =>
      decodeSegmentHeader(bytes, parseFileName(filesOfKind(IMAGE, "log")[0]!)!.number, IMAGE.incarnation, FILE),
  },
];

/** Fences that were taken for sound answer any question without leaving their words. */
function useFences(fences: Fences): void {
  const key = Int32Array.of(0x2d79656b, 0x30303030, 0);
  const u8 = new Uint8Array(key.buffer);
  for (const length of [1, 4, 8]) expect(fences.find(key, u8, 0, length, 5, 5)).toBeLessThan(fences.blockCount);
  for (let block = 0; block < fences.blockCount; block++) {
    expect(fences.separator(block).i32.every((word) => word !== undefined)).toBe(true);
    expect(fences.offset(block) + fences.storedBytes(block)).toBeLessThanOrEqual(BASE * 1000);
  }
}

/** Walks a payload as that of a frame which says that it has many operations, and reads each to its end. */
function walkOperations(i32: Int32Array): number {
  const u8 = new Uint8Array(i32.buffer);
  const frame = { i32, u8, firstWord: 0, endWord: i32.length, firstSeq: 1, file: FILE, payloadOffset: BASE };
  let operations = 0;
  for (const operationCount of [1, 2, 3, 0xffffffff]) {
    decoded(u8.length, () => {
      const cursor = new OperationCursor().open({ ...frame, operationCount });
      while (cursor.next()) {
        operations++;
        expect(cursor.valueWord * 4 + cursor.valueLength).toBeLessThanOrEqual(u8.length);
        expect(cursor.requestStart + cursor.requestLength).toBeLessThanOrEqual(u8.length);
      }
    });
  }
  return operations;
}

describe.each(DECODERS)("the decoder of $name", { timeout: 60_000 }, ({ sound, decode }) => {
  test("takes what is sound", () => {
    expect(decoded(sound.length, () => [decode(sound)])).toBeDefined();
  });

  test("takes any bytes, or refuses them", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => void decoded(bytes.length, () => decode(bytes))),
      RUNS,
    );
  });

  test("takes or refuses sound bytes with anything in place of some, or cut anywhere", () => {
    const place = fc.tuple(fc.nat(sound.length - 1), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)));
    fc.assert(
      fc.property(fc.array(place, { minLength: 1, maxLength: 5 }), (changes) => {
        const bytes = sound.slice();
        for (const [at, byte] of changes) bytes[at] = byte;
        decoded(bytes.length, () => decode(bytes));
      }),
      RUNS,
    );
    for (const length of chosen(sound.length, new Random(SEED), 400)) {
      decoded(length, () => decode(sound.subarray(0, length)));
    }
  });
});

describe("an envelope", { timeout: 60_000 }, () => {
  test.each([
    ["LZ4", COMPRESSION_LZ4],
    ["zstd", COMPRESSION_ZSTD],
  ])("of garbage compressed with %s is refused, and takes no more memory than it may have", (_, compression) => {
    const random = new Random(SEED);
    for (let turn = 0; turn < 300; turn++) {
      const bytes = new Uint8Array(ENVELOPE_BYTES + random.below(300));
      bytes.set(random.bytes(bytes.length - ENVELOPE_BYTES), ENVELOPE_BYTES);
      const rawBytes = random.pick([0, 1, 100, 4096, 1024 * 1024, 1024 * 1024 + 1, 0x7fffffff, 0xffffffff]);
      const view = new DataView(bytes.buffer);
      view.setUint8(4, compression);
      view.setUint8(5, KIND_FILTER);
      view.setUint8(6, random.below(2));
      view.setUint32(8, bytes.length - ENVELOPE_BYTES, true);
      view.setUint32(12, rawBytes, true);
      resealEnvelope(bytes, 1, BASE);
      const raw = decoded(1024 * 1024, () => openEnvelope(bytes, KIND_FILTER, FILE, 1, BASE));
      if (raw !== undefined) expect(raw).toHaveLength(rawBytes);
    }
  });

  test("of zstd that would give much more than it says is refused before that is in memory", () => {
    const bomb = Buffer.from("28b52ffd0058", "hex");
    for (const id of [COMPRESSION_ZSTD, COMPRESSION_LZ4]) {
      expect(decompress(id, Buffer.concat([bomb, Buffer.alloc(100, 255)]), 64)).toBeUndefined();
    }
    expect(COMPRESSION_NONE).toBe(0);
  });
});

describe("every bit of", () => {
  test("CURRENT counts, and every byte", () => {
    const whole = bytesOf("CURRENT");
    const fs = new MemoryFileSystem();
    fs.makeDirectory("d");
    const path = currentFileName("d");
    const refused = (bytes: Uint8Array) => {
      fs.replace(path, bytes);
      expect(() => readCurrent(fs, "d")).toThrow(
        expect.objectContaining({ code: "CORRUPTION", details: { file: path, offset: 0 } }),
      );
    };
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const damaged = whole.slice();
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      refused(damaged);
    }
    for (let length = 0; length < whole.length; length++) refused(whole.subarray(0, length));
    for (const tail of ["\n", " ", "\0", "x", "x".repeat(100)]) refused(Buffer.concat([whole, Buffer.from(tail)]));
  });

  test("a manifest counts, but for padding; its last record may be torn off, and no other", { timeout: 60_000 }, () => {
    const name = filesOfKind(IMAGE, "manifest")[0]!;
    const whole = bytesOf(name);
    const { number } = parseFileName(name)!;
    const { records } = readManifest(whole, number, FILE);
    const last = records.at(-1)!.offset;
    const isPrefix = (found: readonly ManifestRecord[]) => isDeepStrictEqual(found, records.slice(0, found.length));
    const examine = (bytes: Uint8Array, isTail: boolean, what: string) => {
      try {
        const found = readManifest(bytes, number, FILE).records;
        expect(found.length, what).toBeGreaterThanOrEqual(records.length - (isTail ? 1 : 0));
        expect(isPrefix(found), what).toBe(true);
      } catch (error) {
        expect(isKvtsError(error, "CORRUPTION"), `${what}: ${String(error)}`).toBe(true);
      }
      expect(isPrefix(salvageManifest(bytes, number, FILE)), what).toBe(true);
    };
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const damaged = whole.slice();
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      examine(damaged, bit >> 3 >= last, `bit ${bit & 7} of byte ${bit >> 3}`);
    }
    // Where a manifest is cut, nothing is left to tell that it went on: the records before the cut are what it says.
    for (let length = 0; length < whole.length; length++) {
      expect(isPrefix(salvageManifest(whole.subarray(0, length), number, FILE)), `${length} bytes`).toBe(true);
    }
  });
});
