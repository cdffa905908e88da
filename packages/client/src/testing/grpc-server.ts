import { once } from "node:events";
import { createServer, type Http2Server, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import type { ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";

export interface GrpcServer extends AsyncDisposable {
  readonly url: string;
  readonly server: Http2Server;
  /** The connections that clients have open. */
  readonly sessions: ReadonlySet<ServerHttp2Session>;
}

/** Serves what a test implements, over plaintext HTTP/2 on a free port. */
export async function grpcServer(routes: (router: ConnectRouter) => void): Promise<GrpcServer> {
  const server = createServer(connectNodeAdapter({ routes, grpcWeb: false, connect: false }));
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    sessions,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const session of sessions) session.destroy();
    },
  };
}
