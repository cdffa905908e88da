import type { DescMethod } from "@bufbuild/protobuf";
import { ConnectError, type ConnectRouter, createConnectRouter, type HandlerContext } from "@connectrpc/connect";
import type { UniversalHandler, UniversalServerRequest } from "@connectrpc/connect/protocol";
import { compressionGzip, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import { isKvtsError, KvtsError } from "@kvts/common";
import type { Access } from "../access.ts";
import { discardUnreadBody, readBody } from "../body.ts";
import type { Exchange, Exchanges, Incoming, Outgoing } from "../exchanges.ts";
import { toKnownFailure } from "../failures.ts";
import { commonHeaders } from "../http/reply.ts";
import type { CallMeter } from "../metrics/calls.ts";
import type { Settings } from "../options.ts";
import { admitTo, contextWith, exchangeOf } from "./context.ts";
import { refineProtocolError, toConnectError } from "./errors.ts";
import { withAmendedMessage } from "./grpc-message.ts";

/** Serves gRPC, gRPC-Web and Connect from Node's requests, of HTTP/1.1 and HTTP/2. */
export interface RpcHandler {
  /** Takes the request if its path is that of a method. */
  handle(incoming: Incoming, outgoing: Outgoing): boolean;
}

export interface RpcHandlerOptions {
  readonly exchanges: Exchanges;
  readonly access: Access;
  readonly calls: CallMeter;
  readonly settings: Settings;
  /** Full names of services that answer anybody, also while the server starts and closes. */
  readonly always: ReadonlySet<string>;
}

export function createRpcHandler(
  routes: (router: ConnectRouter) => void,
  { exchanges, access, calls, settings, always }: RpcHandlerOptions,
): RpcHandler {
  const { logger, maxRequestBytes } = settings;
  const { retryAfterSeconds } = exchanges;
  const router = createConnectRouter({
    readMaxBytes: maxRequestBytes,
    acceptCompression: [compressionGzip],
    // Answers are never compressed: that costs more than all else that a call does.
    compressMinBytes: Number.MAX_SAFE_INTEGER,
    // As in protobuf's own JSON: a misspelt field is not taken for an absent one.
    jsonOptions: { ignoreUnknownFields: false },
    requestGate: admit,
  });
  routes(router);
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));

  /**
   * Turns calls away that may not be made, now or by their caller, and sees to the errors of Connect itself. It raises those before and after
   * the implementation runs, out of reach of interceptors, but aborts the call's context with each before it writes it
   * out. There they get the details that every error of kvts has.
   */
  async function admit(context: HandlerContext): Promise<void> {
    const refine = (): void => {
      const reason: unknown = context.signal.reason;
      if (reason instanceof ConnectError) {
        const code = refineProtocolError(reason, { call: "read", retryAfterSeconds }, maxRequestBytes);
        if (code !== undefined) calls.count("grpc", context.method.name, code, exchangeOf(context.values));
      }
    };
    context.signal.addEventListener("abort", refine, { once: true });
    if (always.has(context.service.typeName)) return;
    try {
      exchanges.checkOpen();
      admitTo(access.serviceFor(context.requestHeader.get("authorization") ?? undefined), context.values);
    } catch (error) {
      const code = isKvtsError(error) ? error.code : "INTERNAL";
      calls.count("grpc", context.method.name, code, exchangeOf(context.values));
      throw isKvtsError(error) ? toConnectError(error, { call: "read", retryAfterSeconds }) : error;
    }
  }

  function run(handler: UniversalHandler, incoming: Incoming, outgoing: Outgoing): void {
    const exchange = exchanges.begin(incoming, outgoing, takesStream(handler.method));
    discardUnreadBody(incoming, outgoing);
    if (always.has(handler.method.parent.typeName)) exchange.trace?.forget();
    else exchange.trace?.isRpc(handler.method);
    for (const [name, value] of Object.entries(commonHeaders(exchange.id))) outgoing.setHeader(name, value);
    handler(universalRequest(handler, incoming, exchange))
      .then((response) => universalResponseToNodeResponse(withAmendedMessage(response), outgoing))
      .catch((error: unknown) => {
        // The client is gone, or its connection broke: nobody is left to be told.
        logger.debug({ err: error, requestId: exchange.id, call: handler.method.name }, "an answer could not be sent");
        outgoing.destroy();
      });
  }

  function universalRequest(
    { method }: UniversalHandler,
    incoming: Incoming,
    exchange: Exchange,
  ): UniversalServerRequest {
    return {
      httpVersion: incoming.httpVersion,
      method: incoming.method ?? "",
      // Handlers look at its query alone.
      url: new URL(incoming.url ?? "/", "http://kvts").href,
      header: webHeaders(incoming),
      body: takesStream(method) ? streamedBody(incoming, exchange) : wholeBody(incoming, exchange),
      signal: exchange.signal,
      contextValues: contextWith(exchange),
    };
  }

  async function* wholeBody(incoming: Incoming, exchange: Exchange): AsyncGenerator<Uint8Array> {
    try {
      const body = await readBody(incoming, exchange, maxRequestBytes, envelopeBytesMax);
      if (isCompressed(incoming)) exchange.hold(Math.min(maxRequestBytes, body.length * gzipRatioMax));
      yield body;
    } catch (error) {
      const failure = toKnownFailure(error, { requestId: exchange.id, call: "request body", logger });
      throw toConnectError(failure, { call: "read", limit: "transport", retryAfterSeconds });
    }
  }

  /** Many messages, as they come: the first is answered before the last is sent. */
  async function* streamedBody(incoming: Incoming, exchange: Exchange): AsyncGenerator<Uint8Array> {
    try {
      if (isCompressed(incoming)) exchange.hold(maxRequestBytes);
      for await (const chunk of incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
        exchange.hold(chunk.length);
        yield chunk;
        exchange.release(chunk.length);
      }
    } catch (error) {
      const left = new KvtsError("CANCELLED", "the client left before its request was whole", { cause: error });
      throw toConnectError(isKvtsError(error) ? error : left, { call: "read", retryAfterSeconds });
    }
  }

  return {
    handle(incoming, outgoing) {
      const handler = handlers.get((incoming.url ?? "").split("?", 1)[0]!);
      if (handler === undefined) return false;
      run(handler, incoming, outgoing);
      return true;
    },
  };
}

function takesStream({ methodKind }: DescMethod): boolean {
  return methodKind === "client_streaming" || methodKind === "bidi_streaming";
}

/** What gRPC and gRPC-Web put around a message. */
const envelopeBytesMax = 64;

/** How many bytes one of gzip's can stand for. */
const gzipRatioMax = 1032;

function isCompressed({ headers }: Incoming): boolean {
  const encodings = [headers["grpc-encoding"], headers["content-encoding"]];
  return encodings.some((encoding) => encoding !== undefined && encoding !== "identity");
}

function webHeaders({ headers }: Incoming): Headers {
  const web = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(":")) continue;
    web.set(name, typeof value === "string" ? value : value.join(", "));
  }
  return web;
}
