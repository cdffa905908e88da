import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { crc32 } from "./checksum.ts";
import { ByteReader, ByteWriter } from "./coding.ts";

const number = fc.oneof(fc.maxSafeNat(), fc.nat(), fc.constantFrom(0, 127, 128, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1));
const blob = fc.uint8Array({ maxLength: 300 });
const item = fc.oneof(
  fc.record({ kind: fc.constant("u8" as const), value: fc.nat(255) }),
  fc.record({ kind: fc.constant("u32" as const), value: fc.nat(2 ** 32 - 1) }),
  fc.record({ kind: fc.constantFrom("u64" as const, "varint" as const), value: number }),
  fc.record({ kind: fc.constant("blob" as const), value: blob }),
  fc.record({ kind: fc.constant("text" as const), value: fc.string({ unit: "binary" }) }),
);
type Item = typeof item extends fc.Arbitrary<infer T> ? T : never;

function write(items: readonly Item[]): ByteWriter {
  const writer = new ByteWriter(1);
  for (const each of items) {
    if (each.kind === "blob") writer.blob(each.value);
    else if (each.kind === "text") writer.text(each.value);
    else writer[each.kind](each.value);
  }
  return writer;
}

function read(bytes: Uint8Array, kinds: readonly Item["kind"][]): Item["value"][] {
  const reader = new ByteReader(bytes, "some.file", 1000);
  const values = kinds.map((kind) => (kind === "blob" ? new Uint8Array(reader.blob()) : reader[kind]()));
  reader.end();
  return values;
}

describe("coding", () => {
  test("what is written is read", () => {
    fc.assert(
      fc.property(fc.array(item), (items) => {
        const kinds = items.map((each) => each.kind);
        expect(read(write(items).view(), kinds)).toEqual(items.map((each) => each.value));
      }),
    );
  });

  test("cut, flipped and foreign bytes read as something or as CORRUPTION", () => {
    fc.assert(
      fc.property(fc.array(item, { minLength: 1 }), fc.nat(), fc.nat(255), (items, at, byte) => {
        const kinds = items.map((each) => each.kind);
        const bytes = write(items).view();
        expect(() => read(bytes.subarray(0, at % bytes.length), kinds)).toThrow(
          /some\.file is damaged at byte 1\d\d\d/,
        );
        bytes[at % bytes.length] = byte;
        try {
          read(bytes, kinds);
        } catch (error) {
          expect(error).toMatchObject({ code: "CORRUPTION", details: { file: "some.file" } });
        }
      }),
    );
  });

  test("an offset counts from the reader's base", () => {
    const reader = new ByteReader(new Uint8Array(6), "a", 40);
    reader.u32();
    expect(() => reader.u32()).toThrow(expect.objectContaining({ details: { file: "a", offset: 44 } }));
    expect(reader.remaining).toBe(2);
  });

  test.each([
    ["needless bytes", [0x80, 0x00]],
    ["more than 53 bits", [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]],
    ["no end", [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]],
  ])("a varint with %s is damage", (_, bytes) => {
    expect(() => new ByteReader(Uint8Array.from(bytes), "a").varint()).toThrow(
      expect.objectContaining({ code: "CORRUPTION" }),
    );
  });

  test("alignment is zero bytes, and is checked", () => {
    const writer = new ByteWriter();
    writer.bytes(new Uint8Array(200).fill(7));
    writer.clear();
    writer.u8(1);
    writer.align(4);
    writer.u32(2);
    expect([...writer.view()]).toEqual([1, 0, 0, 0, 2, 0, 0, 0]);
    writer.setU32(4, 258);
    expect([...writer.view()]).toEqual([1, 0, 0, 0, 2, 1, 0, 0]);
    const reader = new ByteReader(Uint8Array.of(1, 0, 1, 0), "a");
    reader.u8();
    expect(() => reader.align(4)).toThrow("padding is not zero");
  });

  test("the checksum is the common CRC-32, in parts or whole", () => {
    const bytes = new TextEncoder().encode("123456789");
    expect(crc32(bytes)).toBe(0xcbf43926);
    expect(crc32(bytes.subarray(4), crc32(bytes.subarray(0, 4)))).toBe(0xcbf43926);
  });
});
