import type { DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { type BatchGetItem, KvService } from "@kvts/api";
import type { WriteResult } from "@kvts/common";
import type { StoredEntry } from "../service/lists.ts";
import type { Page } from "../service/page.ts";
import { entryAnswer, writtenAnswer } from "./answers.ts";
import type { RpcCall } from "./call.ts";
import { conditionIn, preconditionsIn } from "./conditions.ts";
import type { RpcErrorContext } from "./errors.ts";
import { textIn, timestampIn, written } from "./numbers.ts";
import { operationsIn, valueIn } from "./operations.ts";
import { pageIn, pageOut, viewIn } from "./reads.ts";
import { batchItemCodec, versionOut } from "./versions.ts";

/** A method whose calls are one request and one answer, free of how they travel. */
export interface UnaryMethod<M extends DescMethodUnary = DescMethodUnary, R = unknown> {
  readonly method: M;
  readonly kind: RpcErrorContext["call"];
  run(request: MessageShape<M["input"]>, call: RpcCall): Promise<R>;
  /** The result as the method's message. */
  message(result: R): MessageInitShape<M["output"]>;
  /** The same in an envelope of gRPC, where there is a shorter way than over the message. */
  readonly answer?: (result: R) => Buffer;
}

type Kv = typeof KvService.method;

/** The methods that nearly all calls are of: Connect serves them, and so does the fast path. */
export interface UnaryMethods {
  readonly put: UnaryMethod<Kv["put"], WriteResult>;
  readonly delete: UnaryMethod<Kv["delete"], WriteResult>;
  readonly write: UnaryMethod<Kv["write"], WriteResult>;
  readonly get: UnaryMethod<Kv["get"], StoredEntry | undefined>;
  readonly batchGet: UnaryMethod<Kv["batchGet"], Page<BatchGetItem>>;
}

const writing = { kind: "write", message: written, answer: writtenAnswer } as const;

export const unaryMethods: UnaryMethods = {
  put: {
    ...writing,
    method: KvService.method.put,
    run: async (request, { service, signal }) =>
      await service.put(request.key, valueIn(request.value), {
        timestamp: timestampIn(request.timestamp, "timestamp"),
        expiresAt: timestampIn(request.expiresAt, "expires_at"),
        ...conditionIn(request.condition),
        requestId: textIn(request.requestId),
        signal,
      }),
  },
  delete: {
    ...writing,
    method: KvService.method.delete,
    run: async (request, { service, signal }) =>
      await service.delete(request.key, {
        timestamp: timestampIn(request.timestamp, "timestamp"),
        ...conditionIn(request.condition),
        requestId: textIn(request.requestId),
        signal,
      }),
  },
  write: {
    ...writing,
    method: KvService.method.write,
    run: async (request, { service, signal }) =>
      await service.write(operationsIn(request.operations), {
        preconditions: preconditionsIn(request.preconditions),
        requestId: textIn(request.requestId),
        signal,
      }),
  },
  get: {
    method: KvService.method.get,
    kind: "read",
    run: async (request, { service, signal }) => await service.get({ key: request.key, ...viewIn(request), signal }),
    message: (entry) => (entry === undefined ? {} : { version: versionOut(entry) }),
    answer: entryAnswer,
  },
  batchGet: {
    method: KvService.method.batchGet,
    kind: "read",
    run: async (request, { service, signal, encoding }) => {
      const asked = { keys: request.keys, ...viewIn(request), ...pageIn(request), signal };
      return await service.batchGet(asked, batchItemCodec(encoding));
    },
    message: pageOut,
  },
};
