import { ConnectError, type HandlerContext } from "@connectrpc/connect";
import { toKnownFailure } from "../failures.ts";
import type { Service } from "../service/service.ts";
import type { RpcOptions } from "./call.ts";
import { exchangeOf, serviceOf } from "./context.ts";
import { rpcFailure, toConnectError } from "./errors.ts";

/** Wraps `run` as a method that answers with a stream: its failures become ConnectErrors with details, as `rpc` does it. */
export function streamed<Request, Response>(
  { logger, calls, retryAfterSeconds }: RpcOptions,
  run: (request: Request, service: Service, signal: AbortSignal) => AsyncIterable<Response>,
): (request: Request, context: HandlerContext) => AsyncGenerator<Response> {
  return async function* (request, { signal, values, method }) {
    const call = method.name;
    const exchange = exchangeOf(values);
    const requestId = exchange.id;
    try {
      yield* run(request, serviceOf(values), signal);
      calls.count("grpc", call, "OK", exchange);
    } catch (error) {
      const failure = rpcFailure(error, signal);
      if (failure instanceof ConnectError) throw failure;
      const known = toKnownFailure(failure, { requestId, call, logger });
      calls.count("grpc", call, known.code, exchange);
      logger.debug({ requestId, call, status: known.code }, "answered");
      throw toConnectError(known, { call: "read", retryAfterSeconds });
    }
  };
}
