import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema, RetryInfoSchema } from "@kvts/api";
import { codeOfGrpcStatus, type ErrorCode, type GrpcStatus, grpcStatusOf, isKvtsError, KvtsError } from "@kvts/common";
import { requestTooLarge } from "../body.ts";

type FailureStatus = Exclude<GrpcStatus, "OK">;

const codes: Readonly<Record<FailureStatus, Code>> = {
  CANCELLED: Code.Canceled,
  UNKNOWN: Code.Unknown,
  INVALID_ARGUMENT: Code.InvalidArgument,
  DEADLINE_EXCEEDED: Code.DeadlineExceeded,
  NOT_FOUND: Code.NotFound,
  ALREADY_EXISTS: Code.AlreadyExists,
  PERMISSION_DENIED: Code.PermissionDenied,
  RESOURCE_EXHAUSTED: Code.ResourceExhausted,
  FAILED_PRECONDITION: Code.FailedPrecondition,
  ABORTED: Code.Aborted,
  OUT_OF_RANGE: Code.OutOfRange,
  UNIMPLEMENTED: Code.Unimplemented,
  INTERNAL: Code.Internal,
  UNAVAILABLE: Code.Unavailable,
  DATA_LOSS: Code.DataLoss,
  UNAUTHENTICATED: Code.Unauthenticated,
};

const statuses = new Map(Object.entries(codes).map(([status, code]) => [code, status as FailureStatus]));

/** What depends on the server and the call rather than on the error. */
export interface RpcErrorContext {
  readonly call: "read" | "write";
  /** For TOO_LARGE: whether it was the store's limit or the transport's. */
  readonly limit?: "store" | "transport";
  /** What clients are told to wait where waiting helps. */
  readonly retryAfterSeconds: number;
}

/** An error as gRPC, gRPC-Web and Connect carry it: status, sentence, ErrorInfo, and RetryInfo where waiting helps. */
export function toConnectError(error: KvtsError, context: RpcErrorContext): ConnectError {
  const status = grpcStatusOf(error.code, context) as FailureStatus;
  return new ConnectError(error.message, codes[status], undefined, detailsOf(error, status, context), error);
}

type OutgoingDetails = NonNullable<ConstructorParameters<typeof ConnectError>[3]>;

function detailsOf(error: KvtsError, status: FailureStatus, { retryAfterSeconds }: RpcErrorContext): OutgoingDetails {
  const metadata = Object.fromEntries(Object.entries(error.details).map(([name, value]) => [name, String(value)]));
  const details: OutgoingDetails = [
    { desc: ErrorInfoSchema, value: create(ErrorInfoSchema, { reason: error.code, domain: "kvts", metadata }) },
  ];
  if (status === "UNAVAILABLE" || error.code === "OVERLOADED") {
    const retryDelay = { seconds: BigInt(retryAfterSeconds) };
    details.push({ desc: RetryInfoSchema, value: create(RetryInfoSchema, { retryDelay }) });
  }
  return details;
}

/** An error that gRPC has a status for and kvts has no code. */
export function protocolError(code: Code, reason: string, message: string): ConnectError {
  const info = create(ErrorInfoSchema, { reason, domain: "kvts" });
  return new ConnectError(message, code, undefined, [{ desc: ErrorInfoSchema, value: info }]);
}

/**
 * What went wrong in a call whose `signal` may have fired. Stores only say that they were cancelled; the signal knows
 * whether the deadline passed, the client left, or the server is closing.
 */
export function rpcFailure(error: unknown, signal: AbortSignal): unknown {
  if (!isKvtsError(error, "CANCELLED") || !signal.aborted) return error;
  const reason: unknown = signal.reason;
  if (isKvtsError(reason)) return reason;
  return reason instanceof ConnectError && reason.code === Code.DeadlineExceeded
    ? new KvtsError("DEADLINE_EXCEEDED", "the call took longer than its deadline; allow it more time or ask for less")
    : error;
}

/**
 * Gives an error that Connect itself raised (a message that is too large, cannot be parsed or decompressed, …) the
 * status and details that all errors of kvts have. Changes `error`, since Connect goes on with that very object.
 */
export function refineProtocolError(error: ConnectError, context: RpcErrorContext, maxRequestBytes: number): void {
  if (error.details.length > 0) return;
  const refined = refine(error, maxRequestBytes);
  const { code, rawMessage, details } = toConnectError(refined, { ...context, limit: "transport" });
  Object.assign(error, { code, rawMessage, details });
}

function refine({ code, rawMessage }: ConnectError, maxRequestBytes: number): KvtsError {
  // Connect has no code of its own for these two; its tests and ours hold the texts still.
  if (rawMessage.includes("readMaxBytes")) return requestTooLarge(maxRequestBytes);
  if (rawMessage.startsWith("parse binary")) {
    return new KvtsError("INVALID_ARGUMENT", `the request is no message of this method: ${rawMessage}`);
  }
  const reason: ErrorCode = codeOfGrpcStatus(statuses.get(code) ?? "UNKNOWN");
  return new KvtsError(reason, rawMessage);
}
