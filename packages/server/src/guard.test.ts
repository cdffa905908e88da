import { request } from "node:http";
import { connect } from "node:http2";
import { describe, expect, test } from "vitest";
import { createGuard } from "./guard.ts";
import { served } from "./testing/harness.ts";
import { exchangeBytes } from "./testing/sockets.ts";

describe("who may call", () => {
  const page = "http://evil.example";
  test.each<[bound: string, allowed: string[], host: string | undefined, origin: string | undefined, ok: boolean]>([
    ["127.0.0.1", [], "127.0.0.1:3000", undefined, true],
    ["127.0.0.1", [], "localhost:3000", undefined, true],
    ["127.0.0.1", [], "LOCALHOST", undefined, true],
    ["127.0.0.1", [], "[::1]:3000", undefined, true],
    ["127.0.0.1", [], "localhost:8080", undefined, true],
    ["localhost", [], "127.0.0.1:3000", undefined, true],
    ["::1", [], "[::1]:3000", undefined, true],
    ["::1", [], "::1:3000", undefined, true],
    ["127.0.0.1", [], "2001:db8::1:3000", undefined, false],
    ["127.0.0.1", [], "evil.example", undefined, false],
    ["127.0.0.1", [], "localhost.evil.example", undefined, false],
    ["127.0.0.1", [], "127.0.0.1.evil.example", undefined, false],
    ["127.0.0.1", [], "192.168.0.5:3000", undefined, false],
    ["127.0.0.1", [], undefined, undefined, false],
    ["127.0.0.1", [], "", undefined, false],
    ["127.0.0.1", [], "localhost/", undefined, false],
    ["127.0.0.1", [], "user@localhost", undefined, false],
    ["127.0.0.1", [], "localhost:99999", undefined, false],
    ["127.0.0.1", ["db.internal"], "db.internal:3000", undefined, true],
    ["127.0.0.1", ["DB.internal"], "db.INTERNAL", undefined, true],
    ["127.0.0.1", ["db.internal:3000"], "db.internal:4000", undefined, true],
    ["127.0.0.1", ["fd00::5"], "[fd00::5]:3000", undefined, true],
    ["127.0.0.1", ["db.internal"], "sub.db.internal", undefined, false],
    ["127.0.0.1", ["*"], "anything.example", undefined, true],
    ["192.168.0.5", [], "192.168.0.5:3000", undefined, true],
    ["192.168.0.5", [], "localhost:3000", undefined, false],
    ["0.0.0.0", [], "192.168.0.5:3000", undefined, true],
    ["::", [], "[fd00::5]:3000", undefined, true],
    ["0.0.0.0", [], "localhost", undefined, true],
    ["0.0.0.0", [], "evil.example", undefined, false],
    ["127.0.0.1", [], "localhost:3000", "http://localhost:3000", true],
    ["127.0.0.1", [], "LOCALHOST:3000", "http://localhost:3000", true],
    ["127.0.0.1", [], "localhost:80", "http://localhost", true],
    ["127.0.0.1", ["db.example"], "db.example", "https://db.example", true],
    ["127.0.0.1", [], "localhost:3000", "http://localhost:8080", false],
    ["127.0.0.1", [], "localhost:3000", page, false],
    ["127.0.0.1", [], "localhost:3000", "null", false],
    ["127.0.0.1", [], "localhost:3000", "", false],
    ["127.0.0.1", ["*"], "localhost:3000", page, false],
  ])("bound to %s, allowing %j: Host %j with Origin %j → %s", (bound, allowed, host, origin, ok) => {
    const guard = createGuard(bound, allowed);
    expect(guard.check({ host, origin })?.code).toBe(ok ? undefined : "PERMISSION_DENIED");
    // A name once found good is no pass for others.
    guard.check({ host: "localhost", origin: undefined });
    expect(guard.check({ host, origin })?.code).toBe(ok ? undefined : "PERMISSION_DENIED");
  });
});

/** The status of a request with headers that fetch would not send. */
function statusOver1(url: string, path: string, headers: Record<string, string>, method = "GET"): Promise<number> {
  return new Promise((resolve, reject) => {
    request(`${url}${path}`, { method, headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on("error", reject)
      .end();
  });
}

function statusOver2(url: string, headers: Record<string, string>): Promise<number> {
  const session = connect(url);
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ":method": "POST",
      ":path": "/kvts.v1.KvService/Get",
      "content-type": "application/json",
      ...headers,
    });
    stream.on("response", (response) => resolve(Number(response[":status"])));
    stream.on("error", reject);
    stream.end('{"key":"aw=="}');
  }).finally(() => session.destroy()) as Promise<number>;
}

const foreign = { origin: "http://evil.example" };

test("foreign pages get 403 on every route of the HTTP port, and change nothing", async () => {
  const { url, store, fetch } = await served();
  for (const [path, method] of [
    ["/v1/keys/a", "GET"],
    ["/v1/keys/a", "PUT"],
    ["/v1/keys/a", "DELETE"],
    ["/v1/keys/a", "OPTIONS"],
    ["/v1/batch", "POST"],
    ["/healthz", "GET"],
    ["/openapi.json", "GET"],
    ["/nowhere", "GET"],
    ["/kvts.v1.KvService/Put", "POST"],
    ["/kvts.v1.KvService/Get?encoding=json&message=%7B%7D", "GET"],
  ] as const) {
    expect(await statusOver1(url, path, foreign, method), path).toBe(403);
    expect(await statusOver1(url, path, { host: "evil.example" }, method), path).toBe(403);
  }
  expect((await store.stats()).seq).toBe(0);
  const response = await fetch("/v1/keys/a", { headers: foreign });
  expect(response.headers.get("access-control-allow-origin")).toBeNull();
  expect(await response.json()).toMatchObject({ status: 403, code: "PERMISSION_DENIED" });
});

test("foreign pages get 403 on the gRPC port", async () => {
  const { server } = await served();
  expect(await statusOver2(server.grpcUrl, {})).toBe(200);
  expect(await statusOver2(server.grpcUrl, foreign)).toBe(403);
  expect(await statusOver2(server.grpcUrl, { ":authority": "evil.example" })).toBe(403);
});

test("the server's own pages may call it", async () => {
  const { url, fetch } = await served();
  expect((await fetch("/healthz", { headers: { origin: url } })).status).toBe(200);
});

test("a URL with a host in it counts, not the Host header beside it", async () => {
  const { url } = await served();
  const ask = (target: string): Promise<string> =>
    exchangeBytes(url, `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  expect(await ask("http://localhost/healthz")).toMatch(/^HTTP\/1.1 200 /);
  expect(await ask("http://evil.example/healthz")).toMatch(/^HTTP\/1.1 403 /);
  expect(await ask("http://localhost")).toMatch(/^HTTP\/1.1 404 /);
});
