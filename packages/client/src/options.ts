import { checkOptionNames, checkPositiveInteger, invalidArgument, type OptionNames } from "@kvts/common";
import type { RetryPolicy } from "./retry.ts";

/**
 * How often and how patiently calls are retried while the server is unavailable. A write is sent again under its request
 * id, so that it happens once.
 */
export interface RetryOptions {
  /** Most times that one call is sent, the first included: 4 unless given; 1 for no retries. */
  readonly triesMax?: number | undefined;
  /** Longest pause before the second try, in milliseconds, doubled with each further one: 50 unless given. */
  readonly delayMsFirst?: number | undefined;
  /** Longest pause, in milliseconds: 2,000 unless given. */
  readonly delayMsMax?: number | undefined;
}

/** What both clients take. */
export interface ClientOptions {
  /**
   * Deadline of every call that sets none, retries included, in milliseconds: 30,000 unless given. For a scan or a
   * history it is the deadline of each page; their own `timeoutMs` is that of the whole sequence.
   */
  readonly timeoutMs?: number | undefined;
  readonly retry?: RetryOptions | undefined;
  /** What the server knows the caller by: sent with every request as `authorization: Bearer …`. */
  readonly token?: string | undefined;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /**
   * Sends calls that are made in one go together, each still by itself for the server: true unless given. Over HTTP each
   * call always travels alone.
   */
  readonly coalesce?: boolean | undefined;
}

/** Options, checked and complete. */
export interface Settings {
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  readonly headers: Headers;
  readonly coalesce: boolean;
}

/** Longest timer that runtimes keep; a longer one would fire at once. */
export const timeoutMsMax: number = 2 ** 31 - 1;

const optionNames: OptionNames<ClientOptions> = {
  timeoutMs: true,
  retry: true,
  token: true,
  headers: true,
  coalesce: true,
};
const retryNames: OptionNames<RetryOptions> = { triesMax: true, delayMsFirst: true, delayMsMax: true };

/**
 * @param more names of further options that the caller looks after
 * @throws INVALID_ARGUMENT naming the option
 */
export function checkOptions(options: ClientOptions, more: Readonly<Record<string, true>> = {}): Settings {
  checkOptionNames(options, { ...optionNames, ...more }, "a client");
  return {
    timeoutMs: checkTimeoutMs(options.timeoutMs ?? 30_000),
    retry: checkRetry(options.retry ?? {}),
    headers: checkHeaders(options),
    coalesce: checkSwitch(options.coalesce ?? true, "coalesce"),
  };
}

function checkSwitch(value: boolean, name: string): boolean {
  if (typeof value === "boolean") return value;
  throw invalidArgument(`${name} must be true or false, not ${JSON.stringify(value)}`);
}

/** A deadline that a timer can keep. */
export function checkTimeoutMs(timeoutMs: number): number {
  return Math.min(checkPositiveInteger(timeoutMs, "timeoutMs"), timeoutMsMax);
}

function checkRetry(retry: RetryOptions): RetryPolicy {
  checkOptionNames(retry, retryNames, "retry");
  const { triesMax = 4, delayMsFirst = 50, delayMsMax = 2_000 } = retry;
  return {
    triesMax: checkPositiveInteger(triesMax, "retry.triesMax"),
    delayMsFirst: checkPositiveInteger(delayMsFirst, "retry.delayMsFirst"),
    delayMsMax: checkPositiveInteger(delayMsMax, "retry.delayMsMax"),
  };
}

function checkHeaders({ headers, token }: ClientOptions): Headers {
  const sent = sendable(headers);
  if (token === undefined) return sent;
  if (sent.has("authorization"))
    throw invalidArgument("token and headers.authorization are the same; give one of them");
  if (!/^[\w.~+/-]+=*$/.test(token))
    throw invalidArgument("the token has characters that none has; check what it was read from");
  sent.set("authorization", `Bearer ${token}`);
  return sent;
}

function sendable(headers: ClientOptions["headers"]): Headers {
  try {
    return new Headers(headers);
  } catch (cause) {
    throw invalidArgument(`headers cannot be sent: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}
