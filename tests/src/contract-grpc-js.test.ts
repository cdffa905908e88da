import { open } from "@kvts/db";
import { serve } from "@kvts/server";
import { checkOptions } from "../../packages/client/src/options.ts";
import { createRemoteStore } from "../../packages/client/src/remote-store.ts";
import { type OpenedStore, storeContract } from "./contract.ts";
import { GrpcJsWire } from "./foreign/grpc-js-wire.ts";
import { temporaryDirectory } from "./server-process.ts";

/** An empty store behind a server in this process: what is in question is what goes over the wire. */
async function openForeign(): Promise<OpenedStore> {
  const directory = await temporaryDirectory();
  const db = await open(`${directory.path}/data`, { durability: "buffered" });
  const server = await serve(db, { port: 0, httpPort: 0, maxRequestBytes: 100 * 2 ** 20 });
  const store = createRemoteStore(new GrpcJsWire(server.grpcUrl), checkOptions({}));
  return {
    store,
    bytes: store.with({ keys: "bytes" }),
    async close() {
      await store.close();
      await server.close();
      await db.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}

storeContract("@grpc/grpc-js, by the proto", { open: openForeign, coreOnly: true, lists: true });
