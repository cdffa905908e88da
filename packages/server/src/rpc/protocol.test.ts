import { createConnection } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import {
  AdminService,
  ChangeKind,
  ErrorInfoSchema,
  GetRequestSchema,
  KvService,
  OperationState,
  PutRequestSchema,
} from "@kvts/api";
import { utf8, type WriteResult } from "@kvts/common";
import { createModelStore } from "@kvts/db/testing";
import { describe, expect, test } from "vitest";
import { served } from "../testing/harness.ts";
import { connectionStart, data, openRequest, reset } from "../testing/http2-frames.ts";
import { envelope, raw } from "../testing/raw-calls.ts";
import { exchangeBytes } from "../testing/sockets.ts";
import { grpcWay, ways } from "../testing/transports.ts";
import { gate, overridden, untilAborted } from "../testing/waiting-store.ts";

const key = utf8("k");

const putPath = { ":path": "/kvts.v1.KvService/Put" };
const grpc = { ...putPath, "content-type": "application/grpc", te: "trailers" };
const putMessage = toBinary(PutRequestSchema, create(PutRequestSchema, { key, value: key, timestamp: 5n }));

describe("requests that are no messages", () => {
  test.each<[string, Record<string, string>, Uint8Array, object]>([
    ["garbage for a message", grpc, envelope(utf8("garbage")), { "grpc-status": "3" }],
    ["a message cut short", grpc, envelope(putMessage).subarray(0, 8), { "grpc-status": "3" }],
    [
      "a message cut short inside a field",
      grpc,
      envelope(putMessage.subarray(0, putMessage.length - 1)),
      { "grpc-status": "3" },
    ],
    ["a length above the limit", grpc, Buffer.from([0, 0xff, 0xff, 0xff, 0xff]), { "grpc-status": "8" }],
    ["garbage for gzip", { ...grpc, "grpc-encoding": "gzip" }, envelope(utf8("garbage"), 1), { "grpc-status": "3" }],
    [
      "a bomb for gzip",
      { ...grpc, "grpc-encoding": "gzip" },
      envelope(gzipSync(Buffer.alloc(3_000_000)), 1),
      { "grpc-status": "8" },
    ],
    ["an unknown compression", { ...grpc, "grpc-encoding": "xyz" }, envelope(putMessage, 1), { "grpc-status": "12" }],
    ["a broken deadline", { ...grpc, "grpc-timeout": "soon" }, envelope(putMessage), { "grpc-status": "3" }],
    [
      "an unknown method",
      { ...grpc, ":path": "/kvts.v1.KvService/Puff" },
      envelope(putMessage),
      { ":status": 200, "grpc-status": "12" },
    ],
    [
      "an unknown service",
      { ...grpc, ":path": "/etc.v1.Kv/Put" },
      envelope(putMessage),
      { ":status": 200, "grpc-status": "12" },
    ],
    ["an unknown content type", { ...grpc, "content-type": "text/html" }, envelope(putMessage), { ":status": 415 }],
    ["garbage in Connect", { ...putPath, "content-type": "application/proto" }, utf8("garbage"), { ":status": 400 }],
    ["garbage in Connect's JSON", { ...putPath, "content-type": "application/json" }, utf8("{"), { ":status": 400 }],
    [
      "an unknown field in JSON",
      { ...putPath, "content-type": "application/json" },
      utf8('{"key":"aw==","valu":"aw=="}'),
      { ":status": 400 },
    ],
    ["a route of the other port", { ":method": "PUT", ":path": "/v1/keys/k" }, new Uint8Array(), { ":status": 404 }],
  ])("%s is refused and changes nothing", async (_what, headers, body, expected) => {
    const { server, store } = await served({ maxRequestBytes: 1_000_000 });
    expect((await raw(server.grpcUrl, headers, body)).headers).toMatchObject(expected);
    expect((await store.stats()).seq).toBe(0);
  });

  test("their errors carry the code that all errors of kvts have", async () => {
    const { server } = await served({ maxRequestBytes: 1024 });
    const { headers, body } = await raw(
      server.grpcUrl,
      { ...putPath, "content-type": "application/proto" },
      utf8("garbage"),
    );
    expect(headers[":status"]).toBe(400);
    const error = JSON.parse(body.toString()) as { code: string; details: { type: string; value: string }[] };
    expect(error).toMatchObject({ code: "invalid_argument", details: [{ type: "google.rpc.ErrorInfo" }] });
    expect(Buffer.from(error.details[0]!.value, "base64").toString()).toContain("INVALID_ARGUMENT");
    const large = await raw(server.grpcUrl, grpc, envelope(new Uint8Array(2000)));
    expect(large.headers["grpc-message"]).toContain("max-request-bytes");
    expect(Buffer.from(large.headers["grpc-status-details-bin"]!, "base64").toString()).toContain("TOO_LARGE");
  });

  test.each([
    ["ends it", data(1, new Uint8Array(), true), 1],
    ["resets it", reset(1, 8), 0],
    ["resets it without an error", reset(1, 0), 0],
    ["leaves", undefined, 0],
  ])(
    "a request whose client %s after the first bytes is carried out only when it is whole",
    async (_what, end, puts) => {
      let seen = 0;
      const put = (): Promise<WriteResult> => {
        seen++;
        return Promise.resolve({ timestamp: 1, seq: 1 });
      };
      const { server } = await served({}, overridden(createModelStore(), { put }));
      const { hostname, port } = new URL(server.grpcUrl);
      const socket = createConnection(Number(port), hostname);
      const pseudo = { ":method": "POST", ":scheme": "http", ":authority": `${hostname}:${port}`, ...putPath };
      // Binary messages of Connect have no length: what was sent so far is a message of its own.
      socket.write(
        Buffer.concat([connectionStart, openRequest(1, { ...pseudo, "content-type": "application/proto" })]),
      );
      socket.write(data(1, putMessage));
      await sleep(50);
      if (end === undefined) socket.destroy();
      else socket.write(end);
      await sleep(50);
      socket.destroy();
      expect(seen).toBe(puts);
    },
  );

  test("a URL with a message in it reads, and does not write", async () => {
    const { fetch, store } = await served();
    await store.put("k", "v", { timestamp: 1 });
    const message = Buffer.from(toBinary(GetRequestSchema, create(GetRequestSchema, { key }))).toString("base64url");
    const query = `encoding=proto&base64=1&connect=v1&message=${message}`;
    expect((await fetch(`/kvts.v1.KvService/Get?${query}`)).status).toBe(200);
    expect((await fetch(`/kvts.v1.KvService/Put?${query}`)).status).toBe(405);
  });
});

describe.each(ways.filter(({ name }) => name.includes("binary")))("$name", ({ open }) => {
  test("a deadline is kept, and named", async () => {
    const store = overridden(createModelStore(), { get: (_key, options) => untilAborted(options?.signal) });
    const { server } = await served({}, store);
    const kv = createClient(KvService, open(server));
    const error = await kv.get({ key }, { timeoutMs: 60 }).catch((reason: unknown) => ConnectError.from(reason));
    expect(error).toMatchObject({ code: Code.DeadlineExceeded });
  });

  test("a client that leaves cancels its work", async () => {
    const cancelled = gate();
    const started = gate();
    const store = overridden(createModelStore(), {
      get(_key, options) {
        started.open();
        return untilAborted(options?.signal).finally(cancelled.open);
      },
    });
    const { server } = await served({}, store);
    const kv = createClient(KvService, open(server));
    const controller = new AbortController();
    const call = kv.get({ key }, { signal: controller.signal });
    call.catch(() => undefined);
    await started.opened;
    controller.abort();
    await cancelled.opened;
    await expect(call).rejects.toMatchObject({ code: Code.Canceled });
  });
});

test("a deadline that passes on the server carries its code", async () => {
  const store = overridden(createModelStore(), { get: (_key, options) => untilAborted(options?.signal) });
  const { server } = await served({}, store);
  const message = envelope(toBinary(GetRequestSchema, create(GetRequestSchema, { key })));
  const headers = { ...grpc, ":path": "/kvts.v1.KvService/Get", "grpc-timeout": "50m" };
  const answer = await raw(server.grpcUrl, headers, message);
  expect(answer.headers["grpc-status"]).toBe("4");
  expect(Buffer.from(answer.headers["grpc-status-details-bin"]!, "base64").toString()).toContain("DEADLINE_EXCEEDED");
});

test("a surprise is logged under its request id, and told without its inner parts", async () => {
  const lines: object[] = [];
  const log = (fields: object): void => void lines.push(fields);
  const logger = { debug: () => undefined, info: () => undefined, warn: log, error: log };
  const store = overridden(createModelStore(), { get: () => Promise.reject(new TypeError("secret inner part")) });
  const { server, fetch } = await served({ logger }, store);
  const kv = createClient(KvService, grpcWay.open(server));
  const error = await kv.get({ key }).catch((reason: unknown) => ConnectError.from(reason));
  expect(error).toMatchObject({ code: Code.Internal });
  expect((error as ConnectError).findDetails(ErrorInfoSchema)).toMatchObject([{ reason: "INTERNAL" }]);
  expect((error as ConnectError).message).not.toContain("secret");
  const response = await fetch("/v1/keys/k");
  expect(response.status).toBe(500);
  expect(await response.text()).toContain(response.headers.get("kvts-request-id"));
  expect(lines).toMatchObject([
    { call: "Get" },
    { call: "getKey", requestId: response.headers.get("kvts-request-id") },
  ]);
});

test("status, flush and compact", async () => {
  const { server, store } = await served();
  await store.put("a", "1");
  const admin = createClient(AdminService, grpcWay.open(server));
  const { version, ready, seq, incarnation, limits, stats } = await admin.getStatus({});
  expect({ version, ready, seq }).toEqual({ version: "0.0.0", ready: true, seq: 1n });
  expect(incarnation).toBe((await store.stats()).incarnation);
  expect(limits).toMatchObject({ keyBytesMax: 65_535n, requestBytesMax: 8_388_608n, pageItemsMax: 1000n });
  expect(stats).toMatchObject({ seq: 1, model: { keys: 1 } });
  await admin.flush({});
  await admin.compact({});
});

test("retract takes back a version, under a condition and a request id", async () => {
  const { server, store } = await served();
  await store.put("a", "1", { timestamp: 0 });
  await store.put("a", "2", { timestamp: 5 });
  const admin = createClient(AdminService, grpcWay.open(server));
  const key = utf8("a");
  const condition = { kind: { case: "ifSeq", value: 2n } } as const;
  const request = { key, timestamp: 5n, requestId: "r", condition };
  expect(await admin.retract(request)).toMatchObject({ timestamp: 5n, seq: 3n });
  expect(await admin.retract(request)).toMatchObject({ timestamp: 5n, seq: 3n });
  expect((await store.get("a"))?.text()).toBe("1");
  await expect(admin.retract({ ...request, requestId: "" })).rejects.toMatchObject({ code: Code.Aborted });
  await expect(admin.retract({ key })).rejects.toMatchObject({
    code: Code.InvalidArgument,
    rawMessage: expect.stringContaining("needs the timestamp"),
  });
  await admin.retract({ key, timestamp: 0n });
  expect(await store.get("a")).toBeUndefined();
  await admin.retract({ key, timestamp: BigInt(Number.MAX_SAFE_INTEGER) });
});

test("restore puts a range back, names what it did, and wants range and moment", async () => {
  const { server, store } = await served();
  await store.put("a", "1", { timestamp: 5 });
  await store.put("a", "2", { timestamp: 9 });
  const admin = createClient(AdminService, grpcWay.open(server));
  const dry = await admin.restore({ range: { prefix: utf8("a") }, to: 5n, dryRun: true });
  expect(dry).toMatchObject({ to: 5n, restored: 1n, deleted: 0n, bytes: 2n });
  expect([dry.timestamp, dry.seq]).toEqual([undefined, undefined]);
  expect(dry.sample).toMatchObject([{ kind: ChangeKind.CHANGED, before: { seq: 2n }, after: { seq: 1n } }]);
  for (const [request, reason] of [
    [{ to: 5n }, "the range is missing"],
    [{ range: {} }, "needs the moment"],
    [{ range: {}, to: -1n }, "to must be from 0"],
    [{ range: { prefix: utf8("a"), start: utf8("a") }, to: 5n }, "leave one of the two forms out"],
  ] as const) {
    await expect(admin.restore(request)).rejects.toMatchObject({
      code: Code.InvalidArgument,
      rawMessage: expect.stringContaining(reason),
    });
  }
  expect((await store.get("a"))?.text()).toBe("2");
  expect(await admin.restore({ range: {}, to: 5n })).toMatchObject({ restored: 1n, seq: 3n, sample: [] });
  expect((await store.get("a"))?.text()).toBe("1");
});

test("erase answers with an operation, and wants a target", async () => {
  const { server, store } = await served();
  for (const key of ["a", "ab", "b"]) await store.put(key, "1", { timestamp: 5 });
  const admin = createClient(AdminService, grpcWay.open(server));
  const range = { case: "range", value: { prefix: utf8("a") } } as const;
  const dry = await admin.erase({ target: range, dryRun: true });
  expect([dry.operation, dry.counted]).toMatchObject([undefined, { seq: 4n, removed: 2n, checkpoints: [] }]);
  const { operation } = await admin.erase({ target: range });
  expect(operation).toMatchObject({ hiddenSeq: 4n });
  const { operation: ended } = await admin.getOperation({ id: operation!.id });
  expect(ended).toMatchObject({
    state: OperationState.SUCCEEDED,
    result: { case: "erasure", value: { seq: 4n, removed: 2n } },
  });
  expect(ended!.endedAt! >= ended!.startedAt).toBe(true);
  await admin.erase({ target: { case: "key", value: utf8("b") } });
  expect(await store.scan().toArray()).toEqual([]);
  await expect(admin.erase({})).rejects.toMatchObject({
    code: Code.InvalidArgument,
    rawMessage: expect.stringContaining("what is to be erased is missing"),
  });
  await expect(admin.getOperation({ id: "none" })).rejects.toMatchObject({
    code: Code.OutOfRange,
    rawMessage: expect.stringContaining("is not known any more"),
  });
});

test("headers of any bytes end a call at worst, never the server", async () => {
  const { url, fetch, store } = await served();
  const body = '{"key":"aw==","value":"dg=="}';
  const head = `POST /kvts.v1.KvService/Put HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n`;
  for (const header of [
    "X-Any: \xff\x80\t",
    "__proto__: x",
    "constructor: x",
    "Grpc-Timeout: 1n",
    "Connect-Timeout-Ms: -1",
    "Content-Encoding: \xff",
  ]) {
    await exchangeBytes(url, Buffer.from(`${head}${header}\r\n\r\n${body}`, "latin1"));
    expect((await fetch("/healthz")).status, header).toBe(200);
  }
  expect((await store.get("k"))?.text()).toBe("v");
});

test("compressed messages are read, and counted as what they may become", async () => {
  const { server, store } = await served({ maxRequestBytes: 100_000, maxBufferedBytes: 150_000 });
  const large = toBinary(
    PutRequestSchema,
    create(PutRequestSchema, { key, value: new Uint8Array(90_000), timestamp: 5n }),
  );
  const headers = { ...grpc, "grpc-encoding": "gzip", "grpc-accept-encoding": "gzip" };
  expect((await raw(server.grpcUrl, headers, envelope(gzipSync(large), 1))).headers["grpc-status"]).toBe("0");
  expect((await store.get("k"))?.value.length).toBe(90_000);
  const release = gate();
  const waiting = overridden(createModelStore(), { put: () => release.opened.then(() => ({ timestamp: 1, seq: 1 })) });
  const { server: busy } = await served({ maxRequestBytes: 100_000, maxBufferedBytes: 150_000 }, waiting);
  const both = [1, 2].map(
    async () => (await raw(busy.grpcUrl, headers, envelope(gzipSync(large), 1))).headers["grpc-status"],
  );
  await sleep(100);
  release.open();
  expect((await Promise.all(both)).sort()).toEqual(["0", "8"]);
});

test("answers carry what keeps browsers from taking them for pages", async () => {
  const { server, fetch } = await served();
  const get = await fetch("/kvts.v1.KvService/Get?encoding=json&message=%7B%22key%22%3A%22aw%3D%3D%22%7D");
  expect([get.status, get.headers.get("x-content-type-options"), get.headers.get("content-security-policy")]).toEqual([
    200,
    "nosniff",
    "sandbox",
  ]);
  const { headers } = await raw(server.grpcUrl, grpc, envelope(putMessage));
  expect(headers).toMatchObject({
    "x-content-type-options": "nosniff",
    "kvts-request-id": expect.any(String) as string,
  });
});
