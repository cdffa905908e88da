import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { GetRequestSchema } from "../gen/kvts/v1/kv_pb.ts";
import { VersionSchema } from "../gen/kvts/v1/types_pb.ts";
import { FieldReader, unusualMessage } from "./reader.ts";
import { type PlainVersion, putVersion, readVersion, versionBytes } from "./versions.ts";
import { numberBytes, putNumber, tagOf } from "./writer.ts";

/** Where a number's bytes in a varint change in count, and where bit operations would go wrong. */
const edges = Array.from({ length: 53 }, (_, bit) => [2 ** bit - 1, 2 ** bit, 2 ** bit + 1])
  .flat()
  .filter(Number.isSafeInteger)
  .concat(Number.MAX_SAFE_INTEGER);

test("numbers are read as they were written, and take as many bytes as was said", () => {
  for (const number of edges) {
    const bytes = new Uint8Array(numberBytes(number));
    expect(putNumber(bytes, 0, number)).toBe(bytes.length);
    expect(new FieldReader(bytes).number()).toBe(number);
  }
});

test.each([
  ["beyond 2^53 - 1", toBinary(GetRequestSchema, create(GetRequestSchema, { asOf: 2n ** 53n })).subarray(1)],
  ["below 0", toBinary(GetRequestSchema, create(GetRequestSchema, { asOf: -1n })).subarray(1)],
  ["cut short", Uint8Array.of(0x80, 0x80)],
  ["of no bytes", new Uint8Array()],
])("a number %s is unusual", (_what, bytes) => {
  expect(() => new FieldReader(bytes).number()).toThrow(unusualMessage);
});

test("bytes that reach beyond the end, and text beyond ASCII, are unusual", () => {
  expect(() => new FieldReader(Uint8Array.of(3, 1, 2)).view()).toThrow(unusualMessage);
  // The bytes are there, but belong to somebody else.
  expect(() => new FieldReader(Uint8Array.of(2, 1, 2), 0, 2).view()).toThrow(unusualMessage);
  expect(() => new FieldReader(Uint8Array.of(1, 0xc3)).text()).toThrow(unusualMessage);
  expect(new FieldReader(Uint8Array.of(2, 0x6b, 0x31)).text()).toBe("k1");
});

const key = Uint8Array.of(107);
const versions: PlainVersion[] = [0, 1, 127, 128, 16_384, 70_000].flatMap((length) => [
  { key, value: new Uint8Array(length).fill(7), timestamp: 2 ** 50 + 5, seq: 300, expiresAt: 2 ** 51 },
  { key: new Uint8Array(Math.min(length + 1, 65_535)), value: new Uint8Array(length), timestamp: 0, seq: 1 },
  { key, timestamp: length, seq: length },
]);

test("versions are written as the library reads them, and read as it writes them", () => {
  for (const version of versions) {
    const bytes = new Uint8Array(versionBytes(version));
    expect(putVersion(bytes, 0, version)).toBe(bytes.length);
    const message = fromBinary(VersionSchema, bytes);
    expect(message).toMatchObject({
      timestamp: BigInt(version.timestamp),
      seq: BigInt(version.seq),
      deleted: version.value === undefined,
    });
    expect(message.expiresAt).toBe(version.expiresAt === undefined ? undefined : BigInt(version.expiresAt));
    const theirs = toBinary(VersionSchema, message);
    const read = readVersion(new FieldReader(theirs), theirs.length);
    expect({ ...read, key: undefined, value: undefined }).toEqual({
      expiresAt: undefined,
      ...version,
      key: undefined,
      value: undefined,
    });
    expect(Buffer.compare(read.key, version.key)).toBe(0);
    expect(Buffer.compare(read.value ?? new Uint8Array(), version.value ?? new Uint8Array())).toBe(0);
    expect(read.value === undefined).toBe(version.value === undefined);
  }
});

test("a version that is neither a value nor a tombstone, or has a field that is not known, is unusual", () => {
  for (const bytes of [Uint8Array.of(tagOf(1, 2), 1, 107), Uint8Array.of(tagOf(6, 0), 1, tagOf(7, 0), 1)]) {
    expect(() => readVersion(new FieldReader(bytes), bytes.length)).toThrow(unusualMessage);
  }
});
