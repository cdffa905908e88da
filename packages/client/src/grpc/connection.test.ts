import { once } from "node:events";
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Session } from "node:http2";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { GrpcConnection } from "./connection.ts";

const open: { close(): unknown }[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

/** A server that answers every request at once, and the sessions of its clients. */
async function answeringServer(): Promise<{ server: Http2Server; sessions: ServerHttp2Session[]; url: string }> {
  const server = createHttp2Server((_, response) => void response.end("ok")).listen(0, "127.0.0.1");
  const sessions: ServerHttp2Session[] = [];
  server.on("session", (session) => sessions.push(session));
  await once(server, "listening");
  open.push(server, { close: () => sessions.forEach((session) => void session.destroy()) });
  return { server, sessions, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** A way to a server that can be made to swallow everything, as a network does that is gone without a word. */
async function fadingProxy(target: string): Promise<{ url: string; fade(): void }> {
  const sockets: Socket[] = [];
  const proxy = createServer((near) => {
    const far = connect(Number(new URL(target).port), "127.0.0.1");
    near.pipe(far).on("error", () => {});
    far.pipe(near).on("error", () => {});
    sockets.push(near, far);
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  open.push(proxy, { close: () => sockets.forEach((socket) => void socket.destroy()) });
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    fade: () => sockets.forEach((socket) => void socket.unpipe().pause()),
  };
}

const asIs = (cause: unknown): Error => cause as Error;

/** The status of one request, or its error. */
async function ask(connection: GrpcConnection): Promise<unknown> {
  const stream = await connection.request("GET", "/", {});
  stream.resume();
  const [headers] = await once(stream, "response");
  await once(stream, "end");
  return headers[":status"];
}

const settle = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test("a connection is opened once, for all requests that wait for it", async () => {
  const { url, sessions } = await answeringServer();
  const connection = new GrpcConnection(url, asIs);
  expect(await Promise.all([ask(connection), ask(connection), ask(connection)])).toEqual([200, 200, 200]);
  expect(sessions).toHaveLength(1);
  connection.close();
});

test("a server that says goodbye gets no more requests on that connection", async () => {
  const { url, sessions } = await answeringServer();
  const connection = new GrpcConnection(url, asIs);
  await ask(connection);
  sessions[0]!.goaway();
  await settle(50);
  expect(await ask(connection)).toBe(200);
  expect(sessions).toHaveLength(2);
  connection.close();
});

test("a connection that ended is replaced", async () => {
  const { url, sessions } = await answeringServer();
  const connection = new GrpcConnection(url, asIs);
  await ask(connection);
  sessions[0]!.destroy();
  await settle(50);
  expect(await ask(connection)).toBe(200);
  connection.close();
});

test("a server that is gone without a word is noticed by the next request, and another connection tried", async () => {
  const { url } = await answeringServer();
  const proxy = await fadingProxy(url);
  const connection = new GrpcConnection(proxy.url, asIs, { patience: { silenceMsMax: 10, pingTimeoutMs: 100 } });
  expect(await ask(connection)).toBe(200);
  await settle(20);
  // Silence alone is no failure: this server answers the ping.
  expect(await ask(connection)).toBe(200);
  await settle(20);
  proxy.fade();
  await expect(ask(connection)).rejects.toThrow("no sign of life");
  expect(await ask(connection)).toBe(200);
  connection.close();
});

test("opening that fails is told as its owner says, and tried anew by the next request", async () => {
  const { url, server } = await answeringServer();
  const port = Number(new URL(url).port);
  server.close();
  await once(server, "close");
  const connection = new GrpcConnection(url, (cause) => new Error("told otherwise", { cause }));
  const failure = ask(connection);
  await expect(failure).rejects.toThrow("told otherwise");
  await expect(failure).rejects.toMatchObject({ cause: { code: "ECONNREFUSED" } });
  const again = createHttp2Server((_, response) => void response.end("ok")).listen(port, "127.0.0.1");
  await once(again, "listening");
  open.push(again);
  expect(await ask(connection)).toBe(200);
  connection.close();
});

test("a request that is answered before it was sent is sent no further", async () => {
  const { server, url } = await answeringServer();
  // As one that refuses a request for its size: it reads no more, and takes nothing back.
  // Without the listener for requests, and the one for streams that node made for it, which would send trailers too.
  server.removeAllListeners("request").removeAllListeners("stream");
  server.on("stream", (stream) => {
    stream.on("error", () => {});
    stream.once("data", () => stream.pause());
    stream.respond({ ":status": 200 }, { waitForTrailers: true });
    stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": "8" }));
    stream.end();
  });
  const connection = new GrpcConnection(url, asIs);
  const stream = await connection.request("POST", "/", {});
  stream.end(Buffer.alloc(20 * 1024 * 1024));
  stream.resume();
  const [headers] = await once(stream, "response");
  expect(headers[":status"]).toBe(200);
  await once(stream, "close");
  expect(stream.writableFinished).toBe(false);
  connection.close();
});
