import { fromBinary } from "@bufbuild/protobuf";
import { GetResponseSchema, PutResponseSchema } from "@kvts/api";
import { makeEntry, utf8 } from "@kvts/common";
import { expect, test } from "vitest";
import { entryAnswer, envelope, enveloped, envelopeHeadBytes, writtenAnswer } from "./answers.ts";

/** Where a number's bytes in a varint change in count, and where bit operations would go wrong. */
const edges = Array.from({ length: 53 }, (_, bit) => [2 ** bit - 1, 2 ** bit, 2 ** bit + 1])
  .flat()
  .filter(Number.isSafeInteger)
  .concat(Number.MAX_SAFE_INTEGER);

/** The message in an envelope that is checked to be whole. */
function unwrapped(framed: Buffer): Uint8Array {
  expect(framed[0]).toBe(0);
  expect(framed.readUInt32BE(1)).toBe(framed.length - envelopeHeadBytes);
  return framed.subarray(envelopeHeadBytes);
}

test("what a write was committed as is read as it was written", () => {
  for (const timestamp of edges) {
    for (const seq of [1, timestamp]) {
      const { $unknown, ...read } = fromBinary(
        PutResponseSchema,
        unwrapped(enveloped(writtenAnswer, { timestamp, seq })),
      );
      expect($unknown).toBeUndefined();
      expect(read).toMatchObject({ timestamp: BigInt(timestamp), seq: BigInt(seq) });
    }
  }
});

test("an entry is read as it was written, with lengths of every size", () => {
  for (const length of [0, 1, 127, 128, 16_383, 16_384, 70_000]) {
    for (const expiresAt of [undefined, 2 ** 40 + 1]) {
      const key = utf8("k".repeat(Math.max(1, Math.min(length, 65_535))));
      const value = new Uint8Array(length).fill(7);
      const entry = makeEntry({
        key,
        value,
        timestamp: 2 ** 50 + 5,
        seq: 300,
        ...(expiresAt !== undefined && { expiresAt }),
      });
      const { version } = fromBinary(GetResponseSchema, unwrapped(enveloped(entryAnswer, entry)));
      expect({ ...version, key: undefined, value: undefined }).toMatchObject({
        timestamp: BigInt(2 ** 50 + 5),
        seq: 300n,
        deleted: false,
      });
      expect(version?.expiresAt).toBe(expiresAt === undefined ? undefined : BigInt(expiresAt));
      expect(Buffer.compare(version!.key, key)).toBe(0);
      expect(Buffer.compare(version!.value!, value)).toBe(0);
    }
  }
});

test("an entry with a timestamp of 0 and no bytes has a value all the same", () => {
  const entry = makeEntry({ key: utf8("k"), value: new Uint8Array(), timestamp: 0, seq: 1 });
  const { version } = fromBinary(GetResponseSchema, unwrapped(enveloped(entryAnswer, entry)));
  expect([version?.timestamp, version?.value?.length]).toEqual([0n, 0]);
});

test("nothing is an empty message", () => {
  expect(fromBinary(GetResponseSchema, unwrapped(enveloped(entryAnswer, undefined))).version).toBeUndefined();
  expect(unwrapped(envelope(new Uint8Array()))).toHaveLength(0);
});
