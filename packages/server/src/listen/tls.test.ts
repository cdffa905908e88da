import { once } from "node:events";
import { request } from "node:https";
import { text } from "node:stream/consumers";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { credentials, status } from "@grpc/grpc-js";
import { createModelStore } from "@kvts/db/testing";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { TlsOptions } from "../options.ts";
import { serve } from "../serve.ts";
import { type Certificates, makeCertificates } from "../testing/certificates.ts";
import { foreignService } from "../testing/foreign.ts";
import { served } from "../testing/harness.ts";
import { exchangeBytes } from "../testing/sockets.ts";

let certificates: Certificates;
let others: Certificates;
beforeAll(async () => {
  [certificates, others] = await Promise.all([makeCertificates(), makeCertificates()]);
});

interface Shown {
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
}

function get(url: string, shown: Shown): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { ...shown, agent: false });
    sent.once("error", reject).once("response", (answer) => {
      text(answer).then((body) => resolve({ status: answer.statusCode!, body }), reject);
    });
    sent.end();
  });
}

function overGrpc(url: string, { ca, cert, key }: Shown): ReturnType<typeof foreignService> {
  const pem = (each: string | undefined): Buffer | null => (each === undefined ? null : Buffer.from(each));
  return foreignService(url, "kvts.v1.KvService", credentials.createSsl(pem(ca), pem(key), pem(cert)));
}

async function handshake(url: string, ALPNProtocols: string[]): Promise<TLSSocket> {
  const { hostname, port } = new URL(url);
  const socket = connectTls({ host: hostname, port: Number(port), ca: certificates.ca.cert, ALPNProtocols });
  onTestFinished(() => void socket.destroy());
  await once(socket, "secureConnect");
  return socket;
}

test("both ports speak TLS, and nothing else", async () => {
  const { server, store } = await served({ tls: certificates.server });
  expect([server.grpcUrl, server.httpUrl]).toEqual([
    expect.stringMatching(/^https:\/\/127\.0\.0\.1:/),
    expect.stringMatching(/^https:\/\/127\.0\.0\.1:/),
  ]);
  const trusting = { ca: certificates.ca.cert };
  const kv = overGrpc(server.grpcUrl, trusting);
  await kv.call("Put", { key: Buffer.from("k"), value: Buffer.from("v") });
  expect((await store.get("k"))?.text()).toBe("v");
  expect(await get(`${server.httpUrl}/v1/keys/k`, trusting)).toEqual({ status: 200, body: "v" });
  for (const url of [server.grpcUrl, server.httpUrl]) {
    expect(await exchangeBytes(url, "GET /v1/keys/k HTTP/1.1\r\nHost: localhost\r\n\r\n")).not.toContain("200 OK");
  }
});

test("clients that trust another authority do not go on", async () => {
  const { server } = await served({ tls: certificates.server });
  const mistrusting = { ca: others.ca.cert };
  await expect(get(`${server.httpUrl}/healthz`, mistrusting)).rejects.toThrow();
  await expect(overGrpc(server.grpcUrl, mistrusting).call("Get", { key: Buffer.from("k") })).rejects.toMatchObject({
    code: status.UNAVAILABLE,
  });
});

test("the gRPC port chooses h2, and tells callers of HTTP/1.1 where to go", async () => {
  const { server } = await served({ tls: certificates.server });
  expect((await handshake(server.grpcUrl, ["http/1.1", "h2"])).alpnProtocol).toBe("h2");
  expect((await handshake(server.httpUrl, ["h2", "http/1.1"])).alpnProtocol).toBe("http/1.1");
  const socket = await handshake(server.grpcUrl, ["http/1.1"]);
  socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  expect(await text(socket)).toContain(`is served at ${server.httpUrl}`);
});

test("other certificates are for the connections to come, and those that cannot be used for none", async () => {
  const { server } = await served({ tls: certificates.server });
  const kv = overGrpc(server.grpcUrl, { ca: certificates.ca.cert });
  const before = await handshake(server.httpUrl, ["http/1.1"]);
  await kv.call("Put", { key: Buffer.from("k"), value: Buffer.from("v") });
  expect(() => server.renewTls({ cert: "x", key: "y" })).toThrow("PEM");
  expect((await get(`${server.httpUrl}/healthz`, { ca: certificates.ca.cert })).status).toBe(200);
  server.renewTls(others.server);
  const renewed = { ca: others.ca.cert };
  expect((await get(`${server.httpUrl}/v1/keys/k`, renewed)).body).toBe("v");
  expect(await overGrpc(server.grpcUrl, renewed).call("Get", { key: Buffer.from("k") })).toHaveProperty("version");
  await expect(get(`${server.httpUrl}/healthz`, { ca: certificates.ca.cert })).rejects.toThrow();
  // Who was there already has noticed nothing.
  expect(await kv.call("Get", { key: Buffer.from("k") })).toHaveProperty("version");
  before.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  expect(await text(before)).toContain("200 OK");
});

test("a server without TLS has no certificates to renew", async () => {
  const { server } = await served();
  expect(() => server.renewTls(certificates.server)).toThrow("started without TLS");
});

describe("with authorities of clients", () => {
  const mutual = (): TlsOptions => ({ ...certificates.server, clientCa: certificates.ca.cert });

  test("a certificate that one of them vouches for lets in", async () => {
    const { server } = await served({ tls: mutual() });
    const shown = { ca: certificates.ca.cert, ...certificates.client };
    expect((await get(`${server.httpUrl}/readyz`, shown)).status).toBe(200);
    await overGrpc(server.grpcUrl, shown).call("Put", { key: Buffer.from("k"), value: Buffer.from("v") });
  });

  test.each(["none", "another authority's"])("%s does not", async (which) => {
    const { server, store } = await served({ tls: mutual() });
    const own = which === "none" ? {} : others.client;
    const shown = { ca: certificates.ca.cert, ...own };
    await expect(get(`${server.httpUrl}/readyz`, shown)).rejects.toThrow();
    await expect(
      overGrpc(server.grpcUrl, shown).call("Put", { key: Buffer.from("k"), value: Buffer.from("v") }),
    ).rejects.toMatchObject({ code: status.UNAVAILABLE });
    expect((await store.stats()).seq).toBe(0);
  });
});

test.each([
  ["no PEM at all", { cert: "x", key: "y" }],
  ["the key of another certificate", undefined],
])("%s is refused before anything is bound", async (_what, given) => {
  const tls = given ?? { cert: certificates.server.cert, key: others.server.key };
  await expect(serve(createModelStore(), { tls, port: 0, httpPort: 0 })).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    message: expect.stringContaining("PEM") as string,
  });
});

describe("an address for other machines", () => {
  test("needs TLS, a token, or to be meant", async () => {
    const host = "0.0.0.0";
    await expect(serve(createModelStore(), { host, port: 0, httpPort: 0 })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      details: { field: "host" },
    });
    for (const options of [{ insecure: true }, { tls: certificates.server }]) await served({ host, ...options });
  });

  test.each(["127.0.0.1", "localhost", "::1", "[::1]", "127.1.2.3"])("%s is none", async (host) => {
    await served({ host });
  });
});
