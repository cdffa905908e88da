import { describe, expect, test } from "vitest";
import { z } from "zod";
import { utf8 } from "../bytes.ts";
import { json, text } from "./value-type.ts";

const User = z.object({ name: z.string().min(1), age: z.number() });
const refusal = (message: string) =>
  expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining(message) });
const stored = (value: unknown) => utf8(JSON.stringify(value));

describe("json values", () => {
  test("come back as they were", () => {
    const values = json<unknown>();
    for (const value of [null, 0, "", [1, { a: "b" }], { deep: { er: true } }]) {
      expect(values.decode(utf8(values.encode(value) as string))).toEqual(value);
    }
  });

  test.each<[string, unknown]>([
    ["undefined", undefined],
    ["a function", () => 1],
    ["a bigint", 1n],
  ])("%s cannot be written", (_, value) => {
    expect(() => json().encode(value)).toThrow(refusal("cannot be written as JSON"));
  });

  test("what is stored and is no JSON, or no text, is refused", () => {
    expect(() => json().decode(utf8("{"))).toThrow(refusal("not JSON"));
    expect(() => json().decode(new Uint8Array([0xff]))).toThrow(refusal("not UTF-8"));
  });
});

describe("a validator", () => {
  const users = json(User);

  test("lets valid values through, both ways", () => {
    const ada = { name: "Ada", age: 36 };
    expect(users.decode(utf8(users.encode(ada) as string))).toEqual(ada);
  });

  test("names what is wrong with a value to be written, and where", () => {
    expect(() => users.encode({ name: "", age: 1 })).toThrow(refusal("the value to be written is not valid: name: "));
    expect(() => users.encode({ name: "x" } as never)).toThrow(refusal("age: "));
  });

  test("refuses what is stored and does not fit", () => {
    expect(() => users.decode(stored({ name: "x", age: "old" }))).toThrow(
      refusal("the stored value is not valid: age: "),
    );
    expect(() => users.decode(stored(null))).toThrow(refusal("the stored value is not valid: "));
  });

  test("that transforms is given what was written, and gives what is read", () => {
    const dates = json(z.object({ on: z.iso.date().transform((day) => new Date(day)) }));
    const bytes = utf8(dates.encode({ on: "2026-01-02" }) as string);
    expect(JSON.parse(new TextDecoder().decode(bytes))).toEqual({ on: "2026-01-02" });
    expect(dates.decode(bytes)).toEqual({ on: new Date("2026-01-02") });
  });

  test("that answers with a promise is refused", () => {
    const slow = {
      "~standard": { version: 1 as const, vendor: "test", validate: async (value: unknown) => ({ value }) },
    };
    expect(() => json(slow).encode(1)).toThrow(refusal("answers with a promise"));
  });
});

test("text comes back as it was, and nothing else is text", () => {
  expect(text().decode(utf8(text().encode("ä\0") as string))).toBe("ä\0");
  expect(() => text().encode(5 as never)).toThrow(refusal("is a string"));
  expect(() => text().decode(new Uint8Array([0xff]))).toThrow(refusal("not UTF-8"));
});
