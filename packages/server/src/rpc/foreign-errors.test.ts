import { once } from "node:events";
import { connect } from "node:http2";
import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { type Any, AnySchema, anyUnpack } from "@bufbuild/protobuf/wkt";
import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { ErrorInfoSchema, RetryInfoSchema } from "@kvts/api";
import { type ErrorCode, KvtsError } from "@kvts/common";
import { createModelStore } from "@kvts/db/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { serve } from "../serve.ts";
import { foreignService } from "../testing/foreign.ts";
import { served } from "../testing/harness.ts";
import { gate, overridden } from "../testing/waiting-store.ts";

const key = Buffer.from("k");

interface Told {
  readonly code: number;
  readonly message: string;
  readonly reason: string | undefined;
  readonly domain: string | undefined;
  readonly metadata: Readonly<Record<string, string>> | undefined;
  readonly retryDelay: { readonly seconds: bigint } | undefined;
}

/** What a client of another make learns: the status, and google.rpc.Status out of the trailer of its own. */
async function told(call: Promise<unknown>): Promise<Told> {
  const error = await call.then(
    () => expect.fail("the call succeeded"),
    (reason: unknown) => reason as ServiceError,
  );
  const [bytes] = error.metadata.get("grpc-status-details-bin");
  expect(bytes, `${error.code}: ${error.details}`).toBeInstanceOf(Buffer);
  const { code, message, details } = decodeStatus(bytes as Buffer);
  expect({ code, message }).toEqual({ code: error.code, message: error.details });
  const [info] = details.flatMap((detail) => anyUnpack(detail, ErrorInfoSchema) ?? []);
  const [retry] = details.flatMap((detail) => anyUnpack(detail, RetryInfoSchema) ?? []);
  const { reason, domain, metadata } = info ?? {};
  return { code, message, reason, domain, metadata, retryDelay: retry?.retryDelay };
}

/** google.rpc.Status: code = 1, message = 2, details = 3. */
function decodeStatus(bytes: Uint8Array): { code: number; message: string; details: Any[] } {
  const reader = new BinaryReader(bytes);
  const decoded = { code: 0, message: "", details: [] as Any[] };
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1) decoded.code = reader.int32();
    else if (field === 2) decoded.message = reader.string();
    else if (field === 3) decoded.details.push(fromBinary(AnySchema, reader.bytes()));
    else reader.skip(wireType);
  }
  return decoded;
}

const reasons: readonly (readonly [ErrorCode, number])[] = [
  ["INVALID_ARGUMENT", status.INVALID_ARGUMENT],
  ["TOO_LARGE", status.INVALID_ARGUMENT],
  ["HISTORY_TRIMMED", status.OUT_OF_RANGE],
  ["CURSOR_EXPIRED", status.OUT_OF_RANGE],
  ["TIMESTAMP_AHEAD", status.OUT_OF_RANGE],
  ["CONFLICT", status.ABORTED],
  ["UNAVAILABLE", status.UNAVAILABLE],
  ["NO_SPACE", status.RESOURCE_EXHAUSTED],
  ["OVERLOADED", status.RESOURCE_EXHAUSTED],
  ["CORRUPTION", status.DATA_LOSS],
  ["CLOSED", status.UNAVAILABLE],
  ["READ_ONLY", status.FAILED_PRECONDITION],
  ["PERMISSION_DENIED", status.PERMISSION_DENIED],
  ["INTERNAL", status.INTERNAL],
];

/** Of everything that an encoding may spoil. */
const sentence = 'a key, "k/ü" = 100%; see 1 & 2? + #: 3B 日';

describe("an error of the store", () => {
  test.each(reasons)("%s arrives as status %i, with its reason and details", async (code, grpcStatus) => {
    const failure = new KvtsError(code, sentence, { details: { currentSeq: 7, file: "x" } });
    const { server } = await served({}, overridden(createModelStore(), { put: () => Promise.reject(failure) }));
    const kv = foreignService(server.grpcUrl, "kvts.v1.KvService");
    const { retryDelay, ...rest } = await told(kv.call("Put", { key, value: key }));
    expect(rest).toEqual({
      code: grpcStatus,
      message: sentence,
      reason: code,
      domain: "kvts",
      metadata: { currentSeq: "7", file: "x" },
    });
    const waits = grpcStatus === status.UNAVAILABLE || code === "OVERLOADED";
    expect(retryDelay?.seconds).toBe(waits ? 1n : undefined);
  });
});

describe("an error that no store has seen carries its reason, too", () => {
  test("a request that makes no sense", async () => {
    const { server } = await served();
    const kv = foreignService(server.grpcUrl, "kvts.v1.KvService");
    expect(await told(kv.call("Put", { key }))).toMatchObject({ reason: "INVALID_ARGUMENT", domain: "kvts" });
    expect(await told(kv.call("Scan", { pageToken: "made-up" }))).toMatchObject({ reason: "INVALID_ARGUMENT" });
  });

  test("a message that is too large", async () => {
    const { server } = await served({ maxRequestBytes: 1024 });
    const kv = foreignService(server.grpcUrl, "kvts.v1.KvService");
    const refusal = await told(kv.call("Put", { key, value: Buffer.alloc(2000) }));
    expect(refusal).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      reason: "TOO_LARGE",
      metadata: { limit: "1024" },
    });
  });

  test("a method that there is not, of a service that there is not, and of one that there is", async () => {
    const { server } = await served();
    const admin = foreignService(server.grpcUrl, "kvts.v1.AdminService");
    for (const path of ["/kvts.v1.Nothing/Get", "/kvts.v1.KvService/Nothing"]) {
      const refusal = await told(admin.callPath(path));
      expect(refusal).toMatchObject({ code: status.UNIMPLEMENTED, reason: "UNIMPLEMENTED", domain: "kvts" });
    }
  });

  test("a call from a web page that may not", async () => {
    const { server } = await served();
    const metadata = new Metadata();
    metadata.set("origin", "http://pages.example");
    const kv = foreignService(server.grpcUrl, "kvts.v1.KvService");
    const refusal = await told(kv.call("Get", { key }, metadata));
    expect(refusal).toMatchObject({ code: status.PERMISSION_DENIED, reason: "PERMISSION_DENIED" });
    expect(refusal.message).toContain("pages.example");
  });

  test("a service whose health is asked for, and that there is not", async () => {
    const { server } = await served();
    const health = foreignService(server.grpcUrl, "grpc.health.v1.Health");
    expect(await told(health.call("Check", { service: "x" }))).toMatchObject({ reason: "NOT_FOUND", domain: "kvts" });
  });

  test("a call to a server that is starting", async () => {
    const opened = gate();
    const store = opened.opened.then(() => createModelStore());
    await using server = await serve(store, { port: 0, httpPort: 0 });
    const refusal = await told(foreignService(server.grpcUrl, "kvts.v1.KvService").call("Get", { key }));
    expect(refusal).toMatchObject({ code: status.UNAVAILABLE, reason: "UNAVAILABLE", retryDelay: { seconds: 1n } });
    opened.open();
  });

  test("a surprise", async () => {
    const store = overridden(createModelStore(), { get: () => Promise.reject(new TypeError("secret")) });
    const { server } = await served({}, store);
    const refusal = await told(foreignService(server.grpcUrl, "kvts.v1.KvService").call("Get", { key }));
    expect(refusal).toMatchObject({ code: status.INTERNAL, reason: "INTERNAL" });
    expect(refusal.message).not.toContain("secret");
  });
});

test("a call that is refused before it has ended is over for both sides", async () => {
  const { server } = await served({ drainTimeoutMs: 10_000 });
  const session = connect(server.grpcUrl);
  onTestFinished(() => session.destroy());
  const stream = session.request({ ":method": "POST", ":path": "/a.B/C", "content-type": "application/grpc" });
  stream.write(Buffer.alloc(100));
  const [headers] = (await once(stream, "response")) as [Record<string, string>];
  expect(headers["grpc-status"]).toBe("12");
  stream.resume();
  await once(stream, "close");
});
