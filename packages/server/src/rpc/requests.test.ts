import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  DeleteRequestSchema,
  FieldReader,
  GetRequestSchema,
  ListVersionsRequestSchema,
  PutRequestSchema,
  unusualMessage,
  WriteRequestSchema,
} from "@kvts/api";
import { utf8 } from "@kvts/common";
import { expect, test } from "vitest";
import { readRequest, type UnaryMethod, unaryMethods } from "./unary-methods.ts";

const key = utf8("k");
const value = utf8("v");
const far = BigInt(Number.MAX_SAFE_INTEGER);
const { put, get, listVersions, write } = unaryMethods;
const remove = unaryMethods.delete;

/** A request that is read by hand, or else by the library. */
function request<M extends UnaryMethod["method"], A, R>(
  method: UnaryMethod<M, A, R>,
  bytes: Uint8Array,
): [UnaryMethod, Uint8Array] {
  return [method as UnaryMethod, bytes];
}
const putOf = (fields: MessageInitShape<typeof PutRequestSchema>) =>
  request(put, toBinary(PutRequestSchema, create(PutRequestSchema, fields)));
const writeOf = (fields: MessageInitShape<typeof WriteRequestSchema>) =>
  request(write, toBinary(WriteRequestSchema, create(WriteRequestSchema, fields)));
const getOf = (fields: MessageInitShape<typeof GetRequestSchema>) =>
  request(get, toBinary(GetRequestSchema, create(GetRequestSchema, fields)));

const usual: [string, [UnaryMethod, Uint8Array]][] = [
  ["a put", putOf({ key, value })],
  [
    "a put of no bytes with all fields",
    putOf({ key, value: new Uint8Array(), timestamp: 0n, expiresAt: far, requestId: "a.1" }),
  ],
  [
    "a delete",
    request(remove, toBinary(DeleteRequestSchema, create(DeleteRequestSchema, { key, timestamp: 7n, requestId: "i" }))),
  ],
  ["a get", getOf({ key })],
  ["a get without a key", getOf({})],
  ["a get with all fields", getOf({ key, asOf: 0n, atSeq: far, snapshot: "s" })],
  [
    "a history with all fields",
    request(
      listVersions,
      toBinary(
        ListVersionsRequestSchema,
        create(ListVersionsRequestSchema, {
          key,
          from: 0n,
          to: far,
          atSeq: 3n,
          reverse: true,
          pageSize: 2 ** 31 - 1,
          pageToken: "t",
          snapshot: "s",
        }),
      ),
    ),
  ],
  ["a batch of nothing", writeOf({})],
  [
    "a batch",
    writeOf({
      requestId: "id",
      operations: [
        { kind: { case: "put", value: { key, value: new Uint8Array(300), timestamp: 0n, expiresAt: 9n } } },
        { kind: { case: "delete", value: { key } } },
        { kind: { case: "put", value: { key, value: new Uint8Array() } } },
        { kind: { case: "delete", value: { key, timestamp: far } } },
      ],
    }),
  ],
];

test.each(usual)("%s is read by hand as the library reads it", (_what, [method, bytes]) => {
  const byHand = method.read!(new FieldReader(bytes));
  // Fields that are absent may be left out or undefined.
  expect(byHand).toEqual(method.asked(fromBinary(method.method.input, bytes)));
});

test.each<[string, [UnaryMethod, Uint8Array]]>([
  ["a put under a condition", putOf({ key, value, condition: { kind: { case: "ifSeq", value: 3n } } })],
  ["a put with a request id beyond ASCII", putOf({ key, value, requestId: "ü" })],
  ["a batch with a retract", writeOf({ operations: [{ kind: { case: "retract", value: { key, timestamp: 3n } } }] })],
  [
    "a batch with a precondition",
    writeOf({ preconditions: [{ key, condition: { kind: { case: "ifAbsent", value: true } } }] }),
  ],
  ["a get with a field that is not known", request(get, Uint8Array.of(0x0a, 1, 107, 0x78, 1))],
])("%s is left to the library", (_what, [method, bytes]) => {
  expect(() => method.read!(new FieldReader(bytes))).toThrow(unusualMessage);
  expect(readRequest(method, bytes)).toEqual(method.asked(fromBinary(method.method.input, bytes)));
});

test.each(usual)("%s cut short anywhere is refused, or read as the library does", (_what, [method, bytes]) => {
  const outcome = (read: () => unknown): unknown => {
    try {
      return read();
    } catch {
      return "refused";
    }
  };
  for (let length = 0; length < bytes.length; length++) {
    // Behind it are bytes of somebody else, as in a frame.
    const cut = bytes.subarray(0, length);
    const theirs = outcome(() => method.asked(fromBinary(method.method.input, cut)));
    expect(outcome(() => readRequest(method, cut))).toEqual(theirs);
  }
});
