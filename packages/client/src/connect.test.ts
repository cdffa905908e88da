import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { AdminService, ErrorInfoSchema, KvService } from "@kvts/api";
import { type Store, utf8 } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { connect } from "./connect.ts";
import { type GrpcServer, grpcServer } from "./testing/grpc-server.ts";

/** Details that say nothing of doubt about a write. */
const determinate: unknown = expect.not.objectContaining({ indeterminate: true });

type Handlers = Partial<ServiceImpl<typeof KvService>>;

/** A server with some methods of the store's service, and a client of it. */
async function pair(handlers: Handlers, options: Parameters<typeof connect>[1] = {}) {
  const server = await grpcServer((router) => router.service(KvService, handlers));
  const store = connect(server.url, options);
  return { server, store, [Symbol.asyncDispose]: () => closeAll(store, server) };
}

async function closeAll(store: Store, server: GrpcServer): Promise<void> {
  await store.close();
  await server[Symbol.asyncDispose]();
}

/** For machines that are busy with other things. */
const timeout = 30_000;

const forever = () => new Promise<never>(() => {});

describe("requests and answers over gRPC", { timeout }, () => {
  test("every field of a put, and nothing that was not given", async () => {
    const seen: unknown[] = [];
    await using both = await pair({
      put({ $typeName, ...fields }) {
        seen.push(fields);
        return { timestamp: 5n, seq: 2n ** 53n - 1n };
      },
    });
    const options = { timestamp: 5, expiresAt: new Date(1), requestId: "r" };
    expect(await both.store.put("é", "v", options)).toEqual({ timestamp: 5, seq: Number.MAX_SAFE_INTEGER });
    await both.store.put(Uint8Array.of(255), "");
    expect(seen).toEqual([
      { key: utf8("é"), value: utf8("v"), timestamp: 5n, expiresAt: 1000n, requestId: "r" },
      { key: Uint8Array.of(255), value: new Uint8Array(0), requestId: expect.stringMatching(/^[\w-]{16}\.1$/) },
    ]);
  });

  test("conditions of every kind", async () => {
    const seen: unknown[] = [];
    const note = (...kinds: unknown[]) => {
      seen.push(...kinds);
      return { timestamp: 5n, seq: 6n };
    };
    await using both = await pair({
      put: ({ condition }) => note(condition?.kind),
      delete: ({ condition }) => note(condition?.kind),
      write: ({ preconditions }) => note(...preconditions.map(({ key, condition }) => [key, condition?.kind])),
    });
    await both.store.put("k", "v", { ifAbsent: true });
    await both.store.delete("k", { ifSeq: 0 });
    await both.store.write([{ op: "delete", key: "k" }], { preconditions: [{ key: "other", ifTimestamp: 4 }] });
    expect(seen).toEqual([
      { case: "ifAbsent", value: true },
      { case: "ifSeq", value: 0n },
      [utf8("other"), { case: "ifTimestamp", value: 4n }],
    ]);
  });

  test("a write whose connection is lost is sent again under its request id", async () => {
    const ids: string[] = [];
    await using both = await pair({
      put({ requestId }) {
        ids.push(requestId);
        if (ids.length > 1) return { timestamp: 5n, seq: 6n };
        for (const session of both.server.sessions) session.destroy();
        return forever();
      },
    });
    expect(await both.store.put("k", "v")).toEqual({ timestamp: 5, seq: 6 });
    expect([ids.length, new Set(ids).size]).toEqual([2, 1]);
  });

  test("a diff's moments, and changes of every kind", async () => {
    const seen: unknown[] = [];
    const version = (timestamp: bigint) => ({ key: utf8("k"), value: utf8("v"), timestamp, seq: 2n, deleted: false });
    await using both = await pair({
      diff({ from, to, range, pageSize, pageToken }) {
        seen.push({ from, to, start: range?.start, pageSize, pageToken });
        if (pageToken === "t") return { changes: [{ key: utf8("k"), before: version(1n) }], seq: 5n };
        const changes = [
          { key: utf8("k"), before: version(1n), after: version(2n) },
          { key: utf8("k"), after: version(2n) },
        ];
        return { changes, nextPageToken: "t", seq: 5n };
      },
    });
    const changes = await both.store.diff({ start: "a" }, { from: 0, to: new Date(1) }).toArray();
    expect(changes).toMatchObject([
      { key: "k", kind: "changed", before: { timestamp: 1 }, after: { timestamp: 2 } },
      { key: "k", kind: "added", after: { timestamp: 2 } },
      { key: "k", kind: "removed", before: { timestamp: 1 } },
    ]);
    const asked = { from: 0n, to: 1000n, start: utf8("a") };
    expect(seen).toMatchObject([
      { ...asked, pageToken: "" },
      { ...asked, pageToken: "t" },
    ]);
  });

  test.each([
    ["nothing on either side", {}],
    ["a tombstone for a value", { after: { key: utf8("k"), timestamp: 1n, seq: 1n, deleted: true } }],
  ])("a change of %s is refused", async (_, sides) => {
    await using both = await pair({ diff: () => ({ changes: [{ key: utf8("k"), ...sides }], seq: 5n }) });
    await expect(both.store.diff({}, { from: 0, to: 1 }).toArray()).rejects.toMatchObject({ code: "INTERNAL" });
  });

  test("a version, an absent one, and a tombstone", async () => {
    const version = { key: utf8("k"), timestamp: 1n, seq: 2n, deleted: false };
    await using both = await pair({
      get: ({ asOf }) => (asOf === 0n ? {} : { version: { ...version, value: utf8("v"), expiresAt: 9n } }),
      listVersions: () => ({ versions: [{ ...version, deleted: true }], seq: 2n }),
    });
    const entry = await both.store.get("k");
    expect({ ...entry }).toEqual({ key: "k", value: utf8("v"), timestamp: 1, seq: 2, expiresAt: 9 });
    expect(entry?.text()).toBe("v");
    expect(await both.store.get("k", { asOf: 0 })).toBeUndefined();
    expect(await both.store.history("k").toArray()).toEqual([{ key: "k", timestamp: 1, seq: 2, deleted: true }]);
  });

  test.each([
    ["above 2^53 - 1", { timestamp: 2n ** 53n, seq: 1n }],
    ["negative", { timestamp: 1n, seq: -1n }],
  ])("a number %s is refused", async (_, result) => {
    await using both = await pair({ put: () => result });
    await expect(both.store.put("k", "v")).rejects.toMatchObject({ code: "INTERNAL" });
  });

  test("a version that is neither value nor tombstone is refused", async () => {
    await using both = await pair({ get: () => ({ version: { key: utf8("k"), timestamp: 1n, seq: 1n } }) });
    await expect(both.store.get("k")).rejects.toMatchObject({ code: "INTERNAL" });
  });

  test("status becomes stats", async () => {
    await using server = await grpcServer((router) =>
      router.service(AdminService, {
        getStatus: () => ({ seq: 7n, incarnation: "i", stats: { memtable: { bytes: 5 }, levels: [1, 2] } }),
      }),
    );
    await using store = connect(server.url);
    expect(await store.stats()).toEqual({ seq: 7, incarnation: "i", memtable: { bytes: 5 }, levels: [1, 2] });
  });

  test("headers and the deadline travel along", async () => {
    const seen: (string | null)[] = [];
    await using both = await pair(
      {
        put(_, { requestHeader }) {
          seen.push(requestHeader.get("authorization"), requestHeader.get("grpc-timeout"));
          return {};
        },
      },
      { headers: { authorization: "Bearer x" } },
    );
    await both.store.put("k", "v", { timeoutMs: 1500 });
    expect(seen).toEqual(["Bearer x", "1500m"]);
  });
});

describe("failures over gRPC", { timeout }, () => {
  test("the server's error arrives with code, sentence and details, and is not retried", async () => {
    let calls = 0;
    await using both = await pair({
      get() {
        calls++;
        throw new ConnectError("too old", Code.OutOfRange, undefined, [
          {
            desc: ErrorInfoSchema,
            value: create(ErrorInfoSchema, {
              reason: "HISTORY_TRIMMED",
              domain: "kvts",
              metadata: { oldestReadable: "5" },
            }),
          },
        ]);
      },
    });
    await expect(both.store.get("k")).rejects.toMatchObject({
      name: "KvtsError",
      code: "HISTORY_TRIMMED",
      message: "too old",
      details: { oldestReadable: 5 },
    });
    expect(calls).toBe(1);
  });

  test("no answer in time", async () => {
    await using both = await pair({ get: forever, put: forever }, { timeoutMs: 50 });
    await expect(both.store.get("k")).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
    await expect(both.store.get("k", { timeoutMs: 20 })).rejects.toThrow("did not answer in time");
    await expect(both.store.put("k", "v")).rejects.toMatchObject({
      code: "DEADLINE_EXCEEDED",
      details: { indeterminate: true },
    });
  });

  test("cancelled by its signal, or by a signal that times out", async () => {
    await using both = await pair({ get: forever, scan: forever });
    const controller = new AbortController();
    const calls = [
      both.store.get("k", { signal: controller.signal }),
      both.store.scan({}, { signal: controller.signal }).toArray(),
    ];
    setTimeout(() => controller.abort(), 30);
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: "CANCELLED" });
    await expect(both.store.get("k", { signal: AbortSignal.timeout(20) })).rejects.toMatchObject({
      code: "DEADLINE_EXCEEDED",
    });
  });

  test("a connection that breaks: reads go on over a new one, a write is left open", async () => {
    let calls = 0;
    const both = await pair({
      get() {
        if (++calls > 1) return { version: { key: utf8("k"), value: utf8("v"), timestamp: 1n, seq: 1n } };
        for (const session of both.server.sessions) session.destroy();
        return forever();
      },
      put() {
        for (const session of both.server.sessions) session.destroy();
        return forever();
      },
    });
    await using _ = both;
    expect((await both.store.get("k"))?.text()).toBe("v");
    await expect(both.store.put("k", "v")).rejects.toMatchObject({
      code: "UNAVAILABLE",
      details: { indeterminate: true },
    });
  });

  test("nobody listens", async () => {
    const server = await grpcServer(() => {});
    await server[Symbol.asyncDispose]();
    await using store = connect(server.url, { retry: { triesMax: 1 } });
    const error = { code: "UNAVAILABLE", message: expect.stringContaining(`no server answers at ${server.url}`) };
    await expect(store.get("k")).rejects.toMatchObject(error);
    await expect(store.put("k", "v")).rejects.toMatchObject({ ...error, details: determinate });
  });

  test("the port of an HTTP/1.1 server", async () => {
    const server = createServer((_, response) => response.end("hello")).listen(0, "127.0.0.1");
    await once(server, "listening");
    await using store = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
      retry: { triesMax: 1 },
    });
    await expect(store.get("k")).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringMatching(/speaks another protocol; .*connectHttp/),
    });
    server.close();
  });

  test("a server that hangs up at once", async () => {
    const server = createTcpServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
    await once(server, "listening");
    await using store = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
      retry: { triesMax: 1 },
    });
    await expect(store.get("k")).rejects.toMatchObject({ code: "UNAVAILABLE" });
    server.close();
  });

  test("a server of other services", async () => {
    await using server = await grpcServer(() => {});
    await using store = connect(server.url);
    await expect(store.get("k")).rejects.toMatchObject({
      code: "UNIMPLEMENTED",
      message: expect.stringContaining("check that it is the gRPC address of a kvts server"),
    });
  });
});

test("a program that is done ends, though its client is still open", { timeout }, async () => {
  await using server = await grpcServer((router) => router.service(KvService, { get: () => ({}) }));
  const client = JSON.stringify(new URL("./connect.ts", import.meta.url).href);
  const script = `import { connect } from ${client}; console.log(await connect("${server.url}").get("k"));`;
  const child = execFile(process.execPath, ["--input-type=module", "--eval", script], { timeout: 20_000 });
  const [code] = await once(child, "close");
  expect(code).toBe(0);
});

describe("a client's connection", { timeout }, () => {
  test("carries many calls at a time", async () => {
    await using both = await pair({
      get: ({ key }) => ({ version: { key, value: key, timestamp: 1n, seq: 1n } }),
    });
    const keys = Array.from({ length: 400 }, (_, i) => `k${i}`);
    const found = await Promise.all(keys.map((key) => both.store.get(key)));
    expect(found.map((entry) => entry?.text())).toEqual(keys);
    expect(both.server.sessions.size).toBe(1);
  });

  test("is closed with the store, after the calls under way", async () => {
    await using both = await pair({
      async put() {
        await new Promise((resolve) => setTimeout(resolve, 50));
        return { timestamp: 1n, seq: 1n };
      },
    });
    const writing = both.store.put("k", "v");
    await both.store.close();
    expect(await writing).toEqual({ timestamp: 1, seq: 1 });
    await expect(both.store.get("k")).rejects.toMatchObject({ code: "CLOSED" });
    await expect(both.store.scan().toArray()).rejects.toMatchObject({ code: "CLOSED" });
    await expect.poll(() => both.server.sessions.size).toBe(0);
  });

  test("leaves no listener behind on a signal that many calls share", async () => {
    await using both = await pair({ get: () => ({}) });
    const { signal } = new AbortController();
    let listeners = 0;
    const [add, remove] = [signal.addEventListener, signal.removeEventListener];
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++;
      add.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--;
      remove.apply(signal, args);
    };
    for (let i = 0; i < 20; i++) await both.store.get("k", { signal });
    expect(listeners).toBe(0);
  });
});
