import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema, type PipelineError, type RetryInfo, RetryInfoSchema } from "@kvts/api";
import { codeOfGrpcStatus, type ErrorDetails, type GrpcStatus, isErrorCode, KvtsError } from "@kvts/common";
import {
  abandonedFailure,
  answeredFailure,
  connectionFailure,
  lateFailure,
  otherProtocolFailure,
  oversizeFailure,
  systemCodes,
} from "../failures.ts";
import { type WireCall, WireFailure } from "../wire.ts";

/** Largest message taken: a change of the largest value to another, with their keys and the fields around them. */
export const messageBytesMax: number = 130 * 1024 * 1024;

/** No connection came to be, so nothing was sent. */
export function unopenedFailure(url: string, cause: unknown): WireFailure {
  return systemCodes(cause).includes("ERR_HTTP2_ERROR")
    ? otherProtocolFailure(
        url,
        "pass the server's gRPC port (50051 unless set) to connect, or this URL to connectHttp",
        cause,
      )
    : connectionFailure(url, cause, "unsent");
}

/** What went wrong in an exchange over Connect: told by the server, by something in between, or by this side. */
export function failureOf(error: unknown, url: string, call?: WireCall): WireFailure {
  if (error instanceof WireFailure) return error;
  if (error instanceof ConnectError && error.cause instanceof WireFailure) return error.cause;
  if (call?.signal?.aborted === true) return abandonedFailure(url, error);
  if (!(error instanceof ConnectError)) return connectionFailure(url, error);
  const told = toldFailure(error);
  if (told !== undefined) return told;
  switch (error.code) {
    case Code.DeadlineExceeded:
      return lateFailure(url, error);
    case Code.ResourceExhausted:
      return error.rawMessage.includes("readMaxBytes")
        ? oversizeFailure(url, messageBytesMax, error)
        : relayed(error, url);
    // How Connect sees streams and connections that end early, or never come to be.
    case Code.Canceled:
    case Code.Aborted:
    case Code.Internal:
      return connectionFailure(url, error);
    case Code.Unavailable:
      return error.cause === undefined ? relayed(error, url) : connectionFailure(url, error);
    default:
      return relayed(error, url);
  }
}

/** The server's own error, by the ErrorInfo that it attaches. */
function toldFailure(error: ConnectError): WireFailure | undefined {
  const info = error.findDetails(ErrorInfoSchema).find(({ domain }) => domain === "kvts");
  if (info === undefined) return undefined;
  const code = isErrorCode(info.reason) ? info.reason : codeOfGrpcStatus(statusOf(error.code));
  const [retryInfo] = error.findDetails(RetryInfoSchema);
  return answeredFailure(code, error.rawMessage, fromMetadata(info.metadata), retryAfterMsOf(retryInfo), error);
}

/** The server's own error to one call of a pipeline. */
export function pipelinedFailure({ code, message, info, retry }: PipelineError, url: string): WireFailure {
  if (info === undefined) return relayed(new ConnectError(message, code as Code), url);
  const reason = isErrorCode(info.reason) ? info.reason : codeOfGrpcStatus(statusOf(code as Code));
  return answeredFailure(reason, message, fromMetadata(info.metadata), retryAfterMsOf(retry), undefined);
}

/** A failure without an ErrorInfo of ours: from a proxy, or from a server that is none of ours. */
function relayed(error: ConnectError, url: string): WireFailure {
  const code = codeOfGrpcStatus(statusOf(error.code));
  const message = `${url} answered "${error.rawMessage}"; check that it is the gRPC address of a kvts server`;
  return new WireFailure(new KvtsError(code, message, { cause: error }), "unknown");
}

/** The names of gRPC's status codes, by their numbers from 1 on. */
const statuses = [
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const satisfies readonly GrpcStatus[];

function statusOf(code: Code): (typeof statuses)[number] {
  return statuses[code - 1] ?? "UNKNOWN";
}

function retryAfterMsOf(info: RetryInfo | undefined): number | undefined {
  const delay = info?.retryDelay;
  return delay === undefined ? undefined : Number(delay.seconds) * 1000 + delay.nanos / 1e6;
}

/** Details travel as strings; numbers and truth values become again what they were. */
function fromMetadata(metadata: Readonly<Record<string, string>>): ErrorDetails {
  return Object.fromEntries(Object.entries(metadata).map(([name, text]) => [name, fromText(text)]));
}

function fromText(text: string): string | number | boolean {
  if (text === "true" || text === "false") return text === "true";
  const number = Number(text);
  return Number.isSafeInteger(number) && String(number) === text ? number : text;
}
