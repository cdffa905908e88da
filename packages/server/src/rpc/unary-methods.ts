import type { DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { fromBinary } from "@bufbuild/protobuf";
import { FieldReader, KvService, unusualMessage, type Version } from "@kvts/api";
import type { WriteResult } from "@kvts/common";
import type { BatchGetRequest, DiffRequest, StoredChange, StoredEntry, StoredVersion } from "../service/lists.ts";
import type { Page } from "../service/page.ts";
import { type AnswerWriter, batchGetAnswer, entryAnswer, versionsAnswer, writtenAnswer } from "./answers.ts";
import type { UnaryCall } from "./call.ts";
import { conditionIn, preconditionsIn } from "./conditions.ts";
import type { RpcErrorContext } from "./errors.ts";
import { textIn, timestampIn, written } from "./numbers.ts";
import { operationsIn, rangeIn, valueIn } from "./operations.ts";
import { commitsIn, pageIn, pageOut, viewIn } from "./reads.ts";
import {
  type DeleteAsked,
  type GetAsked,
  type PutAsked,
  type RequestReader,
  readDelete,
  readGet,
  readListVersions,
  readPut,
  readWrite,
  type ScanAsked,
  type VersionsAsked,
  type WriteAsked,
} from "./requests.ts";
import { batchItemOut, batchItemSizes, changeOut, changeSizes, versionOut, versionSizes } from "./versions.ts";

/** A method whose calls are one request and one answer, free of how they travel. */
export interface UnaryMethod<M extends DescMethodUnary = DescMethodUnary, A = unknown, R = unknown> {
  readonly method: M;
  readonly kind: RpcErrorContext["call"];
  /** What a request asks for. @throws INVALID_ARGUMENT */
  asked(request: MessageShape<M["input"]>): A;
  /** The same from the request's bytes, where there is a shorter way than over the message. */
  readonly read?: RequestReader<A>;
  run(asked: A, call: UnaryCall): Promise<R>;
  /** The result as the method's message. */
  message(result: R): MessageInitShape<M["output"]>;
  /** The same as bytes, where there is a shorter way than over the message. */
  readonly answer?: AnswerWriter<R>;
}

type Kv = typeof KvService.method;

/** The methods that nearly all calls are of: Connect serves them, and so does the fast path. */
export interface UnaryMethods {
  readonly put: UnaryMethod<Kv["put"], PutAsked, WriteResult>;
  readonly delete: UnaryMethod<Kv["delete"], DeleteAsked, WriteResult>;
  readonly write: UnaryMethod<Kv["write"], WriteAsked, WriteResult>;
  readonly get: UnaryMethod<Kv["get"], GetAsked, StoredEntry | undefined>;
  readonly batchGet: UnaryMethod<Kv["batchGet"], Omit<BatchGetRequest, "signal">, Page<StoredEntry | undefined>>;
  readonly listVersions: UnaryMethod<Kv["listVersions"], VersionsAsked, Page<StoredVersion>>;
  readonly scan: UnaryMethod<Kv["scan"], ScanAsked, Page<StoredVersion>>;
  readonly diff: UnaryMethod<Kv["diff"], Omit<DiffRequest, "signal">, Page<StoredChange>>;
}

const writing = { kind: "write", message: written, answer: writtenAnswer } as const;
const versions = { kind: "read", answer: versionsAnswer, message: versionsOut } as const;

export const unaryMethods: UnaryMethods = {
  put: {
    ...writing,
    method: KvService.method.put,
    asked: ({ key, value, timestamp, expiresAt, requestId, condition }) => ({
      key,
      value: valueIn(value),
      timestamp: timestampIn(timestamp, "timestamp"),
      expiresAt: timestampIn(expiresAt, "expires_at"),
      requestId: textIn(requestId),
      condition: conditionIn(condition),
    }),
    read: readPut,
    run: ({ key, value, timestamp, expiresAt, requestId, condition }, { service, signal }) =>
      service.put(key, value, { timestamp, expiresAt, requestId, signal, ...condition }),
  },
  delete: {
    ...writing,
    method: KvService.method.delete,
    asked: ({ key, timestamp, requestId, condition }) => ({
      key,
      timestamp: timestampIn(timestamp, "timestamp"),
      requestId: textIn(requestId),
      condition: conditionIn(condition),
    }),
    read: readDelete,
    run: ({ key, timestamp, requestId, condition }, { service, signal }) =>
      service.delete(key, { timestamp, requestId, signal, ...condition }),
  },
  write: {
    ...writing,
    method: KvService.method.write,
    asked: ({ operations, preconditions, requestId }) => ({
      operations: operationsIn(operations),
      preconditions: preconditionsIn(preconditions),
      requestId: textIn(requestId),
    }),
    read: readWrite,
    run: ({ operations, preconditions, requestId }, { service, signal }) =>
      service.write(operations, { preconditions, requestId, signal }),
  },
  get: {
    method: KvService.method.get,
    kind: "read",
    asked: (request) => ({ key: request.key, ...viewIn(request) }),
    read: readGet,
    run: ({ key, asOf, atSeq, snapshot }, { service, signal }) => service.get({ key, asOf, atSeq, snapshot, signal }),
    message: (entry) => (entry === undefined ? {} : { version: versionOut(entry) }),
    answer: entryAnswer,
  },
  batchGet: {
    method: KvService.method.batchGet,
    kind: "read",
    asked: (request) => ({ keys: request.keys, ...viewIn(request), ...pageIn(request) }),
    run: (asked, { service, signal, encoding }) => service.batchGet({ ...asked, signal }, batchItemSizes(encoding)),
    message: (page) => pageOut(page, batchItemOut),
    answer: batchGetAnswer,
  },
  listVersions: {
    ...versions,
    method: KvService.method.listVersions,
    asked: (request) => ({
      key: request.key,
      from: timestampIn(request.from, "from"),
      to: timestampIn(request.to, "to"),
      ...commitsIn(request),
      reverse: request.reverse,
      ...pageIn(request),
    }),
    read: readListVersions,
    run: (asked, { service, signal, encoding }) => service.versions({ ...asked, signal }, versionSizes(encoding)),
  },
  scan: {
    ...versions,
    method: KvService.method.scan,
    asked: (request) => {
      const { reverse, includeDeleted } = request;
      return { range: rangeIn(request.range), reverse, includeDeleted, ...viewIn(request), ...pageIn(request) };
    },
    run: (asked, { service, signal, encoding }) => service.scan({ ...asked, signal }, versionSizes(encoding)),
  },
  diff: {
    method: KvService.method.diff,
    kind: "read",
    asked: (request) => ({
      range: rangeIn(request.range),
      from: timestampIn(request.from, "from"),
      to: timestampIn(request.to, "to"),
      ...commitsIn(request),
      ...pageIn(request),
    }),
    run: (asked, { service, signal, encoding }) => service.diff({ ...asked, signal }, changeSizes(encoding)),
    message: (page) => {
      const { items: changes, ...rest } = pageOut(page, changeOut);
      return { changes, ...rest };
    },
  },
};

function versionsOut(page: Page<StoredVersion>): { versions: Version[]; nextPageToken: string; seq: bigint } {
  const { items, ...rest } = pageOut(page, versionOut);
  return { versions: items, ...rest };
}

/**
 * What the bytes of a request ask for.
 * @throws INVALID_ARGUMENT; and as protobuf's library does, for what is no message of the method
 */
export function readRequest<M extends DescMethodUnary, A, R>(
  { method, read, asked }: UnaryMethod<M, A, R>,
  bytes: Uint8Array,
): A {
  if (read !== undefined) {
    try {
      return read(new FieldReader(bytes));
    } catch (error) {
      if (error !== unusualMessage) throw error;
    }
  }
  return asked(fromBinary(method.input, bytes) as MessageShape<M["input"]>);
}
