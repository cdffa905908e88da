import { ConnectError, type HandlerContext } from "@connectrpc/connect";
import type { Logger } from "@kvts/common";
import { toKnownFailure } from "../failures.ts";
import { exchangeOf } from "./context.ts";
import { type RpcErrorContext, rpcFailure, toConnectError } from "./errors.ts";
import type { Encoding } from "./versions.ts";

/** One call, as the services see it. */
export interface RpcCall {
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
  readonly retryAfterSeconds: number;
}

/** Wraps `run` as the implementation of a method: failures become ConnectErrors with details, surprises are logged. */
export function rpc<Request, Response>(
  kind: RpcErrorContext["call"],
  { logger, retryAfterSeconds }: RpcOptions,
  run: (request: Request, call: RpcCall) => Promise<Response>,
): (request: Request, context: HandlerContext) => Promise<Response> {
  return async (request, context) => {
    const requestId = exchangeOf(context.values).id;
    const call = context.method.name;
    try {
      const response = await run(request, { signal: context.signal, encoding: encodingOf(context) });
      logger.debug({ requestId, call, status: "OK" }, "answered");
      return response;
    } catch (error) {
      const failure = rpcFailure(error, context.signal);
      if (failure instanceof ConnectError) throw failure;
      const known = toKnownFailure(failure, { requestId, call, logger });
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
