import { createServer as createHttp, type Server } from "node:http";
import { createServer as createHttp2, type Http2Server } from "node:http2";
import { type AddressInfo, createServer as createTcp, type Server as TcpServer } from "node:net";
import { afterEach, expect, test } from "vitest";
import { detectFace } from "./detect-face.ts";

const servers: (Server | Http2Server | TcpServer)[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(server: Server | Http2Server | TcpServer): Promise<URL> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

test("a server of HTTP/2 is the gRPC face", async () => {
  expect(await detectFace(await listen(createHttp2()))).toBe("grpc");
});

test("a server of HTTP/1.1 is the HTTP face", async () => {
  expect(await detectFace(await listen(createHttp((_, response) => response.end())))).toBe("http");
});

test("where nothing listens, the sentence says how to start a server", async () => {
  const server = createTcp();
  const url = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  await expect(detectFace(url)).rejects.toThrow(
    `no server answers at ${url.origin}; start a server with \`kvts server\``,
  );
});

test("another protocol, or one that hangs up, is no kvts server", async () => {
  const banner = await listen(createTcp((socket) => socket.end("SSH-2.0-OpenSSH_9.9\r\n")));
  await expect(detectFace(banner)).rejects.toThrow("is no kvts server");
  const mute = await listen(createTcp((socket) => socket.end()));
  await expect(detectFace(mute)).rejects.toThrow("is no kvts server");
});
