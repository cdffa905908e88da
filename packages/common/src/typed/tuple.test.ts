import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareBytes } from "../bytes.ts";
import { decodeTuple, encodeTuple, type TuplePart, tupleRange } from "./tuple.ts";

const part: fc.Arbitrary<TuplePart> = fc.letrec<{ part: TuplePart }>((tie) => ({
  part: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom(null, false, true, 0, -0, 1, -1, "", "a", "a\0", "a\0b", "é", "\u{10000}", "\uffff"),
    fc.double({ noNaN: true }),
    fc.integer(),
    fc.string({ unit: "binary" }),
    fc.uint8Array({ maxLength: 8 }),
    fc.array(tie("part"), { maxLength: 3 }),
  ),
})).part;
const parts = fc.array(part, { maxLength: 4 });

/** null, booleans, numbers, strings, bytes, tuples. */
function rank(value: TuplePart): number {
  if (value === null) return 0;
  if (typeof value === "boolean") return 1;
  if (typeof value === "number") return 2;
  if (typeof value === "string") return 3;
  return value instanceof Uint8Array ? 4 : 5;
}

function compareParts(a: TuplePart, b: TuplePart): number {
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (typeof a === "string") return compareBytes(new TextEncoder().encode(a), new TextEncoder().encode(b as string));
  if (a instanceof Uint8Array) return compareBytes(a, b as Uint8Array);
  if (Array.isArray(a)) return compareTuples(a, b as TuplePart[]);
  return a === b ? 0 : (a as number) < (b as number) ? -1 : 1;
}

function compareTuples(a: readonly TuplePart[], b: readonly TuplePart[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compareParts(a[i]!, b[i]!);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** Both zeros are one. */
function plain(value: readonly TuplePart[]): TuplePart[] {
  return value.map((one) => (Array.isArray(one) ? plain(one as TuplePart[]) : one === 0 ? 0 : one));
}

describe("tuple keys", () => {
  test("come back as they were", () => {
    fc.assert(
      fc.property(parts, (tuple) => {
        expect(decodeTuple(encodeTuple(tuple))).toEqual(plain(tuple));
      }),
    );
  });

  test("order as their parts do", () => {
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        const order = compareBytes(encodeTuple(a), encodeTuple(b));
        expect(Math.sign(order)).toBe(Math.sign(compareTuples(a, b)));
      }),
      { numRuns: 2000 },
    );
  });

  test("lie in the range of what they begin with, and no others do", () => {
    fc.assert(
      fc.property(parts, parts, fc.boolean(), (prefix, other, begins) => {
        const tuple = begins ? [...prefix, ...other] : other;
        const { start, end } = tupleRange(prefix);
        const key = encodeTuple(tuple);
        const inRange = compareBytes(start, key) <= 0 && compareBytes(key, end) < 0;
        expect(inRange).toBe(compareTuples(tuple.slice(0, prefix.length), prefix) === 0);
      }),
      { numRuns: 2000 },
    );
  });

  test("a string does not lie in the range of another that it begins with", () => {
    const { start, end } = tupleRange(["user"]);
    for (const outside of ["users", "user\0", "user\0x"]) {
      const key = encodeTuple([outside]);
      expect(compareBytes(start, key) <= 0 && compareBytes(key, end) < 0).toBe(false);
    }
  });

  test.each<[string, unknown]>([
    ["NaN", [Number.NaN]],
    ["a lone surrogate", ["\ud800"]],
    ["undefined", [undefined]],
    ["a Date", [new Date(0)]],
    ["a bigint", [1n]],
    ["no array", "user"],
    ["tuples too deep", Array.from({ length: 40 }).reduce<TuplePart[]>((inner) => [inner], [])],
    ["a part longer than any key", ["x".repeat(70_000)]],
  ])("%s is refused", (_, tuple) => {
    expect(() => encodeTuple(tuple as TuplePart[])).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });

  test("bytes that are no tuple are refused; what is taken is what encodeTuple gives", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 12 }),
      fc.array(fc.constantFrom(0, 1, 2, 3, 0x10, 0x20, 0x30, 0x40, 0xff, 0x80), { maxLength: 12 }),
    );
    fc.assert(
      fc.property(bytes, (given) => {
        let parts: TuplePart[];
        try {
          parts = decodeTuple(new Uint8Array(given));
        } catch (error) {
          expect(error).toMatchObject({ code: "INVALID_ARGUMENT" });
          return;
        }
        expect([...encodeTuple(parts)]).toEqual([...given]);
      }),
      { numRuns: 5000 },
    );
    expect(() => decodeTuple(new Uint8Array(1000).fill(0x40))).toThrow("not a tuple key");
  });
});
