import { ConnectError, type HandlerContext } from "@connectrpc/connect";
import type { Logger } from "@kvts/common";
import type { Exchange } from "../exchanges.ts";
import { toKnownFailure } from "../failures.ts";
import type { CallMeter } from "../metrics/calls.ts";
import type { Service } from "../service/service.ts";
import { exchangeOf, serviceOf } from "./context.ts";
import { type RpcErrorContext, rpcFailure, toConnectError } from "./errors.ts";
import type { Encoding } from "./versions.ts";

/** One call, as the services see it. */
export interface RpcCall {
  /** The service, as far as the caller may use it. */
  readonly service: Service;
  /** Fires at the call's deadline, when the client leaves, and when the server gives up its drain. */
  readonly signal: AbortSignal;
  readonly encoding: Encoding;
}

/** The same where it may be that nobody calls it off. */
export interface UnaryCall extends Omit<RpcCall, "signal"> {
  readonly signal: AbortSignal | undefined;
}

/** What all methods share. */
export interface RpcOptions {
  readonly logger: Logger;
  readonly calls: CallMeter;
  readonly retryAfterSeconds: number;
}

/** Wraps `run` as the implementation of a method: failures become ConnectErrors with details, surprises are logged. */
export function rpc<Request, Response>(
  kind: RpcErrorContext["call"],
  { logger, calls, retryAfterSeconds }: RpcOptions,
  run: (request: Request, call: RpcCall, exchange: Exchange) => Promise<Response>,
): (request: Request, context: HandlerContext) => Promise<Response> {
  return async (request, context) => {
    const exchange = exchangeOf(context.values);
    const requestId = exchange.id;
    const call = context.method.name;
    try {
      const service = serviceOf(context.values);
      const asked = { service, signal: context.signal, encoding: encodingOf(context) };
      const response = await run(request, asked, exchange);
      calls.count("grpc", call, "OK", exchange);
      logger.debug({ requestId, call, status: "OK" }, "answered");
      return response;
    } catch (error) {
      const failure = rpcFailure(error, context.signal);
      if (failure instanceof ConnectError) throw failure;
      const known = toKnownFailure(failure, { requestId, call, logger });
      calls.count("grpc", call, known.code, exchange);
      logger.debug({ requestId, call, status: known.code }, "answered");
      throw toConnectError(known, { call: kind, retryAfterSeconds });
    }
  };
}

function encodingOf({ requestMethod, requestHeader, url }: HandlerContext): Encoding {
  const json =
    requestMethod === "GET"
      ? new URL(url).searchParams.get("encoding") === "json"
      : /\bjson\b/.test(requestHeader.get("content-type") ?? "");
  return json ? "json" : "binary";
}
