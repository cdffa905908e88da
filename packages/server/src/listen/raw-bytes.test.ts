import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { served } from "../testing/harness.ts";
import { exchangeBytes, received, socketTo } from "../testing/sockets.ts";

const put = (path: string, more = ""): string =>
  `PUT ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n${more}\r\nv`;

test("paths that URL parsers would mend are read as they came", async () => {
  const { url, store } = await served();
  for (const [path, key] of [
    ["/v1/keys/.", "."],
    ["/v1/keys/..", ".."],
    ["/v1/keys/%2e%2E", ".."],
    ["/v1/keys/a%5Cb", "a\\b"],
  ] as const) {
    expect(await exchangeBytes(url, put(path, "Connection: close\r\n")), path).toMatch(/^HTTP\/1.1 200 /);
    expect((await store.get(key))?.text(), path).toBe("v");
  }
});

test.each([
  ["a space in the path", "PUT /v1/keys/a b HTTP/1.1\r\nHost: localhost\r\n\r\n"],
  ["a byte that is no ASCII", put("/v1/keys/\xe9", "Connection: close\r\n")],
  ["a backslash", put("/v1/keys/a\\b", "Connection: close\r\n")],
  ["a fragment", put("/v1/keys/a#b", "Connection: close\r\n")],
  ["a broken escape", put("/v1/keys/%", "Connection: close\r\n")],
  ["no Host", "PUT /v1/keys/a HTTP/1.1\r\nContent-Length: 1\r\nConnection: close\r\n\r\nv"],
  ["two lengths", "PUT /v1/keys/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nv"],
  ["a length and chunks", put("/v1/keys/a", "Transfer-Encoding: chunked\r\n")],
  ["a length that is no number", "PUT /v1/keys/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\nv"],
  ["broken chunks", "PUT /v1/keys/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
  ["no HTTP at all", "hello there\r\n\r\n"],
  ["an unknown method", "FETCH /v1/keys/a HTTP/1.1\r\nHost: localhost\r\n\r\n"],
  ["gRPC's first bytes", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
])("%s gets 400 in problem+json on the HTTP port, and changes nothing", async (_what, bytes) => {
  const { url, store, fetch } = await served();
  const answer = await exchangeBytes(url, Buffer.from(bytes, "latin1"));
  expect(answer).toMatch(/^HTTP\/1.1 400 /);
  if (_what !== "no Host") {
    expect(answer.toLowerCase()).toContain("content-type: application/problem+json");
    expect(answer.toLowerCase()).toContain("x-content-type-options: nosniff");
    expect(answer).toContain('"code":"INVALID_ARGUMENT"');
  }
  expect((await store.stats()).seq).toBe(0);
  expect((await fetch("/healthz")).status).toBe(200);
});

test("headers that are too long get 431", async () => {
  const { url } = await served();
  const answer = await exchangeBytes(
    url,
    `GET /v1/keys?prefix=${"a".repeat(1_000_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
  );
  expect(answer).toMatch(/^HTTP\/1.1 431 /);
  expect(answer).toContain("/v1/get");
});

test("random bytes harm neither port", async () => {
  const { server, store, fetch } = await served();
  const senders = Array.from({ length: 40 }, async (_, index) => {
    const socket = socketTo(index % 2 === 0 ? server.grpcUrl : server.httpUrl);
    const preface = index % 4 === 0 ? "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" : "";
    socket.end(Buffer.concat([Buffer.from(preface), randomBytes(1 + ((index * 97) % 3000))]));
    await received(socket);
  });
  await Promise.all(senders);
  expect((await store.stats()).seq).toBe(0);
  expect((await fetch("/healthz")).status).toBe(200);
});

test("HTTP/1.1 on the gRPC port is told the right port in one line", async () => {
  const { server } = await served();
  const response = await fetch(`${server.grpcUrl}/v1/keys/a`);
  expect(response.status).toBe(505);
  const text = await response.text();
  expect(text).toContain(server.httpUrl);
  expect(text.trim().split("\n")).toHaveLength(1);
  // Also when its first bytes come one by one, and look like HTTP/2's for a while.
  const socket = socketTo(server.grpcUrl).setNoDelay(true);
  const answer = received(socket);
  for (const character of "PRI /v1") {
    socket.write(character);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(await answer).toContain(server.httpUrl);
});

test("TLS on the gRPC port is cut off, not answered in plain text", async () => {
  const { server } = await served();
  expect(await exchangeBytes(server.grpcUrl, Buffer.from([0x16, 3, 1, 0, 100, 1]))).toBe("");
});

test("a connection that says nothing is cut", async () => {
  const { server } = await served({ headersTimeoutMs: 100 });
  const started = performance.now();
  await received(socketTo(server.grpcUrl));
  expect(await received(socketTo(server.httpUrl))).toMatch(/^(HTTP\/1.1 408 |$)/);
  expect(performance.now() - started).toBeLessThan(5000);
});

test("a body that is too large is refused before it has come", async () => {
  const { url, store } = await served({ maxRequestBytes: 10_000 });
  const socket = socketTo(url);
  socket.write("PUT /v1/keys/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\nfirst bytes");
  const answer = received(socket);
  expect(await answer).toMatch(/^HTTP\/1.1 413 .*max-request-bytes/s);
  const chunked = socketTo(url);
  chunked.write("PUT /v1/keys/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
  const refusal = received(chunked);
  const chunk = `1000\r\n${"x".repeat(0x1000)}\r\n`;
  for (let sent = 0; sent < 4; sent++) chunked.write(chunk);
  expect(await refusal).toMatch(/^HTTP\/1.1 413 /);
  expect((await store.stats()).seq).toBe(0);
});

test("who asks before sending a body is told at once whether it will be taken", async () => {
  const { url, store } = await served({ maxRequestBytes: 10_000 });
  const head = (length: number): string =>
    `PUT /v1/keys/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`;
  const refused = socketTo(url);
  refused.write(head(10_001));
  expect(await received(refused)).toMatch(/^HTTP\/1.1 413 /);
  const taken = socketTo(url);
  taken.write(head(5));
  taken.once("data", () => taken.write("value"));
  expect(await received(taken)).toMatch(/^HTTP\/1.1 100 .*HTTP\/1.1 200 /s);
  expect((await store.get("a"))?.text()).toBe("value");
});

test("a client that leaves half way through a body writes nothing", async () => {
  const { url, store } = await served();
  const socket = socketTo(url);
  socket.write("PUT /v1/keys/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf");
  await new Promise((resolve) => setTimeout(resolve, 50));
  socket.destroy();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect((await store.stats()).seq).toBe(0);
});

test("requests on one connection are answered one after another", async () => {
  const { url } = await served();
  const get = "GET /v1/keys/a HTTP/1.1\r\nHost: localhost\r\n";
  const answer = await exchangeBytes(url, `${put("/v1/keys/a")}${get}\r\n${get}Connection: close\r\n\r\n`);
  expect(answer.match(/HTTP\/1.1 200 /g)).toHaveLength(3);
});
