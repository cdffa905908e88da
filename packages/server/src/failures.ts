import { type ErrorCode, isKvtsError, KvtsError, type Logger } from "@kvts/common";

/**
 * Failures that an operator should hear of with every call that meets them. A full disk or a closed store is not among
 * them: whoever brought it about tells of it once, and a line for every write would fill the disk further.
 */
const serious: ReadonlySet<ErrorCode> = new Set(["INTERNAL", "CORRUPTION"]);

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
