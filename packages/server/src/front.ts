import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { KvtsError, type Logger } from "@kvts/common";
import { discardUnreadBody } from "./body.ts";
import type { Exchanges, Incoming, Outgoing } from "./exchanges.ts";
import type { Caller, Guard } from "./guard.ts";
import { mediaType } from "./http/json-body.ts";
import { problem, problemReply } from "./http/problem.ts";
import { type Reply, sendReply } from "./http/reply.ts";
import type { RequestHandler } from "./listen/listener.ts";
import type { RpcHandler } from "./rpc/adapter.ts";
import { type RpcErrorContext, toConnectError } from "./rpc/errors.ts";
import { amendMessage } from "./rpc/grpc-message.ts";

export interface FrontOptions {
  readonly guard: Guard;
  readonly rpc: RpcHandler;
  readonly exchanges: Exchanges;
  readonly logger: Logger;
}

/**
 * What every request passes first, on both ports: the guard, then the methods that have a path of their own. What is
 * left goes to `rest`.
 */
export function createFront({ guard, rpc, exchanges, logger }: FrontOptions, rest: RequestHandler): RequestHandler {
  const { retryAfterSeconds } = exchanges;
  const admit: RequestHandler = (incoming, outgoing) => {
    const refusal = guard.check(callerOf(incoming));
    if (refusal !== undefined) {
      const context = { call: "read", retryAfterSeconds } as const;
      const reply = grpcRefusal(refusal, incoming, context) ?? problemReply(refusal, context);
      refuse(reply, incoming, outgoing, exchanges);
    } else if (!rpc.handle(incoming, outgoing)) {
      rest(incoming, outgoing);
    }
  };
  return (incoming, outgoing) => {
    try {
      admit(incoming, outgoing);
    } catch (error) {
      // Whatever a request brings ends that request, never the process.
      logger.error({ err: error }, "a request could not be handled");
      outgoing.destroy();
    }
  };
}

/** Answers what is left on the gRPC port: calls of unknown methods, each in its own protocol. */
export function refuseUnknownMethods(exchanges: Exchanges, elsewhere: string): RequestHandler {
  const { retryAfterSeconds } = exchanges;
  const unknown = problem(404, "UNIMPLEMENTED", `this port has no such method; ${elsewhere}`);
  const error = new KvtsError(
    "UNIMPLEMENTED",
    "this server has no such method; its reflection lists those that it has",
  );
  return (incoming, outgoing) => {
    const reply = grpcRefusal(error, incoming, { call: "read", retryAfterSeconds }) ?? unknown;
    refuse(reply, incoming, outgoing, exchanges);
  };
}

/** For a call of gRPC or gRPC-Web: the error in the headers of an answer that has nothing else. */
function grpcRefusal(error: KvtsError, { headers }: Incoming, context: RpcErrorContext): Reply | undefined {
  const type = mediaType(headers["content-type"]);
  if (!type.startsWith("application/grpc")) return undefined;
  const status = setTrailerStatus(new Headers({ "content-type": type }), toConnectError(error, context));
  amendMessage(status);
  return { status: 200, headers: Object.fromEntries(status), body: undefined };
}

function refuse(reply: Reply, incoming: Incoming, outgoing: Outgoing, exchanges: Exchanges): void {
  const { id } = exchanges.begin(incoming, outgoing);
  discardUnreadBody(incoming, outgoing);
  sendReply(reply, outgoing, id);
}

/** Who calls. A URL with a host in it overrules the Host header, and is brought to its usual form. */
function callerOf(incoming: Incoming): Caller {
  const { headers } = incoming;
  const origin = headers.origin;
  const absolute = /^https?:\/\/([^/?#]*)(.*)$/i.exec(incoming.url ?? "");
  if (absolute === null) return { host: hostOf(incoming), origin };
  const rest = absolute[2]!;
  incoming.url = rest.startsWith("/") ? rest : `/${rest}`;
  return { host: absolute[1], origin };
}

function hostOf({ headers }: Incoming): string | undefined {
  const authority = headers[":authority"];
  return typeof authority === "string" ? authority : headers.host;
}
