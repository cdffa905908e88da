import { expect, test } from "vitest";
import { invariant, unreachable } from "./assert.ts";
import { fileNum, seqNum, timestamp } from "./brands.ts";
import { atIndex, invalidArgument, isKvtsError, KvtsError } from "./errors.ts";

test("a KvtsError is known by its name and its code", () => {
  const error = new KvtsError("CONFLICT", "not newer", { details: { currentSeq: 5 }, cause: "c" });
  expect(error).toMatchObject({ name: "KvtsError", code: "CONFLICT", details: { currentSeq: 5 }, cause: "c" });
  expect([isKvtsError(error), isKvtsError(error, "CONFLICT"), isKvtsError(error, "CLOSED")]).toEqual([
    true,
    true,
    false,
  ]);
  // As from a second copy of the package.
  expect(isKvtsError(Object.assign(new Error("x"), { name: "KvtsError", code: "CLOSED" }), "CLOSED")).toBe(true);
  expect([new Error("x"), { name: "KvtsError" }, null].map((each) => isKvtsError(each))).toEqual([false, false, false]);
  expect("cause" in invalidArgument("x")).toBe(false);
});

test("an index comes first in the sentence, and into the details", () => {
  const error = atIndex(invalidArgument("is bad", { field: "f" }), "operation", 3);
  expect(error).toMatchObject({
    code: "INVALID_ARGUMENT",
    message: "operation 3: is bad",
    details: { field: "f", operation: 3 },
  });
});

test("broken invariants are INTERNAL, by their name", () => {
  const internal = (message: RegExp) =>
    expect.objectContaining({ code: "INTERNAL", message: expect.stringMatching(message) });
  expect(() => invariant(true, "R1")).not.toThrow();
  expect(() => invariant(false, "R1: seqs grow")).toThrow(internal(/R1: seqs grow/));
  expect(() => unreachable("x" as never)).toThrow(internal(/unexpected "x"/));
  for (const make of [timestamp, seqNum, fileNum]) {
    expect(make(1)).toBe(1);
    for (const bad of [-1, 0.5, 2 ** 53]) expect(() => make(bad)).toThrow(internal(/is a/));
  }
  expect([timestamp(0), seqNum(0)]).toEqual([0, 0]);
  expect(() => fileNum(0)).toThrow(internal(/file number/));
});
