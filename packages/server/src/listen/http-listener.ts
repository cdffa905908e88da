import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Socket } from "node:net";
import { problem } from "../http/problem.ts";
import { protection } from "../http/reply.ts";
import type { Settings } from "../options.ts";
import type { Listener, RequestHandler } from "./listener.ts";
import { secureAnew, secureOptions } from "./secure.ts";
import { listen } from "./socket-address.ts";
import { trackSockets } from "./sockets.ts";

/*
 * A request's line and headers: room for a start and an end of 65,535 bytes each, percent-encoded throughout, for a page
 * token that holds such a key, and for ordinary headers.
 */
const headerBytesMax = 2 * 3 * 65_535 + 96 * 1024 + 32 * 1024;
const headersMax = 200;
/** Longer than the idle time of usual clients and proxies, so that they and not the server end connections. */
const keepAliveTimeoutMs = 75_000;

/** Serves HTTP/1.1, over TLS where there are certificates. */
export async function listenHttp(handle: RequestHandler, settings: Settings): Promise<Listener> {
  const { host, httpPort, tls, maxConnections, headersTimeoutMs, requestTimeoutMs, maxRequestBytes } = settings;
  const answer = inOrder(handle);
  const options: ServerOptions = {
    maxHeaderSize: headerBytesMax,
    headersTimeout: Math.min(headersTimeoutMs, requestTimeoutMs),
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(headersTimeoutMs, 10_000),
  };
  const server =
    tls === undefined
      ? createServer(options, answer)
      : createTlsServer(
          { ...options, ...secureOptions(tls, ["http/1.1"]), handshakeTimeout: headersTimeoutMs },
          answer,
        );
  server.maxConnections = maxConnections;
  server.maxHeadersCount = headersMax;
  server.on("checkContinue", (incoming: IncomingMessage, outgoing: ServerResponse) => {
    // A body that will be refused need not be sent.
    if (Number(incoming.headers["content-length"] ?? 0) <= maxRequestBytes) outgoing.writeContinue();
    answer(incoming, outgoing);
  });
  server.on("clientError", refuseBroken);
  const sockets = trackSockets(server);
  const port = await listen(server, host, httpPort);
  const closed = new Promise<void>((resolve) => server.once("close", resolve));
  return {
    port,
    secure: (renewed) => secureAnew(server, renewed),
    connections: () => sockets.count,
    stop: () => void server.close(),
    async destroy() {
      sockets.destroyAll();
      await closed;
    },
  };
}

/**
 * Node hands over the requests of one connection as they arrive, answered or not. A read sent after a write must see it,
 * so each waits until the one before is answered.
 */
function inOrder(handle: RequestHandler): RequestListener {
  const latest = new WeakMap<Socket, ServerResponse>();
  return (incoming, outgoing) => {
    const before = latest.get(incoming.socket);
    latest.set(incoming.socket, outgoing);
    if (before === undefined || before.closed) handle(incoming, outgoing);
    else before.once("close", () => handle(incoming, outgoing));
  };
}

/** Answers what is no HTTP request at all, or came too slowly. */
function refuseBroken(error: NodeJS.ErrnoException, socket: Socket): void {
  // A handshake that failed has nobody who could read an answer.
  if (!socket.writable || error.code === "ECONNRESET" || /^ERR_(?:SSL|TLS)/.test(error.code ?? "")) {
    socket.destroy();
    return;
  }
  const { status, headers, body } = brokenReply(error.code);
  const head = { ...protection, ...headers, "content-length": Buffer.byteLength(body as string), connection: "close" };
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${String(value)}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${titleOf(body as string)}\r\n${lines.join("")}\r\n${body as string}`);
}

function titleOf(body: string): string {
  return (JSON.parse(body) as { title: string }).title;
}

function brokenReply(code: string | undefined): ReturnType<typeof problem> {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return problem(
        431,
        "TOO_LARGE",
        "the URL and headers are too long; send long keys in the body, to /v1/get or /v1/batch",
      );
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return problem(413, "TOO_LARGE", "the body's chunk extensions are too long; send none");
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return problem(408, "DEADLINE_EXCEEDED", "the request took too long to arrive; send it without pauses");
    case "HPE_PAUSED_H2_UPGRADE":
    case "HPE_INVALID_METHOD":
    case "HPE_INVALID_VERSION":
      return problem(400, "INVALID_ARGUMENT", "this port speaks HTTP/1.1, and gRPC over HTTP/2 has a port of its own");
    default:
      return problem(400, "INVALID_ARGUMENT", "this is no HTTP request that can be read; send one of HTTP/1.1");
  }
}
