import type { ErrorCode } from "./errors.ts";

/** The names of gRPC's status codes. */
export type GrpcStatus =
  | "OK"
  | "CANCELLED"
  | "UNKNOWN"
  | "INVALID_ARGUMENT"
  | "DEADLINE_EXCEEDED"
  | "NOT_FOUND"
  | "ALREADY_EXISTS"
  | "PERMISSION_DENIED"
  | "RESOURCE_EXHAUSTED"
  | "FAILED_PRECONDITION"
  | "ABORTED"
  | "OUT_OF_RANGE"
  | "UNIMPLEMENTED"
  | "INTERNAL"
  | "UNAVAILABLE"
  | "DATA_LOSS"
  | "UNAUTHENTICATED";

/** What the status depends on besides the code. */
export interface StatusContext {
  /** Whether the failed call was to change anything. */
  readonly call: "read" | "write";
  /** For TOO_LARGE: whether the store's limit was passed, or a message's. */
  readonly limit?: "store" | "transport";
}

interface Status {
  readonly grpc: GrpcStatus;
  readonly http: number;
}

/** docs/semantics.md, "Limits and errors". `LOCKED` has no place there: it is met at open, before anything is served. */
const statuses: Readonly<Record<ErrorCode, Status>> = {
  INVALID_ARGUMENT: { grpc: "INVALID_ARGUMENT", http: 400 },
  TOO_LARGE: { grpc: "INVALID_ARGUMENT", http: 413 },
  HISTORY_TRIMMED: { grpc: "OUT_OF_RANGE", http: 410 },
  FEED_TRIMMED: { grpc: "OUT_OF_RANGE", http: 410 },
  CURSOR_EXPIRED: { grpc: "OUT_OF_RANGE", http: 410 },
  SNAPSHOT_EXPIRED: { grpc: "OUT_OF_RANGE", http: 410 },
  OPERATION_EXPIRED: { grpc: "OUT_OF_RANGE", http: 410 },
  TIMESTAMP_AHEAD: { grpc: "OUT_OF_RANGE", http: 422 },
  CONFLICT: { grpc: "ABORTED", http: 412 },
  UNAVAILABLE: { grpc: "UNAVAILABLE", http: 503 },
  NO_SPACE: { grpc: "RESOURCE_EXHAUSTED", http: 507 },
  OVERLOADED: { grpc: "RESOURCE_EXHAUSTED", http: 429 },
  CORRUPTION: { grpc: "DATA_LOSS", http: 500 },
  LOCKED: { grpc: "UNAVAILABLE", http: 503 },
  CLOSED: { grpc: "UNAVAILABLE", http: 503 },
  READ_ONLY: { grpc: "FAILED_PRECONDITION", http: 409 },
  UNAUTHENTICATED: { grpc: "UNAUTHENTICATED", http: 401 },
  PERMISSION_DENIED: { grpc: "PERMISSION_DENIED", http: 403 },
  CANCELLED: { grpc: "CANCELLED", http: 499 },
  DEADLINE_EXCEEDED: { grpc: "DEADLINE_EXCEEDED", http: 504 },
  UNIMPLEMENTED: { grpc: "UNIMPLEMENTED", http: 501 },
  INTERNAL: { grpc: "INTERNAL", http: 500 },
};

/** Whether `text` is one of the codes, for what arrives from outside. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(statuses, text);
}

export function grpcStatusOf(code: ErrorCode, context: StatusContext): GrpcStatus {
  return code === "TOO_LARGE" && context.limit === "transport" ? "RESOURCE_EXHAUSTED" : statuses[code].grpc;
}

export function httpStatusOf(code: ErrorCode, context: StatusContext): number {
  return code === "HISTORY_TRIMMED" && context.call === "write" ? 422 : statuses[code].http;
}

/** The likeliest code behind a gRPC status that came without an ErrorInfo, from a proxy for instance. */
const codeByGrpc: Readonly<Record<Exclude<GrpcStatus, "OK">, ErrorCode>> = {
  CANCELLED: "CANCELLED",
  UNKNOWN: "INTERNAL",
  INVALID_ARGUMENT: "INVALID_ARGUMENT",
  DEADLINE_EXCEEDED: "DEADLINE_EXCEEDED",
  NOT_FOUND: "UNIMPLEMENTED",
  ALREADY_EXISTS: "CONFLICT",
  PERMISSION_DENIED: "PERMISSION_DENIED",
  RESOURCE_EXHAUSTED: "OVERLOADED",
  FAILED_PRECONDITION: "READ_ONLY",
  ABORTED: "CONFLICT",
  OUT_OF_RANGE: "HISTORY_TRIMMED",
  UNIMPLEMENTED: "UNIMPLEMENTED",
  INTERNAL: "INTERNAL",
  UNAVAILABLE: "UNAVAILABLE",
  DATA_LOSS: "CORRUPTION",
  UNAUTHENTICATED: "UNAUTHENTICATED",
};

export function codeOfGrpcStatus(status: Exclude<GrpcStatus, "OK">): ErrorCode {
  return codeByGrpc[status];
}

const codeByHttp: ReadonlyMap<number, ErrorCode> = new Map<number, ErrorCode>([
  [401, "UNAUTHENTICATED"],
  [403, "PERMISSION_DENIED"],
  [404, "UNIMPLEMENTED"],
  [405, "UNIMPLEMENTED"],
  [408, "DEADLINE_EXCEEDED"],
  [409, "READ_ONLY"],
  [410, "HISTORY_TRIMMED"],
  [412, "CONFLICT"],
  [413, "TOO_LARGE"],
  [422, "HISTORY_TRIMMED"],
  [429, "OVERLOADED"],
  [431, "TOO_LARGE"],
  [499, "CANCELLED"],
  [501, "UNIMPLEMENTED"],
  [502, "UNAVAILABLE"],
  [503, "UNAVAILABLE"],
  [504, "DEADLINE_EXCEEDED"],
  [507, "NO_SPACE"],
]);

/** The likeliest code behind an HTTP failure whose body is no problem+json of ours. */
export function codeOfHttpStatus(status: number): ErrorCode {
  return codeByHttp.get(status) ?? (status >= 400 && status < 500 ? "INVALID_ARGUMENT" : "INTERNAL");
}
