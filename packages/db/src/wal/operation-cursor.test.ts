import { isKvtsError, type KvtsError } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { META_EXTENT } from "../format/version-record.ts";
import { encodeBatch, type LoggedBatch } from "../testing/log-records.ts";
import { Random } from "../testing/random.ts";
import { frameSeed } from "./format.ts";
import type { Frame } from "./frame.ts";
import { GroupEncoder } from "./group-encoder.ts";
import { OperationCursor } from "./operation-cursor.ts";

const batches: LoggedBatch[] = [
  { requestId: "request", operations: [{ kind: "put", key: "abcde", value: "xyz", timestamp: 3, expiresAt: 9 }] },
  {
    operations: [
      { kind: "delete", key: "b", timestamp: 4 },
      { kind: "put", key: "c", value: "value", timestamp: 5 },
    ],
  },
];

/** A sealed frame, to be damaged with its checksums as they would be had it been written so. */
function frame(): Frame & { operationCount: number } {
  const encoder = new GroupEncoder();
  for (const batch of batches) encodeBatch(encoder, batch);
  encoder.seal({ segment: 1, durableSegment: 0, durableOffset: 0, seed: frameSeed("00".repeat(16)) }, 1);
  const { i32, u8, firstWord, operationCount } = encoder;
  const endWord = encoder.bytes / 4;
  return { i32, u8, firstWord, endWord, operationCount, firstSeq: 1, file: "d/000001.log", payloadOffset: 88 };
}

function walk(damaged: Frame): unknown {
  const cursor = new OperationCursor().open(damaged);
  try {
    while (cursor.next());
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Words of the frame above, from the first batch on. */
const BATCH = 0;
const REQUEST_END = 2;
const OPERATION = 3;
const KEY_END = 8;

describe("the cursor over a frame that claims to be whole", () => {
  test("finds nothing wrong with one that is", () => {
    expect(walk(frame())).toBeUndefined();
  });

  test.each([
    ["an extent", OPERATION, (word: number) => word | META_EXTENT, /points at an extent/],
    ["a delete with a value", OPERATION, (word: number) => (word & ~7) | 1, /without a value has one/],
    ["a value beyond the limit", OPERATION, () => -32, /value has an impossible length/],
    ["a value beyond the frame", OPERATION, () => 1000 << 5, /reaches beyond its frame/],
    ["an empty key", OPERATION + 1, () => 0, /impossible length/],
    ["a key of negative length", OPERATION + 1, () => -1, /impossible length/],
    ["a key beyond the frame", OPERATION + 1, () => 60_000, /reaches beyond its frame/],
    ["a timestamp out of range", OPERATION + 2, () => 0x200000, /timestamp is out of range/],
    ["a negative timestamp", OPERATION + 2, () => -1, /timestamp is out of range/],
    ["an expiry out of range", KEY_END + 1, () => -1, /expiry is out of range/],
    ["bytes in a key's padding", KEY_END, (word: number) => word | 0x100, /padding is not zero/],
    ["bytes in a request id's padding", REQUEST_END, (word: number) => word | 0x1000000, /padding is not zero/],
    ["a batch of nothing", BATCH, (word: number) => word & ~0xffff, /count of operations/],
    ["a batch of more than the frame", BATCH, (word: number) => word | 0xff, /count of operations/],
    ["a request id beyond the limit", BATCH, (word: number) => word | 0xff0000, /request id/],
  ])("refuses %s", (_what, word, change, message) => {
    const damaged = frame();
    const at = damaged.firstWord + word;
    damaged.i32[at] = change(damaged.i32[at]!);
    const error = walk(damaged);
    expect(isKvtsError(error, "CORRUPTION")).toBe(true);
    expect((error as Error).message).toMatch(message);
    expect(error).toMatchObject({ details: { file: "d/000001.log", offset: expect.any(Number) } });
  });

  test.each([
    ["flags of a batch", BATCH, (word: number) => word | 0x04000000, "a batch with other flags at byte 88"],
    ["an unknown kind", OPERATION, (word: number) => (word & ~7) | 5, "an operation of kind 5"],
  ])("takes %s for the work of a newer version, which is no damage", (_what, word, change, what) => {
    const newer = frame();
    newer.i32[newer.firstWord + word] = change(newer.i32[newer.firstWord + word]!);
    expect(walk(newer)).toMatchObject({
      code: "UNIMPLEMENTED",
      message: expect.stringContaining(what),
      details: { file: "d/000001.log", offset: expect.any(Number) },
    });
  });

  test("refuses a count of operations that is not the frame's", () => {
    for (const operationCount of [2, 4, 1_000_000]) {
      expect(isKvtsError(walk({ ...frame(), operationCount }), "CORRUPTION")).toBe(true);
    }
  });

  test("refuses a frame that is cut off anywhere", () => {
    const whole = frame();
    const content = whole.endWord - (whole.i32[whole.endWord - 1] === 0 ? 1 : 0);
    for (let endWord = whole.firstWord; endWord < content; endWord++) {
      expect(isKvtsError(walk({ ...whole, endWord }), "CORRUPTION")).toBe(true);
    }
  });

  test("survives anything: data, CORRUPTION or what a newer version might have meant, never another error", () => {
    const random = new Random(20);
    for (let round = 0; round < 20_000; round++) {
      const damaged = frame();
      const flips = random.between(1, 4);
      for (let i = 0; i < flips; i++) {
        damaged.u8[random.between(damaged.firstWord * 4, damaged.endWord * 4 - 1)]! ^= 1 << random.below(8);
      }
      const error = walk(damaged);
      if (error !== undefined) expect(["CORRUPTION", "UNIMPLEMENTED"]).toContain((error as KvtsError).code);
    }
  });
});
