import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkKeyForm, decodeKey, encodeBound, encodeKey, encodeKeys, encodeValue } from "./keys.ts";
import { limits } from "./limits.ts";
import type { BytesInput } from "./store.ts";

const failsWith = (code: string, sentence: RegExp): unknown =>
  expect.objectContaining({ code, message: expect.stringMatching(sentence) });

describe("keys", () => {
  test("strings come back as they were, byte order marks too", () => {
    for (const key of ["a", "\uFEFFbom", "\0", "🦊", "é", "a/b", "a\uFEFF"])
      expect(decodeKey(encodeKey(key), "string")).toBe(key);
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1 }), (key) => {
        expect(decodeKey(encodeKey(key), "string")).toBe(key);
        expect(Buffer.from(encodeKey(key)).toString()).toBe(key);
      }),
    );
  });

  test("bytes come back as they were", () => {
    const bytes = Uint8Array.of(0xff, 0);
    expect(encodeKey(bytes)).toBe(bytes);
    expect(decodeKey(bytes, "bytes")).toBe(bytes);
  });

  test("bytes that are no UTF-8 are refused as a string", () => {
    expect(() => decodeKey(Uint8Array.of(0xff), "string")).toThrow(failsWith("INVALID_ARGUMENT", /keys: "bytes"/));
  });

  test("lengths from 1 to 65,535 bytes", () => {
    expect(() => encodeKey("")).toThrow(failsWith("INVALID_ARGUMENT", /at least one byte/));
    expect(() => encodeKey(new Uint8Array(0))).toThrow(failsWith("INVALID_ARGUMENT", /at least one byte/));
    expect(encodeKey("x".repeat(65_535))).toHaveLength(65_535);
    expect(encodeKey(new Uint8Array(65_535))).toHaveLength(65_535);
    for (const long of ["x".repeat(65_536), "é".repeat(32_768), new Uint8Array(65_536)]) {
      expect(() => encodeKey(long)).toThrow(failsWith("TOO_LARGE", /a key has at most 65535 bytes/));
    }
  });

  test.each([["\ud800"], ["a\udc00"], ["\udc00\ud800"]])("the lone surrogate in %j is refused", (text) => {
    for (const encode of [encodeKey, encodeValue]) {
      expect(() => encode(text)).toThrow(failsWith("INVALID_ARGUMENT", /lone surrogate; pass a Uint8Array/));
    }
  });

  test.each([null, undefined, 7, {}, [1], true])("%j is neither a key nor a value", (input) => {
    for (const encode of [encodeKey, encodeValue]) {
      expect(() => encode(input as unknown as BytesInput)).toThrow(
        failsWith("INVALID_ARGUMENT", /is a string or a Uint8Array, not/),
      );
    }
  });

  test("bytes that are others to count than to copy are refused", () => {
    class Short extends Uint8Array {
      override get length(): number {
        return 1;
      }
    }
    const detached = new Uint8Array(4);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    for (const bytes of [new Short([1, 2, 3]), new Proxy(new Uint8Array(3), {}), detached]) {
      for (const encode of [encodeKey, encodeValue]) {
        expect(() => encode(bytes)).toThrow(failsWith("INVALID_ARGUMENT", /neither a proxy nor detached; copy it$/));
      }
    }
    expect(encodeValue(Buffer.from("ab").subarray(1))).toEqual(Buffer.from("b"));
    expect(encodeValue(new Uint8Array(0))).toHaveLength(0);
  });

  test("a bad key among several is named by its index", () => {
    expect(encodeKeys(["a", "b"])).toHaveLength(2);
    expect(() => encodeKeys(["a", ""])).toThrow(
      expect.objectContaining({
        code: "INVALID_ARGUMENT",
        details: { key: 1 },
        message: expect.stringMatching(/^key 1: /),
      }),
    );
    // biome-ignore lint/suspicious/noSparseArray: holes are what is tested
    expect(() => encodeKeys(["a", , "c"] as string[])).toThrow(/^key 1: /);
    expect(() => encodeKeys("ab" as unknown as string[])).toThrow(failsWith("INVALID_ARGUMENT", /must be an array/));
  });

  test("values may be empty, and have a limit", () => {
    expect(encodeValue("")).toHaveLength(0);
    expect(encodeValue(new Uint8Array(limits.valueBytesMax))).toHaveLength(limits.valueBytesMax);
    expect(() => encodeValue(new Uint8Array(limits.valueBytesMax + 1))).toThrow(
      failsWith("TOO_LARGE", /a value has at most 67108864 bytes/),
    );
  });

  test("bounds of ranges may be empty, and are as long as keys at most", () => {
    expect(encodeBound("", "prefix")).toHaveLength(0);
    expect(() => encodeBound(new Uint8Array(65_536), "prefix")).toThrow(failsWith("TOO_LARGE", /a prefix has at most/));
  });

  test("a view's form is one of two", () => {
    expect(checkKeyForm("bytes")).toBe("bytes");
    expect(() => checkKeyForm("buffer" as "bytes")).toThrow(failsWith("INVALID_ARGUMENT", /"string" or "bytes"/));
  });
});
