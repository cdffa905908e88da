import { fileURLToPath } from "node:url";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { loadSync, type MethodDefinition } from "@grpc/proto-loader";
import { connect, connectHttp } from "@kvts/client";
import type { Operation } from "@kvts/common";
import type { PlannedOperation } from "./plan.ts";

/** Sends batches to a server in one of the ways that there are. A batch that is sent again under its name happens once. */
export interface BatchSender extends AsyncDisposable {
  readonly name: string;
  /** Resolves once the batch is acknowledged; rejects where that is not known. */
  send(operations: readonly PlannedOperation[], requestId: string): Promise<void>;
}

interface Urls {
  readonly grpcUrl: string;
  readonly httpUrl: string;
}

const timeoutMs = 20_000;

/** Our clients, and two that share no code with them. */
export function batchSenders({ grpcUrl, httpUrl }: Urls): BatchSender[] {
  return [
    ownSender("our gRPC client", connect(grpcUrl, { timeoutMs })),
    ownSender("our HTTP client", connectHttp(httpUrl, { timeoutMs })),
    grpcJsSender(grpcUrl),
    fetchSender(httpUrl),
  ];
}

function ownSender(name: string, store: ReturnType<typeof connect>): BatchSender {
  return {
    name,
    async send(operations, requestId) {
      const all = operations.map(
        ({ value, ...rest }): Operation =>
          value === undefined ? { op: "delete", ...rest } : { op: "put", ...rest, value },
      );
      await store.write(all, { requestId });
    },
    [Symbol.asyncDispose]: () => store.close(),
  };
}

const protos = fileURLToPath(new URL("../../../packages/api/proto", import.meta.url));

function grpcJsSender(url: string): BatchSender {
  const definition = loadSync(`${protos}/kvts/v1/kv.proto`, { includeDirs: [protos] });
  const { path, requestSerialize, responseDeserialize } = (
    definition["kvts.v1.KvService"] as Readonly<Record<string, MethodDefinition<object, object>>>
  ).Write!;
  const client = new Client(new URL(url).host, credentials.createInsecure());
  return {
    name: "@grpc/grpc-js",
    send: (operations, requestId) =>
      new Promise((resolve, reject) => {
        const request = { operations: operations.map(messageOf), requestId };
        const options = { deadline: Date.now() + timeoutMs };
        client.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          request,
          new Metadata(),
          options,
          (error) => (error === null ? resolve() : reject(error)),
        );
      }),
    async [Symbol.asyncDispose]() {
      client.close();
    },
  };
}

function messageOf({ key, value, timestamp }: PlannedOperation): object {
  const common = { key: Buffer.from(key), ...(timestamp !== undefined && { timestamp }) };
  return value === undefined ? { delete: common } : { put: { ...common, value: Buffer.from(value) } };
}

function fetchSender(url: string): BatchSender {
  return {
    name: "fetch",
    async send(operations, requestId) {
      const body = {
        operations: operations.map(({ value, ...rest }) =>
          value === undefined ? { op: "delete", ...rest } : { op: "put", ...rest, value },
        ),
      };
      const response = await fetch(`${url}/v1/batch`, {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": requestId },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(timeoutMs),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(text);
    },
    async [Symbol.asyncDispose]() {},
  };
}
