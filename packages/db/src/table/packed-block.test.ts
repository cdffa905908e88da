import { describe, expect, test } from "vitest";
import { KeyBuffer } from "../format/key-buffer.ts";
import { KIND_DELETE, KIND_PUT, KIND_RETRACT, NUMBER_MAX } from "../format/version-record.ts";
import { blockProblem } from "../testing/block-check.ts";
import { MemoryFileSystem } from "../testing/memory-file-system.ts";
import type { WrittenVersion } from "../testing/memtable-writer.ts";
import { Random } from "../testing/random.ts";
import { RunWriter } from "../testing/run-writer.ts";
import { groupVersions } from "../testing/table-writer.ts";
import { BlockBuilder } from "./block-builder.ts";
import { BlockPacker } from "./block-packer.ts";
import { unpackBlock } from "./block-unpacker.ts";
import { COMPRESSION_LZ4, COMPRESSION_NONE, COMPRESSION_ZSTD, compress } from "./compression.ts";
import { ENVELOPE_BYTES } from "./envelope.ts";
import { ExtentWriter } from "./extent-writer.ts";
import { BLOCK_BYTES_MAX, FLAG_CONTINUED, FLAG_GOES_ON } from "./format.ts";
import { TableOutput } from "./table-output.ts";

const packer = new BlockPacker();
const GARBAGE = 0x5b5b5b5b;

/** A block in memory with as many of the versions as fit. */
function blockOf(versions: readonly WrittenVersion[], flags = 0): Int32Array<ArrayBuffer> {
  const fileSystem = new MemoryFileSystem();
  fileSystem.makeDirectory("s");
  const builder = new BlockBuilder(new ExtentWriter(new TableOutput(fileSystem.create("s/a"), 1, "none")));
  const source = new RunWriter();
  const key = new KeyBuffer();
  for (const group of groupVersions(versions)) {
    const run = source.run(group.versions);
    key.setBytes(group.key);
    if (!builder.hasRoomFor(key.length, run, 0)) break;
    builder.startKey({ i32: key.i32, word: 0, length: key.length }, key.hash);
    if (builder.addVersions(run, 0, run.count, source) < run.count) break;
  }
  return builder.layOut(flags).slice();
}

/** The payload of a block's envelope, behind room for its header. */
function packed(block: Int32Array<ArrayBuffer>, compression: number): Uint8Array {
  packer.pack(block);
  const body = compression === COMPRESSION_NONE ? packer.body : compress(compression, packer.body);
  return new Uint8Array(Buffer.concat([new Uint8Array(ENVELOPE_BYTES), packer.columns, body ?? packer.body]));
}

/** Unpacks between words of garbage, and makes sure that they stay. */
function unpacked(envelope: Uint8Array, compression: number, blockBytes: number): Int32Array | string {
  const bytes = new Uint8Array(envelope.length);
  bytes.set(envelope);
  const i32 = new Int32Array(blockBytes / 4 + 20).fill(GARBAGE);
  const problem = unpackBlock(bytes, ENVELOPE_BYTES, compression, blockBytes, i32, new Uint8Array(i32.buffer), 10);
  expect([...i32.subarray(0, 10), ...i32.subarray(-10)].every((word) => word === GARBAGE)).toBe(true);
  return problem ?? i32.subarray(10, i32.length - 10);
}

function expectRoundTrip(versions: readonly WrittenVersion[], flags = 0): void {
  const block = blockOf(versions, flags);
  expect(blockProblem(block, 0, block.byteLength)).toBeUndefined();
  for (const compression of [COMPRESSION_NONE, COMPRESSION_LZ4, COMPRESSION_ZSTD]) {
    const envelope = packed(block, compression);
    const used = compression !== COMPRESSION_NONE && compress(compression, packer.body) !== undefined;
    const back = unpacked(envelope, used ? compression : COMPRESSION_NONE, block.byteLength);
    expect(typeof back === "string" ? back : Buffer.compare(Buffer.from(back.slice().buffer), asBytes(block))).toBe(0);
  }
}

function asBytes(words: Int32Array<ArrayBuffer>): Buffer {
  return Buffer.from(words.buffer, words.byteOffset, words.byteLength);
}

const put = (key: string, timestamp: number, seq: number, valueBytes = 3): WrittenVersion => ({
  key,
  timestamp,
  seq,
  value: new Uint8Array(valueBytes).fill(seq % 251),
});

const EXTREMES = [0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 52, NUMBER_MAX - 1, NUMBER_MAX];

describe("a packed block", () => {
  test.each(EXTREMES.map((n) => [n]))("with a timestamp, seq and expiry of %i comes back", (n) => {
    expectRoundTrip([put("a", n, 5)]);
    expectRoundTrip([put("a", 5, n)]);
    expectRoundTrip([{ ...put("a", 5, 5), expiresAt: n }]);
  });

  test("with any two extremes side by side comes back", () => {
    for (const a of EXTREMES) {
      for (const b of EXTREMES) {
        expectRoundTrip([put("a", a, b), put("b", b, a)]);
        expectRoundTrip([{ ...put("a", Math.min(a, b), 1), expiresAt: Math.max(a, b) }, put("a", Math.max(a, b), 2)]);
        expectRoundTrip([
          { ...put("a", a, b), expiresAt: b },
          { ...put("b", b, a), expiresAt: a },
        ]);
      }
    }
  });

  test("with values of every length comes back", () => {
    for (let bytes = 0; bytes < 140; bytes++) expectRoundTrip([put("a", 1, 1, bytes), put("b", 1, 2, 5)]);
    for (const bytes of [8191, 8192]) expectRoundTrip([put("a", 1, 1, bytes)]);
    expectRoundTrip(Array.from({ length: 80 }, (_, i) => put(`k${i >> 2}`, i, i, i)));
    expectRoundTrip(Array.from({ length: 80 }, (_, i) => put(`k${i >> 2}`, i, i, (i % 9) * 4)));
  });

  test("with extents, expiries, deletes and retracts comes back", () => {
    const kinds: WrittenVersion[] = [];
    for (let i = 0; i < 60; i++) {
      const kind = [KIND_PUT, KIND_DELETE, KIND_RETRACT][i % 3]!;
      const value = new Uint8Array(kind !== KIND_PUT ? 0 : i % 4 === 0 ? 9000 + i : i % 13).fill(i);
      const expiresAt = kind === KIND_PUT && i % 2 === 0 ? 1e15 - i : undefined;
      kinds.push({ key: `k${i % 7}`, timestamp: 1e15 + i, seq: 100 - i, kind, value, expiresAt });
    }
    expectRoundTrip(kinds);
  });

  test("with equal timestamps, seqs out of order and parts of long groups comes back", () => {
    expectRoundTrip(
      Array.from({ length: 40 }, (_, i) => put("a", 7, i)),
      FLAG_CONTINUED | FLAG_GOES_ON,
    );
    expectRoundTrip(
      Array.from({ length: 40 }, (_, i) => put("a", i, 40 - i)),
      FLAG_GOES_ON,
    );
  });

  test("with long keys that share much, little or nothing comes back", () => {
    const long = "x".repeat(500);
    expectRoundTrip(
      ["a", "ab", "abc", "abcd", "abcde", "b", `${long}a`, `${long}b`, long].map((key) => put(key, 1, 1)),
    );
    const longest = new Uint8Array(65_535).fill(1);
    expectRoundTrip([{ key: longest, timestamp: 1, seq: 1, value: new Uint8Array(8192) }]);
    expectRoundTrip([65_535, 65_534, 65_000].map((length) => ({ ...put("", 1, 1), key: longest.subarray(0, length) })));
  });

  test("of random contents comes back", () => {
    const random = new Random(21);
    for (let turn = 0; turn < 300; turn++) expectRoundTrip(randomVersions(random), random.below(4));
  });

  test("takes no more bytes than its numbers need", () => {
    const block = blockOf(Array.from({ length: 60 }, (_, i) => put(`key-${i % 6}`, 1e15 + i * 1e6, 7 + i, 100)));
    packer.pack(block);
    // Six keys that differ in one byte; times in even steps, seqs within 64; heads.
    expect(packer.body.length).toBe(6000 + 5 + 5);
    expect(packer.columns.length).toBeLessThan(36 + 6 * 4 + (60 * 6) / 8);
  });
});

function randomVersions(random: Random): WrittenVersion[] {
  const keys = Array.from({ length: random.between(1, 30) }, () => random.bytes(random.between(1, 40)));
  const alphabet = random.between(1, 256);
  for (const key of keys) for (const [i, byte] of key.entries()) key[i] = byte % alphabet;
  const numbers = random.pick([10, 2 ** 20, 2 ** 40, NUMBER_MAX]);
  const number = () => Math.floor((random.u32() / 2 ** 32) * numbers);
  const valueBytesMax = random.pick([0, 4, 60, 500]);
  return Array.from({ length: random.between(1, 200) }, (_, i) => {
    const version = { key: random.pick(keys), timestamp: number(), seq: i };
    if (random.chance(0.1)) return { ...version, kind: random.pick([KIND_DELETE, KIND_RETRACT]) };
    const expiresAt = random.chance(0.1) ? number() : undefined;
    return { ...version, value: random.bytes(random.between(0, valueBytesMax)), expiresAt };
  });
}

describe("a packed block that is damaged", () => {
  /** Whatever comes of the bytes: nothing outside the place changes, and what is given out is a block. */
  function tried(envelope: Uint8Array, compression: number, blockBytes: number): boolean {
    const back = unpacked(envelope, compression, blockBytes);
    if (typeof back === "string") return true;
    expect(blockProblem(back, 0, blockBytes)).toBeUndefined();
    return false;
  }

  test.each([
    ["none", COMPRESSION_NONE],
    ["LZ4", COMPRESSION_LZ4],
    ["zstd", COMPRESSION_ZSTD],
  ])("is told, or gives another block, %s", (_, compression) => {
    const random = new Random(31);
    let told = 0;
    for (let turn = 0; turn < 150; turn++) {
      const block = blockOf(randomVersions(random));
      const whole = packed(block, compression);
      const used = compression !== COMPRESSION_NONE && compress(compression, packer.body) !== undefined;
      const id = used ? compression : COMPRESSION_NONE;
      const head = Math.min(whole.length, ENVELOPE_BYTES + packer.columns.length);
      for (let change = 0; change < 60; change++) {
        const bytes = whole.slice();
        const end = random.chance(0.8) ? head : bytes.length;
        for (let i = random.between(1, 3); i > 0; i--)
          bytes[random.between(ENVELOPE_BYTES, end - 1)] = random.below(256);
        if (tried(bytes, id, block.byteLength)) told++;
      }
      for (let cut = 0; cut < 10; cut++) {
        if (tried(whole.subarray(0, random.between(ENVELOPE_BYTES, whole.length - 1)), id, block.byteLength)) told++;
      }
      for (const bytes of [0, 4, block.byteLength - 4, block.byteLength + 4, BLOCK_BYTES_MAX]) {
        expect(tried(whole, id, bytes)).toBe(true);
      }
    }
    expect(told).toBeGreaterThan(2000);
  });

  test("is told wherever it is cut", () => {
    const block = blockOf(Array.from({ length: 50 }, (_, i) => put(`k${i % 9}`, i, i, i)));
    const whole = packed(block, COMPRESSION_NONE);
    for (let length = ENVELOPE_BYTES; length < whole.length; length++) {
      expect(tried(whole.subarray(0, length), COMPRESSION_NONE, block.byteLength), `${length} bytes`).toBe(true);
    }
    expect(tried(Buffer.concat([whole, new Uint8Array(4)]), COMPRESSION_NONE, block.byteLength)).toBe(true);
  });

  test("is told where its keys do not ascend, each by one byte", () => {
    const keys = ["aa", "ab", "abc", "b"];
    const whole = packed(blockOf(keys.map((key, seq) => put(key, 1, seq, 0))), COMPRESSION_NONE);
    const body = ENVELOPE_BYTES + packer.columns.length;
    expect(Buffer.from(whole.subarray(body)).toString()).toBe("aabcb");
    const tryWith = (at: number, byte: string) => {
      const bytes = whole.slice();
      bytes[body + at] = byte.charCodeAt(0);
      return tried(bytes, COMPRESSION_NONE, blockOf(keys.map((key, seq) => put(key, 1, seq, 0))).byteLength);
    };
    expect([tryWith(2, "a"), tryWith(2, "A"), tryWith(4, "a"), tryWith(4, "A")]).toEqual([true, true, true, true]);
    expect([tryWith(2, "c"), tryWith(3, "\0"), tryWith(4, "c")]).toEqual([false, false, false]);
  });

  test("is told where it names columns wider than any number", () => {
    const block = blockOf([put("a", 1, 1)]);
    const whole = packed(block, COMPRESSION_NONE);
    // keys, versions, flags, then base and width of each column
    for (let column = 0; column < 9; column++) {
      const bytes = whole.slice();
      bytes[ENVELOPE_BYTES + 3 + column * 2 + 1] = 54;
      expect(tried(bytes, COMPRESSION_NONE, block.byteLength)).toBe(true);
    }
  });
});
