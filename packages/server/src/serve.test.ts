import { createServer } from "node:net";
import { createClient } from "@connectrpc/connect";
import { KvService } from "@kvts/api";
import { isKvtsError, utf8 } from "@kvts/common";
import { createModelStore } from "@kvts/db/testing";
import { describe, expect, test } from "vitest";
import type { ServeOptions } from "./options.ts";
import { serve } from "./serve.ts";
import { problemOf, served } from "./testing/harness.ts";
import { received, socketTo } from "./testing/sockets.ts";
import { grpcWay } from "./testing/transports.ts";
import { gate, overridden, untilAborted } from "./testing/waiting-store.ts";

describe("close", () => {
  test("waits for what is in flight, on both ports, and leaves the store open", async () => {
    const inner = createModelStore();
    const release = gate();
    const started = [gate(), gate()];
    let puts = 0;
    const store = overridden(inner, {
      async put(key, value) {
        started[puts++]!.open();
        await release.opened;
        return await inner.put(key, value);
      },
    });
    const { server, fetch } = await served({}, store);
    const overHttp = fetch("/v1/keys/a", { method: "PUT", body: "v" });
    const kv = createClient(KvService, grpcWay.open(server));
    const overGrpc = kv.put({ key: utf8("b"), value: utf8("v") });
    await Promise.all(started.map(({ opened }) => opened));
    let closed = false;
    const closing = server.close().then(() => {
      closed = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(closed).toBe(false);
    release.open();
    expect((await overHttp).status).toBe(200);
    expect((await overGrpc).seq).toBeGreaterThan(0n);
    await closing;
    await expect(fetch("/healthz")).rejects.toThrow();
    expect((await inner.get("a"))?.text()).toBe("v");
  });

  test.each([
    ["/healthz", /^HTTP\/1\.1 200 .*"ok"/s],
    ["/readyz", /^HTTP\/1\.1 503 .*"closing"/s],
    ["/v1/keys/a", /^HTTP\/1\.1 503 .*retry-after: 1\r.*"UNAVAILABLE"/is],
    ["/kvts.v1.KvService/Get?encoding=json&message=%7B%7D", /^HTTP\/1\.1 503 .*"unavailable".*RetryInfo/s],
  ])("meanwhile %s on a connection still in use is answered, as the last on it", async (path, expected) => {
    const started = gate();
    const release = gate();
    const store = overridden(createModelStore(), {
      async compact() {
        started.open();
        await release.opened;
      },
    });
    const { server, url } = await served({}, store);
    const busy = socketTo(url);
    const text = received(busy);
    busy.write("POST /v1/admin/compact HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await started.opened;
    const closing = server.close();
    busy.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`.repeat(2));
    await new Promise((resolve) => setTimeout(resolve, 50));
    release.open();
    const answers = (await text).split(/(?=HTTP\/1\.1 )/);
    await closing;
    expect(answers).toHaveLength(2);
    expect(answers[0]).toMatch(/^HTTP\/1\.1 200 .*\{\}$/s);
    expect(answers[1]).toMatch(expected);
    expect(answers[1]!.toLowerCase()).toContain("connection: close");
  });

  test("gives up on what takes too long, which learns of it", async () => {
    const started = [gate(), gate()];
    let gets = 0;
    const store = overridden(createModelStore(), {
      get(_key, options) {
        started[gets++]!.open();
        return untilAborted(options?.signal);
      },
    });
    const { server, fetch } = await served({ drainTimeoutMs: 100 }, store);
    const overHttp = fetch("/v1/keys/a");
    const overGrpc = createClient(KvService, grpcWay.open(server)).get({ key: utf8("a") });
    const refusal = expect(overGrpc).rejects.toMatchObject({
      rawMessage: expect.stringContaining("shutting down") as string,
    });
    await Promise.all(started.map(({ opened }) => opened));
    const begun = performance.now();
    await server.close();
    expect(performance.now() - begun).toBeLessThan(1500);
    const response = await overHttp;
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await problemOf(response)).toMatchObject({ status: 503, code: "UNAVAILABLE" });
    await refusal;
  });

  test("cuts connections that never come to a request, and handlers that never end", async () => {
    const started = gate();
    const store = overridden(createModelStore(), {
      put() {
        started.open();
        return new Promise(() => undefined);
      },
    });
    const { server, fetch, url } = await served({ drainTimeoutMs: 50 }, store);
    const idle = received(socketTo(url));
    const idleGrpc = received(socketTo(server.grpcUrl));
    const stuck = fetch("/v1/keys/a", { method: "PUT", body: "v" });
    stuck.catch(() => undefined);
    await started.opened;
    await server.close();
    await expect(stuck).rejects.toThrow();
    expect([await idle, await idleGrpc]).toEqual(["", ""]);
  });

  test("may be called twice", async () => {
    const { server } = await served();
    await Promise.all([server.close(), server.close()]);
  });
});

describe("options", () => {
  test("default to the documented addresses", async () => {
    const { server } = await served();
    expect(server.grpcUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(server.httpUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });

  test.each<[ServeOptions, string]>([
    [{ port: -1 }, "port"],
    [{ httpPort: 65_536 }, "httpPort"],
    [{ maxRequestBytes: 1.5 }, "maxRequestBytes"],
    [{ maxRequestBytes: 2 ** 30, maxBufferedBytes: 2 ** 20 }, "maxBufferedBytes"],
    [{ drainTimeoutMs: Number.NaN }, "drainTimeoutMs"],
    [{ grpcPort: 0 } as ServeOptions, "grpcPort"],
  ])("%j is refused by name", async (options, name) => {
    const refusal = await serve(createModelStore(), options).catch((error: unknown) => error);
    expect(isKvtsError(refusal, "INVALID_ARGUMENT") && refusal.details.field).toBe(name);
  });

  test("a port in use is one clear sentence, and the other port is free again", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as { port: number };
    const free = await served();
    const httpPort = Number(new URL(free.url).port);
    await free.server.close();
    for (const options of [
      { port, httpPort },
      { port: 0, httpPort: port },
    ]) {
      const refusal = await serve(createModelStore(), options).catch((error: unknown) => error);
      expect(isKvtsError(refusal, "UNAVAILABLE") && refusal.message).toContain(`port ${port}`);
    }
    await served({ httpPort });
    await new Promise((resolve) => taken.close(resolve));
  });

  test("an address that is not this machine's is refused", async () => {
    const refusal = await serve(createModelStore(), {
      host: "203.0.113.1",
      insecure: true,
      port: 0,
      httpPort: 0,
    }).catch((error: unknown) => error);
    expect(isKvtsError(refusal, "UNAVAILABLE") && refusal.message).toContain("203.0.113.1");
  });

  test("request bodies together are bounded", async () => {
    const { url, fetch, store } = await served({ maxRequestBytes: 20_000, maxBufferedBytes: 30_000 });
    const slow = socketTo(url);
    slow.write(`PUT /v1/keys/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20000\r\n\r\n${"x".repeat(19_999)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const refused = await fetch("/v1/keys/b", { method: "PUT", body: "x".repeat(15_000) });
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(await problemOf(refused)).toMatchObject({ status: 429, code: "OVERLOADED" });
    expect((await fetch("/v1/keys/c", { method: "PUT", body: "x".repeat(1000) })).status).toBe(200);
    slow.destroy();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await fetch("/v1/keys/b", { method: "PUT", body: "x".repeat(15_000) })).status).toBe(200);
    expect(await store.get("a")).toBeUndefined();
  });

  test("connections are bounded", async () => {
    const { url } = await served({ maxConnections: 2 });
    const first = [socketTo(url), socketTo(url)];
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await received(socketTo(url))).toBe("");
    for (const socket of first) socket.destroy();
  });

  test("writes may be as far ahead as the setting says, and no further", async () => {
    const now = 1_700_000_000_000_000;
    const { fetch } = await served({ maxFutureSkewMs: 1000, clock: { now: () => now } });
    const status = async (timestamp: number): Promise<number> =>
      (await fetch(`/v1/keys/a?ts=${timestamp}`, { method: "PUT", body: "v" })).status;
    expect([await status(now + 1_000_000), await status(now + 1_000_001)]).toEqual([200, 422]);
  });
});

test("a client that leaves cancels its work over HTTP", async () => {
  const started = gate();
  const cancelled = gate();
  const store = overridden(createModelStore(), {
    get(_key, options) {
      started.open();
      return untilAborted(options?.signal).finally(cancelled.open);
    },
  });
  const { fetch } = await served({}, store);
  const controller = new AbortController();
  const call = fetch("/v1/keys/a", { signal: controller.signal });
  call.catch(() => undefined);
  await started.opened;
  controller.abort();
  await cancelled.opened;
});

test("a slow sender of HTTP/2 is cut off", async () => {
  const { server, store } = await served({ requestTimeoutMs: 200 });
  const kv = createClient(KvService, grpcWay.open(server));
  expect((await kv.get({ key: utf8("a") })).version).toBeUndefined();
  const { connect } = await import("node:http2");
  const session = connect(server.grpcUrl);
  const stream = session.request({
    ":method": "POST",
    ":path": "/kvts.v1.KvService/Put",
    "content-type": "application/grpc",
  });
  stream.on("error", () => undefined);
  stream.write(Buffer.from([0, 0, 0, 0, 9]));
  await new Promise((resolve) => stream.once("close", resolve));
  expect((await store.stats()).seq).toBe(0);
  session.destroy();
});
