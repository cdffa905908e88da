import { type ErrorCode, isKvtsError, KvtsError, type Logger } from "@kvts/common";

/** Failures that an operator should hear of, whoever caused the call. */
const serious: ReadonlySet<ErrorCode> = new Set(["INTERNAL", "CORRUPTION", "NO_SPACE", "READ_ONLY", "CLOSED"]);

/** Where a failure happened, for the log. */
export interface FailureContext {
  readonly requestId: string;
  /** The method or route, never the request's own data. */
  readonly call: string;
  readonly logger: Logger;
}

/** Any failure as one that may be told to clients. What they cannot mend is logged, and told without its inner parts. */
export function toKnownFailure(error: unknown, { requestId, call, logger }: FailureContext): KvtsError {
  if (!isKvtsError(error)) {
    logger.error({ err: error, requestId, call }, "a call failed unexpectedly");
    const sentence = `the server failed unexpectedly; its log has the reason under request id ${requestId}`;
    return new KvtsError("INTERNAL", sentence, { cause: error });
  }
  if (serious.has(error.code)) logger.error({ err: error, requestId, call }, "a call failed");
  return error;
}
