import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { AdminService, Health, KvService } from "@kvts/api";
import { context, propagation, trace } from "@opentelemetry/api";
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-node";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { served } from "../testing/harness.ts";

const exporter = new InMemorySpanExporter();

function register(): void {
  new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();
}

afterEach(() => {
  for (const api of [trace, propagation, context]) api.disable();
  exporter.reset();
});

/** Spans are made once their calls have ended on the server's side, which clients do not see. */
async function spans(count: number): Promise<ReadableSpan[]> {
  await vi.waitFor(() => expect(exporter.getFinishedSpans()).toHaveLength(count));
  return exporter.getFinishedSpans();
}

const traceId = "0af7651916cd43dd8448eb211c80319c";
const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
const key = new TextEncoder().encode("k");

test("without a registered SDK there are no spans, and calls do as ever", async () => {
  const { fetch } = await served();
  expect((await fetch("/v1/keys/k", { method: "PUT", body: "v", headers: { traceparent } })).status).toBe(200);
  register();
  expect((await fetch("/v1/keys/k")).status).toBe(200);
  // An SDK that is registered later counts from then on.
  expect((await spans(1))[0]!.name).toBe("GET /v1/keys/{key}");
});

describe("with an SDK", () => {
  beforeEach(register);

  test("a request of HTTP: its route, status, parent and request id, and not its key", async () => {
    const { fetch, url } = await served();
    const response = await fetch("/v1/keys/secret", { headers: { traceparent, "user-agent": "tests" } });
    expect(response.status).toBe(404);
    const [span] = await spans(1);
    expect(span).toMatchObject({
      name: "GET /v1/keys/{key}",
      kind: 1,
      status: { code: 0 },
      parentSpanContext: { traceId, spanId: "b7ad6b7169203331", isRemote: true },
    });
    expect(span!.attributes).toEqual({
      "http.request.method": "GET",
      "http.route": "/v1/keys/{key}",
      "http.response.status_code": 404,
      "kvts.code": "NOT_FOUND",
      "kvts.request_id": response.headers.get("kvts-request-id"),
      "server.address": "127.0.0.1",
      "server.port": Number(new URL(url).port),
      "url.scheme": "http",
      "user_agent.original": "tests",
    });
    const [seconds, nanos] = span!.duration;
    expect(seconds * 1e9 + nanos).toBeGreaterThan(0);
    expect(Math.abs(span!.startTime[0] - Date.now() / 1000)).toBeLessThan(5);
  });

  test("a failure of the server's own is an error, a caller's mistake is none", async () => {
    const { fetch, store } = await served();
    expect((await fetch("/v1/keys?pageSize=x")).status).toBe(400);
    expect((await spans(1))[0]!.status.code).toBe(0);
    await store.close();
    const { status } = await fetch("/v1/keys/k");
    expect(status).toBeGreaterThanOrEqual(500);
    const failed = (await spans(2))[1]!;
    expect(failed.status.code).toBe(2);
    expect(failed.attributes["error.type"]).toBe(String(status));
  });

  test("a path that nothing has is a span without a route; probes are none", async () => {
    const { fetch, server } = await served();
    await fetch("/healthz");
    await fetch("/readyz");
    await createClient(Health, createGrpcTransport({ baseUrl: server.grpcUrl })).check({});
    await fetch("/nowhere/secret");
    const [span] = await spans(1);
    expect(span).toMatchObject({ name: "GET", attributes: { "http.response.status_code": 404 } });
    expect(JSON.stringify(span!.attributes)).not.toContain("secret");
  });

  test.each([
    ["the fast path", "grpc", "INVALID_ARGUMENT", {}],
    ["Connect's way of gRPC", "grpc", "INVALID_ARGUMENT", { useBinaryFormat: false }],
  ])("calls of gRPC, on %s", async (_, system, badStatus, options) => {
    const { server } = await served();
    const kv = createClient(KvService, createGrpcTransport({ baseUrl: server.grpcUrl, ...options }));
    const headers = { traceparent };
    await kv.put({ key, value: key }, { headers });
    await expect(kv.get({ key: new Uint8Array(0) })).rejects.toThrow();
    const [put, get] = await spans(2);
    expect(put).toMatchObject({
      name: "kvts.v1.KvService/Put",
      kind: 1,
      status: { code: 0 },
      parentSpanContext: { traceId },
      attributes: {
        "rpc.system.name": system,
        "rpc.method": "kvts.v1.KvService/Put",
        "rpc.response.status_code": "OK",
        "server.address": "127.0.0.1",
      },
    });
    expect(get).toMatchObject({ name: "kvts.v1.KvService/Get", status: { code: 0 } });
    expect(get!.parentSpanContext).toBeUndefined();
    expect(get!.attributes).toMatchObject({
      "rpc.response.status_code": badStatus,
      "kvts.code": "INVALID_ARGUMENT",
    });
  });

  test("a call of Connect over HTTP/1.1, and one that is administration", async () => {
    const { server } = await served();
    const transport = createConnectTransport({ baseUrl: server.httpUrl, httpVersion: "1.1" });
    await createClient(AdminService, transport).getStatus({}, { headers: { traceparent } });
    await expect(createClient(KvService, transport).get({})).rejects.toThrow();
    const [status, get] = await spans(2);
    expect(status).toMatchObject({
      name: "kvts.v1.AdminService/GetStatus",
      parentSpanContext: { traceId },
      attributes: { "rpc.system.name": "connectrpc", "rpc.response.status_code": "ok" },
    });
    expect(get!.attributes["rpc.response.status_code"]).toBe("invalid_argument");
  });

  test("calls that share a stream are each a trace of its own, and the stream is one, too", async () => {
    const { server } = await served();
    const kv = createClient(KvService, createGrpcTransport({ baseUrl: server.grpcUrl }));
    const frame = {
      calls: [
        { id: 1, method: { case: "put" as const, value: { key, value: key } } },
        { id: 2, method: { case: "get" as const, value: { key: new Uint8Array(0) } } },
      ],
    };
    async function* frames(): AsyncGenerator<typeof frame> {
      yield frame;
    }
    for await (const _ of kv.pipeline(frames(), { headers: { traceparent } }));
    const made = await spans(3);
    expect(made.map(({ name }) => name).toSorted()).toEqual([
      "kvts.v1.KvService/Get",
      "kvts.v1.KvService/Pipeline",
      "kvts.v1.KvService/Put",
    ]);
    const stream = made.find(({ name }) => name.endsWith("/Pipeline"))!;
    expect(stream.parentSpanContext).toMatchObject({ traceId });
    const parts = made.filter((span) => span !== stream);
    expect(parts.map((span) => span.parentSpanContext)).toEqual([undefined, undefined]);
    expect(new Set(made.map((span) => span.spanContext().traceId)).size).toBe(3);
    expect(parts.map(({ attributes }) => attributes["kvts.code"]).toSorted()).toEqual(["INVALID_ARGUMENT", undefined]);
  });
});
