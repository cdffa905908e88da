import { type OutgoingHttpHeaders, STATUS_CODES } from "node:http";
import { type ErrorDetails, httpStatusOf, type KvtsError, type StatusContext } from "@kvts/common";
import type { Reply } from "./reply.ts";

/** A failure as RFC 9457 tells it. `code` is an ErrorCode, or NOT_FOUND for a key that holds nothing. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** One sentence that says what to do. */
  readonly detail: string;
  readonly code: string;
  readonly details: ErrorDetails;
}

export interface ProblemContext extends StatusContext {
  /** What clients are told to wait where waiting helps. */
  readonly retryAfterSeconds: number;
}

export function problemReply(error: KvtsError, context: ProblemContext): Reply {
  const headers: OutgoingHttpHeaders = {};
  if (error.code === "UNAVAILABLE" || error.code === "OVERLOADED")
    headers["retry-after"] = String(context.retryAfterSeconds);
  if (error.code === "UNAUTHENTICATED") headers["www-authenticate"] = "Bearer";
  return problem(httpStatusOf(error.code, context), error.code, error.message, error.details, headers);
}

/** A problem whose status is HTTP's own: an unknown route, a wrong method or media type. */
export function problem(
  status: number,
  code: string,
  detail: string,
  details: ErrorDetails = {},
  headers: OutgoingHttpHeaders = {},
): Reply {
  const body: Problem = {
    type: `urn:kvts:error:${code}`,
    title: STATUS_CODES[status] ?? "",
    status,
    detail,
    code,
    details,
  };
  return {
    status,
    headers: { "content-type": "application/problem+json", "cache-control": "no-store", ...headers },
    body: JSON.stringify(body),
    code,
  };
}

/** A failure that is answered with a status other than its code's own. */
export class HttpFailure extends Error {
  readonly reply: Reply;

  constructor(reply: Reply) {
    super("refused");
    this.reply = reply;
  }
}

export function unsupportedMediaType(detail: string): HttpFailure {
  return new HttpFailure(problem(415, "INVALID_ARGUMENT", detail));
}
