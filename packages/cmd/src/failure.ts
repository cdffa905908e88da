import { isKvtsError } from "@kvts/common";

/** What a command's exit code says. */
export const exitCodes = { ok: 0, failure: 1, usage: 2, notFound: 3 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** A failure as it is told: on one line of stderr, or as one JSON object. */
export interface Failure {
  readonly exitCode: ExitCode;
  readonly code: string;
  /** One sentence that says what to do. */
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Ends a command with an exit code and a sentence. */
export class CommandError extends Error {
  override readonly name: string = "CommandError";
  readonly exitCode: ExitCode;
  readonly code: string;

  constructor(exitCode: ExitCode, code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.exitCode = exitCode;
    this.code = code;
  }
}

/** The caller typed something that cannot be meant. */
export function usageError(message: string): CommandError {
  return new CommandError(exitCodes.usage, "USAGE", message);
}

/** There is nothing where the caller looked. */
export function notFound(message: string): CommandError {
  return new CommandError(exitCodes.notFound, "NOT_FOUND", message);
}

/** The work itself went wrong, or only a part of it could be done. */
export function failed(message: string, cause?: unknown): CommandError {
  return new CommandError(exitCodes.failure, "FAILED", message, cause);
}

/** What to tell about anything that was thrown. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof CommandError) {
    const details = isKvtsError(error.cause) ? error.cause.details : {};
    return { exitCode: error.exitCode, code: error.code, message: error.message, details };
  }
  if (isKvtsError(error)) {
    const exitCode = error.code === "INVALID_ARGUMENT" ? exitCodes.usage : exitCodes.failure;
    return { exitCode, code: error.code, message: sentenceOf(error), details: error.details };
  }
  if (isSystemError(error)) {
    return { exitCode: exitCodes.failure, code: error.code, message: systemSentence(error), details: {} };
  }
  const message = `something unexpected went wrong: ${error instanceof Error ? error.message : String(error)}; KVTS_DEBUG=1 shows where`;
  return { exitCode: exitCodes.failure, code: "INTERNAL", message, details: {} };
}

/** An error's sentence without a full stop, so that it can go on. */
export function sentenceOf(error: Error): string {
  return error.message.replace(/\.$/, "");
}

interface SystemError extends Error {
  readonly code: string;
  readonly syscall?: string;
  readonly path?: string;
}

function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && typeof (error as Partial<SystemError>).code === "string" && "errno" in error;
}

const systemReasons: Readonly<Record<string, string>> = {
  EACCES: "may not be accessed by this user; change its permissions or name another",
  EPERM: "may not be changed by this user; change its permissions or name another",
  EROFS: "is on a read-only file system; name another place",
  ENOENT: "does not exist; check the path",
  ENOTDIR: "leads through something that is not a directory; check the path",
  EISDIR: "is a directory; name a file",
  EEXIST: "exists already; name another",
  ENOSPC: "cannot grow because the disk is full; make room and try again",
  EDQUOT: "cannot grow because the disk quota is used up; make room and try again",
  EFBIG: "cannot grow any further on this file system; name another place",
  EIO: "cannot be read or written because the disk reports an error; check the disk",
  EMFILE: "cannot be opened because this process has too many open files; raise the limit (ulimit -n)",
  ENFILE: "cannot be opened because the system has too many open files; close some",
};

function systemSentence(error: SystemError): string {
  const reason = systemReasons[error.code];
  if (reason === undefined) return `the system refused: ${error.message}`;
  const subject =
    error.path ?? (error.syscall === "write" ? "the output" : `what ${error.syscall ?? "the call"} was for`);
  return `${subject} ${reason}`;
}
