import { describe, expect, test } from "vitest";
import { resealEnvelope } from "../testing/damage/reseal-envelope.ts";
import { COMPRESSION_LZ4, COMPRESSION_NONE, COMPRESSION_ZSTD, compress } from "./compression.ts";
import { checkEnvelope, ENVELOPE_BYTES, fillEnvelope, moveEnvelope, openEnvelope } from "./envelope.ts";
import { KIND_EXTENT, KIND_FILTER } from "./format.ts";

/** Where the envelope stands: table and offset. */
const NUMBER = 5;
const OFFSET = 77;
const RAW = new TextEncoder().encode("again and again and again and again, ".repeat(40));

function seal(compression: number, rawBytes = RAW.length): Uint8Array<ArrayBuffer> {
  const payload = compress(compression, RAW) ?? RAW;
  const bytes = new Uint8Array(ENVELOPE_BYTES + payload.length);
  bytes.set(payload, ENVELOPE_BYTES);
  fillEnvelope(bytes.subarray(0, ENVELOPE_BYTES), KIND_EXTENT, compression, rawBytes, NUMBER, OFFSET, payload);
  return bytes;
}

/** An envelope with one byte changed and a checksum that is right. */
function altered(at: number, byte: number, compression: number = COMPRESSION_NONE): Uint8Array {
  const bytes = seal(compression);
  bytes[at] = byte;
  resealEnvelope(bytes, NUMBER, OFFSET);
  return bytes;
}

describe("envelope", () => {
  test.each([
    ["none", COMPRESSION_NONE],
    ["LZ4", COMPRESSION_LZ4],
    ["zstd", COMPRESSION_ZSTD],
  ])("gives back what was put in, %s", (_, compression) => {
    const bytes = seal(compression);
    expect(Buffer.compare(openEnvelope(bytes, KIND_EXTENT, "a", NUMBER, OFFSET), RAW)).toBe(0);
    expect(checkEnvelope(bytes, KIND_EXTENT, "a", NUMBER, OFFSET)).toBe(RAW.length);
    expect(bytes.length < RAW.length).toBe(compression !== COMPRESSION_NONE);
  });

  test("what compression gains little on is not compressed", () => {
    const random = new Uint8Array(4096);
    for (let i = 0; i < random.length; i++) random[i] = Math.imul(i * i + 7 * i, 0x9e3779b1) >>> 13;
    expect(compress(COMPRESSION_LZ4, random)).toBeUndefined();
    expect(compress(COMPRESSION_NONE, RAW)).toBeUndefined();
  });

  test.each([
    ["another kind", altered(5, KIND_FILTER)],
    ["an unknown compression", altered(4, 9)],
    ["a reserved byte", altered(7, 1)],
    ["another reserved byte", altered(6, 1)],
    ["another stored length", altered(8, 1)],
    ["another raw length", altered(12, 1)],
    ["a raw length that LZ4 does not give", altered(12, 1, COMPRESSION_LZ4)],
    ["a raw length that zstd does not give", altered(12, 1, COMPRESSION_ZSTD)],
    ["an immense raw length", altered(15, 0x7f, COMPRESSION_LZ4)],
    ["what cannot be decompressed", altered(ENVELOPE_BYTES, 0xff, COMPRESSION_ZSTD)],
    ["a compression that it has not", altered(4, COMPRESSION_ZSTD, COMPRESSION_LZ4)],
    ["too few bytes", seal(COMPRESSION_NONE).subarray(0, 15)],
  ])("with %s is damage", (_, bytes) => {
    expect(() => openEnvelope(bytes, KIND_EXTENT, "a", NUMBER, OFFSET)).toThrow(
      expect.objectContaining({ code: "CORRUPTION", details: { file: "a", offset: OFFSET } }),
    );
  });

  test.each([
    ["another table", NUMBER + 1, OFFSET],
    ["a table whose number is greater than a word", NUMBER + 2 ** 32, OFFSET],
    ["another offset", NUMBER, OFFSET + 16_384],
    ["an offset beyond 4 GiB", NUMBER, OFFSET + 2 ** 32],
    ["the two mixed up", OFFSET, NUMBER],
  ])("is damage in %s, and whole once it has been moved there", (_, number, offset) => {
    const bytes = seal(COMPRESSION_LZ4);
    expect(() => openEnvelope(bytes, KIND_EXTENT, "a", number, offset)).toThrow("its checksum does not match");
    moveEnvelope(bytes, NUMBER, OFFSET, number, offset);
    expect(Buffer.compare(openEnvelope(bytes, KIND_EXTENT, "a", number, offset), RAW)).toBe(0);
    expect(() => openEnvelope(bytes, KIND_EXTENT, "a", NUMBER, OFFSET)).toThrow("its checksum does not match");
  });
});
