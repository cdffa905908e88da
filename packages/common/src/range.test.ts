import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareBytes, utf8 } from "./bytes.ts";
import { prefixEnd, resolveRange } from "./range.ts";
import type { Range } from "./store.ts";

const nothing = new Uint8Array(0);

describe("ranges", () => {
  test("both forms, and everything", () => {
    const all = { start: nothing, end: undefined };
    for (const range of [undefined, {}, { prefix: "" }, { start: "" }, { start: undefined, end: undefined }]) {
      expect(resolveRange(range)).toEqual(all);
    }
    expect(resolveRange({ start: "b", end: "c" })).toEqual({ start: utf8("b"), end: utf8("c") });
    expect(resolveRange({ end: "c" })).toEqual({ start: nothing, end: utf8("c") });
    expect(resolveRange({ end: "" })).toEqual({ start: nothing, end: nothing });
    expect(resolveRange({ prefix: "user:" })).toEqual({ start: utf8("user:"), end: utf8("user;") });
    expect(resolveRange({ prefix: Uint8Array.of(1, 255, 255) }).end).toEqual(Uint8Array.of(2));
    expect(resolveRange({ prefix: Uint8Array.of(255, 255) })).toEqual({
      start: Uint8Array.of(255, 255),
      end: undefined,
    });
  });

  test("prefixEnd divides the keys with the prefix from those after", () => {
    const byte = fc.oneof(fc.nat(255), fc.constantFrom(0, 255));
    const bytes = fc.array(byte, { maxLength: 4 }).map((each) => Uint8Array.from(each));
    fc.assert(
      fc.property(bytes, bytes, (prefix, key) => {
        const has = prefix.every((each, i) => key[i] === each) && key.length >= prefix.length;
        const end = prefixEnd(prefix);
        const within = compareBytes(key, prefix) >= 0 && (end === undefined || compareBytes(key, end) < 0);
        expect(within).toBe(has);
      }),
      { numRuns: 1000 },
    );
  });

  test("a Buffer passed in is neither kept nor changed", () => {
    const prefix = Buffer.from("ab");
    const range = resolveRange({ prefix });
    expect(prefix.toString()).toBe("ab");
    prefix.fill(0);
    expect(range).toEqual({ start: utf8("ab"), end: utf8("ac") });
    const start = Buffer.from("x");
    const half = resolveRange({ start });
    start.fill(0);
    expect(half.start).toEqual(utf8("x"));
  });

  test.each<[unknown, RegExp]>([
    [{ prefix: "a", start: "a" }, /leave one of the two forms out/],
    [{ prefix: "a", end: "b" }, /leave one of the two forms out/],
    [{ prefx: "a" }, /a range has no field "prefx"; it may have prefix, start, end/],
    [{ prefix: 7 }, /a prefix is a string or a Uint8Array/],
    [{ start: "\ud800" }, /a range start given as a string must not have a lone surrogate/],
    ["a", /a range must be an object/],
    [null, /a range must be an object/],
    [["a", "b"], /a range must be an object/],
  ])("%j is INVALID_ARGUMENT", (range, sentence) => {
    const error = { code: "INVALID_ARGUMENT", message: expect.stringMatching(sentence) };
    expect(() => resolveRange(range as Range)).toThrow(expect.objectContaining(error));
  });

  test("bounds longer than a key can be are TOO_LARGE", () => {
    const long = new Uint8Array(65_536);
    for (const range of [{ prefix: long }, { start: long }, { end: long }]) {
      expect(() => resolveRange(range)).toThrow(expect.objectContaining({ code: "TOO_LARGE" }));
    }
  });
});
