import { expect, test } from "vitest";
import { shown } from "./shown.ts";

test("every kind of value can be shown", () => {
  const circular: { self?: unknown } = {};
  circular.self = circular;
  const values = ["a\n", 1.5, 10n, true, null, undefined, [1], circular, Object.create(null), Symbol("s"), shown];
  expect(values.map(shown)).toEqual([
    '"a\\n"',
    "1.5",
    "10n",
    "true",
    "null",
    "undefined",
    "an array",
    "an object",
    "an object",
    "a symbol",
    "a function",
  ]);
  expect(shown("x".repeat(1000))).toHaveLength(82);
});
