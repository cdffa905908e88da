import { createConnection } from "node:net";
import { expect, test } from "vitest";
import { problemOf, served } from "./testing/harness.ts";

const MiB = 1024 * 1024;

test("answers that nobody takes are bounded, leave room for others, and are let go with their clients", async () => {
  const { store, url, fetch } = await served({ maxBufferedBytes: 40 * MiB });
  await store.put("large", new Uint8Array(4 * MiB));
  await store.put("small", "v");
  const { hostname, port } = new URL(url);
  const sockets = Array.from({ length: 20 }, () => {
    const socket = createConnection({ host: hostname, port: Number(port) }).pause();
    socket.write("GET /v1/keys/large HTTP/1.1\r\nHost: localhost\r\n\r\n");
    return socket;
  });
  const held = async (): Promise<number> =>
    Number(/^kvts_request_bytes_held (\S+)$/m.exec(await (await fetch("/metrics")).text())?.[1]);
  await expect.poll(held).toBeGreaterThan(20 * MiB);
  expect(await held()).toBeLessThan(31 * MiB);
  const refused = await fetch("/v1/keys/large");
  expect(refused.headers.get("retry-after")).toBe("1");
  expect(await problemOf(refused)).toMatchObject({ status: 429, code: "OVERLOADED" });
  expect(await (await fetch("/v1/keys/small")).text()).toBe("v");
  expect((await fetch("/v1/keys/other", { method: "PUT", body: new Uint8Array(4 * MiB) })).status).toBe(200);
  for (const socket of sockets) socket.destroy();
  await expect.poll(async () => (await held()) < MiB).toBe(true);
  expect((await (await fetch("/v1/keys/large")).arrayBuffer()).byteLength).toBe(4 * MiB);
});
