import { fileURLToPath } from "node:url";
import { connect } from "@kvts/client";
import { ChildServer, freePort } from "./child-server.ts";
import type { Client, Contender, Running } from "./contender.ts";
import { inBatches } from "./in-batches.ts";

const command = fileURLToPath(new URL("../../../packages/cmd/dist/main.js", import.meta.url));
const loadBatch = 1000;

/** Where a running kvts server is, for load generators of other makers. */
export interface KvtsRunning extends Running {
  readonly grpcUrl: string;
  readonly httpUrl: string;
}

export const kvts = {
  name: "kvts",
  async start(directory: string): Promise<KvtsRunning> {
    const [port, httpPort] = [await freePort(), await freePort()];
    const flags = ["--port", String(port), "--http-port", String(httpPort), "--db-path", directory];
    const server = await ChildServer.start(
      [process.execPath, command, "server", ...flags, "--log-level", "warn"],
      port,
      "build it first: turbo run build",
    );
    const grpcUrl = `http://127.0.0.1:${port}`;
    return {
      grpcUrl,
      httpUrl: `http://127.0.0.1:${httpPort}`,
      connect: () => Promise.resolve(clientOf(grpcUrl)),
      async load(dataset) {
        await using store = connect(grpcUrl);
        await inBatches(dataset, loadBatch, (batch) => store.write(batch.map((entry) => ({ op: "put", ...entry }))));
      },
      stop: () => server.stop(),
    };
  },
} satisfies Contender;

function clientOf(url: string): Client {
  const store = connect(url);
  return {
    put: ({ key, value }) => store.put(key, value),
    putBatch: (batch) => store.write(batch.map((entry) => ({ op: "put", ...entry }))),
    newest: async (key) => (await store.get(key))?.value,
    asOf: async (key, asOf) => (await store.get(key, { asOf }))?.value,
    history: async (key) =>
      (await store.history(key).toArray()).flatMap(({ deleted, ...version }) => {
        return deleted === true || !("value" in version) ? [] : [version.value];
      }),
    close: () => store.close(),
  };
}
