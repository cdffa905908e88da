import { describe, expect, test } from "vitest";
import { KeyBuffer } from "../format/key-buffer.ts";
import { joinWords } from "../format/version-record.ts";
import { GroupEncoder } from "./group-encoder.ts";
import { OperationCursor } from "./operation-cursor.ts";

const KEY = new KeyBuffer();

interface Written {
  readonly key: string;
  readonly value: string;
  /** Left to the store where it is undefined. */
  readonly timestamp?: number;
}

/** A batch with a request id, to which `assigned` was assigned; its fingerprint. */
function batch(encoder: GroupEncoder, writes: readonly Written[], assigned: number, seed = 0): string {
  encoder.beginBatch("request", 77);
  for (const { key, value, timestamp } of writes) {
    KEY.set(key);
    encoder.appendPut(KEY, value, timestamp ?? assigned, timestamp === undefined ? 2 ** 52 : undefined);
  }
  const assigns = writes.some(({ timestamp }) => timestamp === undefined);
  encoder.answer(5, assigns ? assigned : undefined, seed);
  encoder.endBatch();
  return `${encoder.fingerprintHi} ${encoder.fingerprintLo}`;
}

describe("the fingerprint of a write", () => {
  const writes = [
    { key: "a", value: "1" },
    { key: "bc", value: "a longer value", timestamp: 1 },
  ];

  test("is the same whatever timestamp is assigned, and wherever the batch lies", () => {
    const encoder = new GroupEncoder();
    const all = [2 ** 45, 2 ** 45 + 1, 9, 2 ** 32].map((assigned) => batch(encoder, writes, assigned));
    expect(new Set(all).size).toBe(1);
  });

  test("is another for other content", () => {
    const encoder = new GroupEncoder();
    const others = [
      writes,
      [{ key: "a", value: "1", timestamp: 1000 }, writes[1]!],
      [{ key: "a", value: "2" }, writes[1]!],
      [{ key: "A", value: "1" }, writes[1]!],
      [writes[1]!, writes[0]!],
      [writes[0]!],
      [writes[0]!, { ...writes[1]!, timestamp: 2 }],
    ].map((other) => batch(encoder, other, 1000));
    expect(new Set([...others, batch(encoder, writes, 1000, 17)]).size).toBe(8);
  });

  test("is found in the log, with the moment and the answer; the operations are as they were", () => {
    const encoder = new GroupEncoder();
    const fingerprint = batch(encoder, writes, 1000);
    KEY.set("conditional");
    encoder.beginBatch(undefined, 88);
    encoder.appendDelete(KEY, 3);
    encoder.endBatch();
    const cursor = new OperationCursor().open(encoder);
    cursor.next();
    const { i32, answerWord, momentWord } = cursor;
    expect(`${i32[answerWord]} ${i32[answerWord + 1]}`).toBe(fingerprint);
    expect(joinWords(i32[answerWord + 2]!, i32[answerWord + 3]!)).toBe(5);
    expect(joinWords(i32[momentWord]!, i32[momentWord + 1]!)).toBe(77);
    expect(joinWords(cursor.tsHi, cursor.tsLo)).toBe(1000);
    cursor.next();
    expect(joinWords(cursor.tsHi, cursor.tsLo)).toBe(1);
    cursor.next();
    expect([cursor.requestLength, cursor.answerWord]).toEqual([0, 0]);
    expect(joinWords(i32[cursor.momentWord]!, i32[cursor.momentWord + 1]!)).toBe(88);
    expect(cursor.next()).toBe(false);
  });
});
