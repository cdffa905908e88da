import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { Random } from "../testing/random.ts";
import { Lz4 } from "./lz4.ts";

/** Another implementation, which puts the raw length in front of a block. */
interface Lz4Package {
  compressSync(data: Buffer, dictionary?: Buffer): Buffer;
  uncompressSync(data: Uint8Array, dictionary?: Uint8Array): Buffer;
}
const OTHER = createRequire(import.meta.url)("lz4-napi") as Lz4Package;
const LENGTH_BYTES = 4;
const RUNS = 3000;

const random = new Random(7);
const lz4 = new Lz4();

/** Stretches of random bytes, of one byte again and again, and of what came before. */
function someBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const next = Math.min(length, at + 1 + random.below(random.pick([4, 40, 400])));
    const from = random.below(at + 1);
    const kind = random.below(3);
    if (kind === 0) bytes.set(random.bytes(next - at), at);
    else if (kind === 1) bytes.fill(random.below(256), at, next);
    else for (let i = at; i < next; i++) bytes[i] = bytes[from + i - at]!;
    at = next;
  }
  return bytes;
}

function someLength(): number {
  return random.below(random.pick([5, 20, 300, 9000, 150_000]));
}

function withLength(stored: Uint8Array, rawBytes: number): Buffer {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(rawBytes);
  return Buffer.concat([length, stored]);
}

test("what is compressed comes back, here and elsewhere, with a dictionary and without", { timeout: 60_000 }, () => {
  for (let run = 0; run < RUNS; run++) {
    const raw = someBytes(run < 100 ? run : someLength());
    const dictionary = random.below(2) === 0 ? undefined : someBytes(1 + random.below(random.pick([16, 2000, 70_000])));
    if (dictionary !== undefined && random.below(2) === 0) raw.set(dictionary.subarray(0, raw.length));
    const stored = Buffer.from(lz4.compress(raw, dictionary));
    expect(stored.length).toBeLessThanOrEqual(raw.length + Math.ceil(raw.length / 255) + 16);
    expect(Buffer.from(lz4.decompress(stored, raw.length, dictionary)!).equals(raw)).toBe(true);
    expect(OTHER.uncompressSync(withLength(stored, raw.length), dictionary).equals(raw)).toBe(true);
    if (raw.length === 0) continue;
    const others = OTHER.compressSync(Buffer.from(raw), dictionary && Buffer.from(dictionary)).subarray(LENGTH_BYTES);
    expect(Buffer.from(lz4.decompress(others, raw.length, dictionary)!).equals(raw)).toBe(true);
    expect(lz4.decompress(others, raw.length - 1, dictionary)).toBeUndefined();
  }
});

test("it is compressed as well as elsewhere", () => {
  let [own, others] = [0, 0];
  for (let run = 0; run < 300; run++) {
    const raw = someBytes(8000);
    own += lz4.compress(raw).length;
    others += OTHER.compressSync(Buffer.from(raw)).length - LENGTH_BYTES;
  }
  expect(own).toBeLessThan(others * 1.02);
});

test("whatever is decompressed, nothing is written but the place for it", { timeout: 60_000 }, () => {
  const dictionary = someBytes(100);
  for (let run = 0; run < RUNS; run++) {
    const raw = someBytes(1 + random.below(2000));
    const stored = Buffer.from(lz4.compress(raw));
    for (let bits = 1 + random.below(4); bits > 0; bits--) stored[random.below(stored.length)]! ^= 1 << random.below(8);
    const cut =
      random.below(2) === 0
        ? stored
        : random.below(2) === 0
          ? random.bytes(stored.length)
          : stored.subarray(0, random.below(stored.length));
    const out = lz4.decompress(cut, raw.length, dictionary);
    if (out === undefined) continue;
    expect(out.length).toBeLessThanOrEqual(raw.length);
    // What lies in front of it and behind: the dictionary, and what was decompressed, untouched.
    const memory = new Uint8Array(out.buffer);
    expect(Buffer.from(memory.subarray(out.byteOffset - dictionary.length, out.byteOffset)).equals(dictionary)).toBe(
      true,
    );
    const from = out.byteOffset + raw.length + 32;
    expect(Buffer.from(memory.subarray(from, from + cut.length)).equals(cut)).toBe(true);
  }
});

test("a length that lies takes no memory", () => {
  const own = new Lz4();
  const before = own.compress(new Uint8Array(1)).buffer.byteLength;
  expect(own.decompress(new Uint8Array(10_000_000), 1000)).toBeUndefined();
  expect(own.compress(new Uint8Array(1)).buffer.byteLength).toBe(before);
});

test("memory that the input refers to may be shared, and its own grows with what it is given", () => {
  const shared = new Uint8Array(new SharedArrayBuffer(1024 * 1024)).fill(7);
  const own = new Lz4();
  const stored = own.compress(shared).slice();
  expect(stored.length).toBeLessThan(5000);
  expect(Buffer.from(own.decompress(stored, shared.length)!).equals(shared)).toBe(true);
});
