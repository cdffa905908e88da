import { encodeOperations, limits, type Operation } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { GroupEncoder } from "../wal/group-encoder.ts";
import { encodeBatch } from "./encode-batch.ts";

const NOW = () => 1000;
const put = (key: string, value: string, timestamp?: number): Operation => ({ op: "put", key, value, timestamp });

function refusal(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    const { code, message, details } = error as { code: unknown; message: unknown; details: unknown };
    return { code, message, details };
  }
}

describe("a batch that is refused", () => {
  const half = "x".repeat(limits.batchBytesMax / 2);
  const refused: [string, readonly unknown[]][] = [
    ["an unknown field", [put("a", "1"), { op: "put", key: "b", value: "", ttl: 1 }]],
    ["an unknown operation", [put("a", "1"), { op: "merge", key: "b" }]],
    ["nothing in its place", [put("a", "1"), undefined]],
    ["an empty key", [put("a", "1"), put("", "2")]],
    ["a key too long", [put("a".repeat(limits.keyBytesMax + 1), "2")]],
    ["a lone surrogate", [put("a", "1"), put("\ud800", "2")]],
    ["a value of another type", [put("a", "1"), { op: "put", key: "b", value: 5 }]],
    ["a bad time", [put("a", "1"), { op: "delete", key: "b", timestamp: "yesterday-ish" }]],
    ["a retract of no time", [put("a", "1"), { op: "retract", key: "b" }]],
    ["an expiry before its time", [put("a", "1"), { op: "put", key: "b", value: "", timestamp: 5, expiresAt: 5 }]],
    ["too many bytes", [put("a", half), put("b", half)]],
  ];

  test.each(refused)("for %s is told the same as everywhere, and leaves nothing in the group", (_, operations) => {
    const encoder = new GroupEncoder();
    encodeBatch(encoder, [put("kept", "1")], undefined, undefined, 7, NOW);
    encoder.endBatch();
    const bytes = encoder.bytes;
    const told = refusal(() => encodeBatch(encoder, operations as Operation[], undefined, undefined, 8, NOW));
    expect(told).toEqual(refusal(() => encodeOperations(operations as Operation[], NOW)));
    expect(told).toHaveProperty("code");
    expect([encoder.bytes, encoder.operationCount]).toEqual([bytes, 1]);
  });
});

test("a batch whose keys and values just fit is taken, though its frame is longer", () => {
  const half = "x".repeat(limits.batchBytesMax / 2 - 1);
  const encoder = new GroupEncoder();
  encodeBatch(encoder, [put("a", half), put("b", half)], undefined, undefined, 8, NOW);
  encoder.endBatch();
  expect(encoder.bytes).toBeGreaterThan(limits.batchBytesMax);
  expect(encoder.operationCount).toBe(2);
});

test("the clock is read once, and only for relative times", () => {
  let readings = 0;
  const clock = () => 1_000_000 + readings++;
  const encoder = new GroupEncoder();
  encodeBatch(encoder, [put("a", "1"), put("b", "2", 5)], undefined, undefined, 8, clock);
  encoder.endBatch();
  expect(readings).toBe(0);
  const relative = ["a", "b"].map((key): Operation => ({ op: "put", key, value: "", timestamp: "now" }));
  expect(encodeBatch(encoder, relative, undefined, undefined, 8, clock)).toEqual({
    timestamp: 1_000_000,
    assigns: false,
  });
  expect(readings).toBe(1);
});

test("the timestamp told is the last one, or the assigned one where any was assigned", () => {
  const encoder = new GroupEncoder();
  const told = (...operations: Operation[]) => {
    const timestamps = encodeBatch(encoder, operations, undefined, undefined, 8, NOW);
    encoder.endBatch();
    return timestamps;
  };
  expect(told(put("a", "1", 3), put("b", "2", 2))).toEqual({ timestamp: 2, assigns: false });
  expect(told(put("a", "1"), put("b", "2", 2))).toEqual({ timestamp: 8, assigns: true });
});
