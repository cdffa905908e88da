import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  DeleteRequestSchema,
  FieldReader,
  GetRequestSchema,
  GetResponseSchema,
  ListVersionsRequestSchema,
  ListVersionsResponseSchema,
  PutRequestSchema,
  PutResponseSchema,
  ScanRequestSchema,
  unusualMessage,
  WriteRequestSchema,
} from "@kvts/api";
import { utf8 } from "@kvts/common";
import { expect, test } from "vitest";
import {
  type PipelinedMethod,
  type PipelinedOutcome,
  pipelinedDelete,
  pipelinedGet,
  pipelinedListVersions,
  pipelinedPut,
  pipelinedScan,
  pipelinedWrite,
} from "./pipelined-methods.ts";

const key = utf8("k");
const value = new Uint8Array(300).fill(1);
const far = Number.MAX_SAFE_INTEGER;

/** What the library reads of a request that was written by hand. */
function sent<Q, A, D extends DescMessage>(method: PipelinedMethod<Q, A>, schema: D, request: Q) {
  const target = Buffer.alloc(method.bytes(request) + 2, 0xff);
  expect(method.put(target, 1, request)).toBe(target.length - 1);
  const message = fromBinary(schema, new Uint8Array(target.subarray(1, -1)));
  expect(message.$unknown).toBeUndefined();
  return message;
}

const expected = <D extends DescMessage>(schema: D, fields: MessageInitShape<D>) =>
  fromBinary(schema, toBinary(schema, create(schema, fields)));

test("writes are sent as the library reads them", () => {
  const operation = { op: "put", key, value, timestamp: 0, expiresAt: far } as const;
  expect(
    sent(pipelinedPut, PutRequestSchema, { operation, condition: { kind: "ifSeq", seq: 0 }, requestId: "ü" }),
  ).toEqual(
    expected(PutRequestSchema, {
      ...{ key, value, timestamp: 0n, expiresAt: BigInt(far), requestId: "ü" },
      condition: { kind: { case: "ifSeq", value: 0n } },
    }),
  );
  const bare = { op: "delete", key, value: undefined, timestamp: undefined, expiresAt: undefined } as const;
  expect(
    sent(pipelinedDelete, DeleteRequestSchema, {
      operation: { ...bare, timestamp: 5 },
      condition: { kind: "ifAbsent" },
      requestId: undefined,
    }),
  ).toEqual(
    expected(DeleteRequestSchema, { key, timestamp: 5n, condition: { kind: { case: "ifAbsent", value: true } } }),
  );
  expect(
    sent(pipelinedWrite, WriteRequestSchema, {
      operations: [
        operation,
        bare,
        { ...bare, op: "retract", timestamp: 3 },
        { ...operation, value: new Uint8Array() },
        { op: "deleteRange", range: { start: key, end: undefined }, timestamp: 8 },
        { op: "deleteRange", range: { start: key, end: key }, timestamp: undefined },
      ],
      preconditions: [{ key, condition: { kind: "ifTimestamp", timestamp: 9 } }],
      requestId: "id",
    }),
  ).toEqual(
    expected(WriteRequestSchema, {
      operations: [
        { kind: { case: "put", value: { key, value, timestamp: 0n, expiresAt: BigInt(far) } } },
        { kind: { case: "delete", value: { key } } },
        { kind: { case: "retract", value: { key, timestamp: 3n } } },
        { kind: { case: "put", value: { key, value: new Uint8Array(), timestamp: 0n, expiresAt: BigInt(far) } } },
        { kind: { case: "deleteRange", value: { range: { start: key }, timestamp: 8n } } },
        { kind: { case: "deleteRange", value: { range: { start: key, end: key } } } },
      ],
      preconditions: [{ key, condition: { kind: { case: "ifTimestamp", value: 9n } } }],
      requestId: "id",
    }),
  );
});

test("reads are sent as the library reads them", () => {
  expect(sent(pipelinedGet, GetRequestSchema, { key, asOf: undefined, snapshot: undefined })).toEqual(
    expected(GetRequestSchema, { key }),
  );
  expect(sent(pipelinedGet, GetRequestSchema, { key, asOf: 0, snapshot: "s" })).toEqual(
    expected(GetRequestSchema, { key, asOf: 0n, snapshot: "s" }),
  );
  const page = { pageSize: 256, pageToken: "t", snapshot: "s" };
  expect(
    sent(pipelinedListVersions, ListVersionsRequestSchema, { key, from: 0, to: far, reverse: true, ...page }),
  ).toEqual(expected(ListVersionsRequestSchema, { key, from: 0n, to: BigInt(far), reverse: true, ...page }));
  const range = { start: key, end: utf8("kk") };
  expect(
    sent(pipelinedScan, ScanRequestSchema, { range, asOf: 7, reverse: true, includeDeleted: true, ...page }),
  ).toEqual(expected(ScanRequestSchema, { range, asOf: 7n, reverse: true, includeDeleted: true, ...page }));
});

test.each<[string, PipelinedMethod<never, unknown>, DescMessage, PipelinedOutcome]>([
  [
    "a put",
    pipelinedPut,
    PutResponseSchema,
    { case: "put", value: create(PutResponseSchema, { timestamp: 5n, seq: 6n }) },
  ],
  ["a get of nothing", pipelinedGet, GetResponseSchema, { case: "get", value: create(GetResponseSchema, {}) }],
  [
    "a get",
    pipelinedGet,
    GetResponseSchema,
    {
      case: "get",
      value: create(GetResponseSchema, { version: { key, value, timestamp: 5n, seq: 6n, expiresAt: 0n } }),
    },
  ],
  [
    "a page",
    pipelinedListVersions,
    ListVersionsResponseSchema,
    {
      case: "listVersions",
      value: create(ListVersionsResponseSchema, {
        versions: [
          { key, value, timestamp: 5n, seq: 6n },
          { key, timestamp: 4n, seq: 3n, deleted: true },
        ],
        nextPageToken: "t",
        seq: 9n,
      }),
    },
  ],
])("the answer to %s is read by hand as the library reads it", (_what, method, schema, outcome) => {
  const bytes = toBinary(schema, outcome.value);
  expect(method.read(new FieldReader(bytes), bytes.length)).toEqual(method.from(outcome));
  for (let length = 1; length < bytes.length; length++) {
    // Whatever is read of an answer that was cut short, it is never taken for the whole one.
    const reader = new FieldReader(bytes.subarray(0, length));
    let read: unknown = unusualMessage;
    try {
      read = method.read(reader, length);
    } catch (error) {
      expect(error).toBe(unusualMessage);
    }
    expect(read).not.toEqual(method.from(outcome));
  }
});

test("an answer to another method is told as what it is", () => {
  const outcome: PipelinedOutcome = { case: "put", value: create(PutResponseSchema, {}) };
  expect(() => pipelinedGet.from(outcome)).toThrow("a get was answered as a put");
});
