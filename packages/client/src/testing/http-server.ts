import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface HttpServer extends AsyncDisposable {
  readonly url: string;
}

/** Serves what a test implements, over HTTP/1.1 on a free port. */
export async function httpServer(listener: RequestListener): Promise<HttpServer> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

export async function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export function sendJson(outgoing: ServerResponse, body: unknown, status = 200, type = "application/json"): void {
  outgoing.writeHead(status, { "content-type": type }).end(JSON.stringify(body));
}

export function sendProblem(outgoing: ServerResponse, status: number, code: string, details = {}): void {
  sendJson(outgoing, { code, detail: "a sentence", details }, status, "application/problem+json");
}
