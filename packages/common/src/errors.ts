/** Every reason for which kvts refuses or fails (docs/semantics.md, "Limits and errors"). */
export type ErrorCode =
  | "INVALID_ARGUMENT"
  | "TOO_LARGE"
  | "HISTORY_TRIMMED"
  | "FEED_TRIMMED"
  | "CURSOR_EXPIRED"
  | "SNAPSHOT_EXPIRED"
  | "OPERATION_EXPIRED"
  | "TIMESTAMP_AHEAD"
  | "CONFLICT"
  | "UNAVAILABLE"
  | "NO_SPACE"
  | "OVERLOADED"
  | "CORRUPTION"
  | "LOCKED"
  | "CLOSED"
  | "READ_ONLY"
  | "UNAUTHENTICATED"
  | "PERMISSION_DENIED"
  | "CANCELLED"
  | "DEADLINE_EXCEEDED"
  | "UNIMPLEMENTED"
  | "INTERNAL";

/** Facts that belong to an error (`oldestReadable`, `currentSeq`, `file`, `offset` …); the same names on every face. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean>>;

export interface KvtsErrorOptions {
  readonly details?: ErrorDetails;
  readonly cause?: unknown;
}

/** The one error type of every kvts face: a code to branch on, and one sentence that says what to do. */
export class KvtsError extends Error {
  override readonly name: string = "KvtsError";
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: KvtsErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** Whether `error` is a {@link KvtsError}, of `code` where one is given; works across duplicated packages. */
export function isKvtsError(error: unknown, code?: ErrorCode): error is KvtsError {
  return (
    error instanceof Error && error.name === "KvtsError" && (code === undefined || (error as KvtsError).code === code)
  );
}

/** The same error, said of one of several things that were passed in: `name` and its index come first. */
export function atIndex(error: KvtsError, name: string, index: number): KvtsError {
  const details = { ...error.details, [name]: index };
  return new KvtsError(error.code, `${name} ${index}: ${error.message}`, { details, cause: error });
}

/** The error for a caller's mistake. `message` is one sentence that says what to do instead. */
export function invalidArgument(message: string, details?: ErrorDetails): KvtsError {
  return new KvtsError("INVALID_ARGUMENT", message, details === undefined ? {} : { details });
}
