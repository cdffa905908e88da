import { limits } from "@kvts/common";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { KeyBuffer } from "../format/key-buffer.ts";
import { encodeBatch, type LoggedBatch, type LoggedOperation, readBatches } from "../testing/log-records.ts";
import { FRAME_HEADER_BYTES, frameSeed } from "./format.ts";
import type { FramePlace } from "./frame.ts";
import { GroupEncoder } from "./group-encoder.ts";
import { OperationCursor } from "./operation-cursor.ts";

const place: FramePlace = { segment: 7, durableSegment: 5, durableOffset: 4096, seed: frameSeed("ab".repeat(16)) };
const text = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 40,
});
const time = fc.maxSafeNat();

const operation: fc.Arbitrary<LoggedOperation> = fc.oneof(
  fc.record({ kind: fc.constant("put" as const), key: key(), value: text, timestamp: time }),
  fc.record({ kind: fc.constant("put" as const), key: key(), value: text, timestamp: time, expiresAt: time }),
  fc.record({ kind: fc.constantFrom("delete" as const, "retract" as const), key: key(), timestamp: time }),
);

const batch: fc.Arbitrary<LoggedBatch> = fc.oneof(
  fc.record({ operations: fc.array(operation, { minLength: 1, maxLength: 6 }) }),
  fc.record({
    requestId: fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 128 }),
    operations: fc.array(operation, { minLength: 1, maxLength: 6 }),
  }),
);

function key(): fc.Arbitrary<string> {
  return text.filter((bytes) => bytes.length > 0);
}

function keyOf(text: string): KeyBuffer {
  const key = new KeyBuffer();
  key.set(text);
  return key;
}

/** The value of the only operation that `append` adds. */
function valueAfter(append: (encoder: GroupEncoder) => void): Uint8Array {
  const encoder = new GroupEncoder();
  encoder.beginBatch();
  append(encoder);
  encoder.endBatch();
  encoder.seal(place, 1);
  const cursor = new OperationCursor().open(encoder);
  expect(cursor.next()).toBe(true);
  const value = cursor.u8.slice(cursor.valueWord * 4, cursor.valueWord * 4 + cursor.valueLength);
  expect(cursor.next()).toBe(false);
  return value;
}

describe("a group", () => {
  test("gives back what was put into it, with consecutive seqs", () => {
    const encoder = new GroupEncoder();
    fc.assert(
      fc.property(fc.array(batch, { minLength: 1, maxLength: 8 }), time, (batches, seq) => {
        const firstSeq = Math.min(seq, Number.MAX_SAFE_INTEGER - 100);
        encoder.reset();
        for (const one of batches) encodeBatch(encoder, one);
        expect(encoder.bytes % 8).toBe(0);
        const frame = encoder.seal(place, firstSeq);
        expect(frame.length).toBe(encoder.bytes);
        const read = readBatches(encoder);
        expect(read.batches).toEqual(batches);
        expect(read.seqs).toEqual(batches.flatMap((one) => one.operations).map((_, index) => firstSeq + index));
      }),
    );
  });

  test("forgets a discarded batch, also one that failed half-way", () => {
    const encoder = new GroupEncoder();
    encodeBatch(encoder, { operations: [{ kind: "put", key: "a", value: "1", timestamp: 1 }] });
    const before = encoder.bytes;
    encoder.beginBatch("gone");
    encoder.appendPut(keyOf("b"), "x".repeat(1000), 1, undefined);
    expect(() => encoder.appendPut(keyOf("c"), "lone \ud800", 1, undefined)).toThrow(/lone surrogate/);
    encoder.discardBatch();
    expect(encoder.bytes).toBe(before);
    encodeBatch(encoder, { operations: [{ kind: "delete", key: "d", timestamp: 2 }] });
    encoder.seal(place, 10);
    expect(readBatches(encoder).batches.flatMap(({ operations }) => operations.map(({ key }) => key))).toEqual([
      "a",
      "d",
    ]);
  });

  test("is the same bytes whatever was in the memory before", () => {
    const frame = (encoder: GroupEncoder) => {
      encoder.reset();
      encodeBatch(encoder, { requestId: "r", operations: [{ kind: "put", key: "abcde", value: "xyz", timestamp: 3 }] });
      return [...encoder.seal(place, 1)];
    };
    const used = new GroupEncoder();
    encodeBatch(used, { operations: [{ kind: "put", key: "ÿ".repeat(100), value: "ÿ".repeat(1000), timestamp: 9 }] });
    used.seal(place, 1);
    expect(frame(used)).toEqual(frame(new GroupEncoder()));
  });

  test("does not keep the memory of a large value", () => {
    const encoder = new GroupEncoder();
    encoder.beginBatch();
    encoder.appendPut(keyOf("a"), new Uint8Array(5_000_000), 1, undefined);
    encoder.endBatch();
    expect(encoder.u8.length).toBeGreaterThan(5_000_000);
    encoder.reset();
    expect(encoder.u8.length).toBeLessThan(100_000);
    expect(encoder.bytes).toBe(FRAME_HEADER_BYTES);
  });

  test("refuses misuse by name", () => {
    const encoder = new GroupEncoder();
    expect(() => encoder.seal(place, 1)).toThrow(/W6/);
    expect(() => encoder.appendDelete(keyOf("a"), 1)).toThrow(/W7/);
    expect(() => encoder.endBatch()).toThrow(/W3/);
    encoder.beginBatch();
    expect(() => encoder.beginBatch()).toThrow(/W1/);
    expect(() => encoder.endBatch()).toThrow(/W3/);
  });
});

describe("a text value", () => {
  test("is stored as UTF-8, whatever its length and characters", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (value) => {
        expect(valueAfter((encoder) => encoder.appendPut(keyOf("k"), value, 1, undefined))).toEqual(
          new Uint8Array(Buffer.from(value)),
        );
      }),
    );
  });

  test.each([0, 1, 47, 48, 49, 100, 65_536, 1_000_000])("of %d characters is whole", (length) => {
    for (const unit of ["a", "é", "漢", "😀"]) {
      const value = unit.repeat(length);
      const bytes = valueAfter((encoder) => encoder.appendPut(keyOf("k"), value, 1, 5));
      expect(Buffer.compare(bytes, Buffer.from(value))).toBe(0);
    }
  });

  test("may have the greatest length, and no byte more", () => {
    const value = "é".repeat(limits.valueBytesMax / 2);
    expect(valueAfter((encoder) => encoder.appendPut(keyOf("k"), value, 1, undefined))).toHaveLength(
      limits.valueBytesMax,
    );
    const encoder = new GroupEncoder();
    encoder.beginBatch();
    expect(() => encoder.appendPut(keyOf("k"), `${value}x`, 1, undefined)).toThrow(/at most/);
    expect(() => encoder.appendPut(keyOf("k"), new Uint8Array(limits.valueBytesMax + 1), 1, undefined)).toThrow(
      /at most/,
    );
    encoder.discardBatch();
  });

  test("with a lone surrogate is refused", () => {
    const encoder = new GroupEncoder();
    encoder.beginBatch();
    for (const value of ["\udfff", `${"a".repeat(60)}\ud800`]) {
      expect(() => encoder.appendPut(keyOf("k"), value, 1, undefined)).toThrow(/lone surrogate/);
    }
  });
});
