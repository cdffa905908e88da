import { connect, connectHttp } from "@kvts/client";
import type { Store } from "@kvts/common";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { attacks } from "./attacks/all.ts";
import { type ServerProcess, startServer, type TemporaryDirectory, temporaryDirectory } from "./server-process.ts";

/** How long an attack goes on. */
const holdMs = 300;
/** A call that takes longer, during an attack, is as good as none. */
const timeoutMs = 5000;

describe("a server under attack answers, loses nothing, and has forgotten about it afterwards:", {
  timeout: 30_000,
}, () => {
  let directory: TemporaryDirectory;
  let server: ServerProcess;
  let clients: readonly Store[];
  let count = 0;

  beforeAll(async () => {
    directory = await temporaryDirectory();
    server = await startServer({ dbPath: directory.path, flags: ["--log-level", "warn"] });
    // Calls that travel alone leave nothing open, which would look like a request that hangs.
    clients = [connect(server.grpcUrl, { timeoutMs, coalesce: false }), connectHttp(server.httpUrl, { timeoutMs })];
  });

  afterAll(async () => {
    for (const client of clients) await client.close();
    expect(await server.stop(), server.log()).toBe(0);
    // Whatever comes from outside is no failure of the server's own.
    expect(
      server
        .log()
        .split("\n")
        .filter((line) => line.includes('"level":50')),
    ).toEqual([]);
    await directory[Symbol.asyncDispose]();
  });

  test.each(Object.entries(attacks))("%s", async (_name, attack) => {
    const attacking = attack(server, holdMs);
    let over = false;
    const attacked = attacking.finally(() => {
      over = true;
    });
    do {
      const value = String(++count);
      await Promise.all(clients.map((client, i) => client.put(`key-${i}`, value)));
      for (const [i, client] of clients.entries()) expect((await client.get(`key-${i}`))?.text()).toBe(value);
      expect((await fetch(`${server.httpUrl}/readyz`)).status).toBe(200);
    } while (!over);
    await attacked;
    await expect.poll(() => requestsHeld(server), { timeout: timeoutMs }).toEqual({ requests: 1, bytes: 0 });
  });
});

/** Requests in flight (that which asks among them), and the bytes held by all. */
async function requestsHeld({ httpUrl }: ServerProcess): Promise<{ requests: number; bytes: number }> {
  const text = await (await fetch(`${httpUrl}/metrics`)).text();
  const figure = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
  return { requests: figure("kvts_requests_in_flight"), bytes: figure("kvts_request_bytes_held") };
}
