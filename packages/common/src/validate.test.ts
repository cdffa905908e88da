import { describe, expect, test } from "vitest";
import { utf8 } from "./bytes.ts";
import { limits } from "./limits.ts";
import { checkLimit, checkSeq } from "./numbers.ts";
import type { Operation } from "./store.ts";
import { checkExpiry, checkRequestId, encodeOperation, encodeOperations } from "./validate.ts";

let ticks = 1_000;
const now = (): number => ticks++;

describe("operations", () => {
  test("are encoded, with their times as microseconds", () => {
    expect(
      encodeOperations(
        [
          { op: "put", key: "k", value: "v", timestamp: new Date(1), expiresAt: "1970-01-01T00:00:01Z" },
          { op: "put", key: Uint8Array.of(255), value: "" },
          { op: "delete", key: "k", timestamp: 5 },
        ],
        now,
      ),
    ).toEqual([
      { op: "put", key: utf8("k"), value: utf8("v"), timestamp: 1_000, expiresAt: 1_000_000 },
      { op: "put", key: Uint8Array.of(255), value: utf8(""), timestamp: undefined, expiresAt: undefined },
      { op: "delete", key: utf8("k"), value: undefined, timestamp: 5, expiresAt: undefined },
    ]);
  });

  test("now is one moment in a whole batch", () => {
    const operations: Operation[] = [1, 2, 3].map(() => ({ op: "put", key: "k", value: "", timestamp: "now" }));
    const encoded = encodeOperations(operations, now);
    expect(new Set(encoded.map(({ timestamp }) => timestamp)).size).toBe(1);
  });

  test.each<[string, unknown, RegExp]>([
    ["no op", { key: "k", value: "v" }, /op must be "put", "delete", "retract" or "deleteRange", not undefined/],
    ["an unknown op", { op: "patch", key: "k" }, /not "patch"/],
    ["a big op", { op: 1n, key: "k" }, /not 1/],
    ["null", null, /op must be/],
    ["a misspelt field", { op: "put", key: "k", value: "v", timstamp: 5 }, /a put has no field "timstamp"/],
    ["a delete with a value", { op: "delete", key: "k", value: "v" }, /a delete has no field "value"/],
    ["an empty key", { op: "put", key: "", value: "v" }, /at least one byte/],
    ["no value", { op: "put", key: "k" }, /a value is a string or a Uint8Array/],
    ["a bad time", { op: "delete", key: "k", timestamp: "yesterday" }, /cannot be read/],
    ["an expiry at its timestamp", { op: "put", key: "k", value: "", timestamp: 9, expiresAt: 9 }, /must be later/],
  ])("%s is refused, alone and by its index in a batch", (_, operation, sentence) => {
    const good: Operation = { op: "delete", key: "k" };
    expect(() => encodeOperation(operation as Operation, now)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringMatching(sentence) }),
    );
    expect(() => encodeOperations([good, operation as Operation], now)).toThrow(
      expect.objectContaining({
        code: "INVALID_ARGUMENT",
        message: expect.stringMatching(/^operation 1: /),
        details: expect.objectContaining({ operation: 1 }),
      }),
    );
  });

  test("a batch has one operation at least, and limits", () => {
    expect(() => encodeOperations([], now)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    expect(() => encodeOperations("put" as unknown as Operation[], now)).toThrow(/takes an array/);
    const many = Array.from({ length: limits.batchOperationsMax + 1 }, (): Operation => ({ op: "delete", key: "k" }));
    expect(encodeOperations(many.slice(1), now)).toHaveLength(limits.batchOperationsMax);
    expect(() => encodeOperations(many, now)).toThrow(expect.objectContaining({ code: "TOO_LARGE" }));
    const half: Operation = { op: "put", key: "k", value: new Uint8Array(limits.batchBytesMax / 2) };
    expect(() => encodeOperations([half, half], now)).toThrow(expect.objectContaining({ code: "TOO_LARGE" }));
    const whole: Operation = { op: "put", key: "k", value: new Uint8Array(limits.valueBytesMax) };
    expect(encodeOperations([whole], now)).toHaveLength(1);
  });
});

describe("other arguments", () => {
  test("request ids", () => {
    expect(checkRequestId(undefined)).toBeUndefined();
    for (const id of ["a", "x".repeat(128)]) expect(checkRequestId(id)).toBe(id);
    for (const id of ["", "x".repeat(129), "é".repeat(65), "a\ud800", 7 as unknown as string]) {
      expect(() => checkRequestId(id)).toThrow(/requestId must be a string of 1 to 128 bytes/);
    }
  });

  test("expiries, limits and seqs", () => {
    expect(() => checkExpiry(5, 6)).not.toThrow();
    expect(() => checkExpiry(5, 5)).toThrow(/must be later/);
    expect([checkLimit(undefined), checkLimit(3)]).toEqual([Number.POSITIVE_INFINITY, 3]);
    for (const bad of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "3" as unknown as number]) {
      expect(() => checkLimit(bad)).toThrow(/limit must be a whole number, at least 1/);
    }
    expect([checkSeq(0), checkSeq(2 ** 53 - 1)]).toEqual([0, 2 ** 53 - 1]);
    for (const bad of [-1, 0.5, 2 ** 53]) expect(() => checkSeq(bad, "at_seq")).toThrow(/^at_seq must be/);
  });
});
