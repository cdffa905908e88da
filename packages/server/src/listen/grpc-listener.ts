import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Session } from "node:http2";
import { createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { Settings } from "../options.ts";
import type { StreamHandler } from "../rpc/fast-path.ts";
import type { Listener, RequestHandler } from "./listener.ts";
import { secureAnew, secureOptions } from "./secure.ts";
import { listen } from "./socket-address.ts";
import { trackSockets } from "./sockets.ts";

const MiB = 1024 * 1024;
/** How much a client may send ahead of what was read: on one call, and on one connection. */
const streamWindowBytes = MiB;
const sessionWindowBytes = 16 * MiB;
/** Megabytes that Node lets one connection hold before it refuses more calls. */
const sessionMemoryMax = 128;

/** How the gRPC port answers. */
export interface GrpcHandlers {
  /** Sees every stream first; those that it takes go no further. */
  readonly stream: StreamHandler;
  readonly request: RequestHandler;
  /** The line that callers of any other protocol are told. */
  readonly elsewhere: string;
}

/** Serves HTTP/2, over TLS where there are certificates. */
export async function listenGrpc(handlers: GrpcHandlers, settings: Settings): Promise<Listener> {
  const { host, port, tls, maxConnections, maxConcurrentStreams, headersTimeoutMs } = settings;
  const sessions = new Set<ServerHttp2Session>();
  const http2 = createHttp2Server(
    {
      maxSessionMemory: sessionMemoryMax,
      settings: { maxConcurrentStreams, initialWindowSize: streamWindowBytes, enablePush: false },
    },
    handlers.request,
  );
  takeStreamsFirst(http2, handlers.stream);
  http2.on("session", (session: ServerHttp2Session) => {
    sessions.add(session);
    session.setLocalWindowSize(sessionWindowBytes);
    session.once("close", () => sessions.delete(session));
    // A broken connection is its client's affair.
    session.on("error", () => session.destroy());
  });
  const take = (socket: Socket): void =>
    recognise(socket, headersTimeoutMs, handlers.elsewhere, () => http2.emit("connection", socket));
  // A caller of HTTP/1.1 is let in, to be told where to go.
  const server =
    tls === undefined
      ? createServer({ noDelay: true }, take)
      : createTlsServer({ ...secureOptions(tls, ["h2", "http/1.1"]), handshakeTimeout: headersTimeoutMs }, take);
  server.maxConnections = maxConnections;
  const sockets = trackSockets(server);
  const bound = await listen(server, host, port);
  const closed = new Promise<void>((resolve) => server.once("close", resolve));
  return {
    port: bound,
    secure: (renewed) => secureAnew(server, renewed),
    connections: () => sockets.count,
    stop() {
      server.close();
      for (const session of sessions) session.close();
    },
    async destroy() {
      sockets.destroyAll();
      await closed;
    },
  };
}

/** Puts `take` before the listener by which Node makes a request and a response of each stream. */
function takeStreamsFirst(http2: Http2Server, take: StreamHandler): void {
  const others = http2.listeners("stream") as ((...args: unknown[]) => void)[];
  http2.removeAllListeners("stream");
  http2.on("stream", (stream, headers, ...rest) => {
    if (take(stream, headers)) return;
    for (const other of others) other.call(http2, stream, headers, ...rest);
  });
}

/** How every HTTP/2 connection begins. */
const preface = Buffer.from("PRI * HTTP/2.0\r\n");
const tlsHandshake = 0x16;

/** Looks at a connection's first bytes: HTTP/2 goes on, anything else is told where to go. */
function recognise(socket: Socket, timeoutMs: number, elsewhere: string, accept: () => void): void {
  const cut = (): void => void socket.destroy();
  socket.setTimeout(timeoutMs, cut).on("error", cut);
  let seen = Buffer.alloc(0);
  const look = (): void => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    seen = Buffer.concat([seen, chunk]);
    const length = Math.min(seen.length, preface.length);
    const matches = seen.subarray(0, length).equals(preface.subarray(0, length));
    if (matches && length < preface.length) return;
    socket.off("readable", look).off("error", cut).off("timeout", cut).setTimeout(0);
    socket.unshift(seen);
    if (matches) accept();
    else turnAway(socket, seen, elsewhere);
  };
  socket.on("readable", look);
}

/** What a caller gets to read its answer, before its connection is cut. */
const turnAwayMs = 2000;

function turnAway(socket: Socket, seen: Buffer, elsewhere: string): void {
  const cut = (): void => void socket.destroy();
  socket.on("error", cut).setTimeout(turnAwayMs, cut);
  // Its client would read a line of text as a broken handshake.
  if (seen[0] === tlsHandshake) {
    cut();
    return;
  }
  socket.resume();
  const length = Buffer.byteLength(elsewhere) + 1;
  socket.end(
    `HTTP/1.1 505 HTTP Version Not Supported\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: ${length}\r\nconnection: close\r\n\r\n${elsewhere}\n`,
  );
}
