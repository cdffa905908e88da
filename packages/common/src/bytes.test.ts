import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  compareBytes,
  concatBytes,
  copyBytes,
  equalBytes,
  fromBase64,
  fromBase64Url,
  fromHex,
  textOf,
  toBase64,
  toBase64Url,
  toHex,
  utf8,
} from "./bytes.ts";

const bytes = fc.uint8Array({ maxLength: 40 });

describe("bytes", () => {
  test("order and equality are those of Buffer", () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b));
        expect(equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0);
        expect(equalBytes(a, copyBytes(a))).toBe(true);
      }),
    );
  });

  test("concat keeps order and content", () => {
    fc.assert(
      fc.property(fc.array(bytes), (parts) => {
        expect(Buffer.from(concatBytes(parts))).toEqual(Buffer.concat(parts));
      }),
    );
  });

  test("a copy of a Buffer is a copy", () => {
    const buffer = Buffer.from("abc");
    const copy = copyBytes(buffer);
    buffer.fill(0);
    expect(textOf(copy)).toBe("abc");
  });

  test("hex, base64 and base64url are those of Buffer, both ways", () => {
    fc.assert(
      fc.property(bytes, (each) => {
        const buffer = Buffer.from(each);
        expect(toHex(each)).toBe(buffer.toString("hex"));
        expect(toBase64(each)).toBe(buffer.toString("base64"));
        expect(toBase64Url(each)).toBe(buffer.toString("base64url"));
        expect(fromHex(toHex(each).toUpperCase())).toEqual(each);
        expect(fromBase64(toBase64(each))).toEqual(each);
        expect(fromBase64Url(toBase64Url(each))).toEqual(each);
        expect(fromBase64Url(toBase64(each).replaceAll("+", "-").replaceAll("/", "_"))).toEqual(each);
      }),
    );
  });

  test("no two base64 texts name the same bytes", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."AB+/Zz09=-_ \né"), maxLength: 9 }), (text) => {
        const decoded = fromBase64(text);
        if (decoded !== undefined) expect(toBase64(decoded)).toBe(text);
        const url = fromBase64Url(text);
        if (url !== undefined) expect(toBase64Url(url)).toBe(text.replaceAll("=", ""));
      }),
      { numRuns: 2000 },
    );
  });

  test.each(["A", "AA", "AAA", "AB==", "AAB=", "A===", "====", "AA=A", "AAAA====", "AA-_", "AA AA===", "é==="])(
    "%j is no base64",
    (text) => expect(fromBase64(text)).toBeUndefined(),
  );

  test.each(["A", "AB", "AAA==", "AA=", "A===", "AA+/", "="])("%j is no base64url", (text) => {
    expect(fromBase64Url(text)).toBeUndefined();
  });

  test.each(["a", "0g", "0x00", " 00", "00\n"])("%j is no hex", (text) => expect(fromHex(text)).toBeUndefined());

  test("text keeps a byte order mark, and is nothing where bytes are no UTF-8", () => {
    expect(textOf(utf8("\uFEFFbom"))).toBe("\uFEFFbom");
    for (const bad of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82]]) {
      expect(textOf(Uint8Array.from(bad))).toBeUndefined();
    }
  });
});
