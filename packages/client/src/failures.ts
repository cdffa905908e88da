import { type ErrorCode, type ErrorDetails, KvtsError } from "@kvts/common";
import { WireFailure, type WireOutcome } from "./wire.ts";

/** What the server itself said. After some codes nobody can tell what became of a write. */
export function answeredFailure(
  code: ErrorCode,
  message: string,
  details: ErrorDetails,
  retryAfterMs: number | undefined,
  cause: unknown,
): WireFailure {
  const unclear = code === "CANCELLED" || code === "DEADLINE_EXCEEDED" || code === "INTERNAL";
  const error = new KvtsError(code, message, { details, cause });
  return new WireFailure(error, unclear ? "unknown" : "answered", retryAfterMs);
}

/** No answer within the time that the call had. */
export function lateFailure(url: string, cause?: unknown): WireFailure {
  return failure(
    "DEADLINE_EXCEEDED",
    "unknown",
    `the server at ${url} did not answer in time; allow the call a longer timeoutMs or ask for less`,
    cause,
  );
}

/** An answer of more bytes than any that a server of this version gives. */
export function oversizeFailure(url: string, bytesMax: number, cause?: unknown): WireFailure {
  return failure(
    "TOO_LARGE",
    "unknown",
    `the server at ${url} answered with more than the ${bytesMax} bytes that this client takes; ask for less at a time`,
    cause,
  );
}

/** The caller's signal fired. The layer above knows why, and tells that instead. */
export function abandonedFailure(url: string, cause: unknown): WireFailure {
  return failure("CANCELLED", "unknown", `the call to ${url} was cancelled`, cause);
}

/** An answer that no server of this version gives. */
export function brokenAnswer(problem: string, cause?: unknown): WireFailure {
  return failure(
    "INTERNAL",
    "unknown",
    `the server's answer cannot be read: ${problem}; check that the URL is that of a kvts server of this version`,
    cause,
  );
}

/** What answers speaks another protocol. @param otherPort says, in words, which port to use, or which client */
export function otherProtocolFailure(url: string, otherPort: string, cause: unknown): WireFailure {
  return failure("UNAVAILABLE", "unsent", `what answers at ${url} speaks another protocol; ${otherPort}`, cause);
}

/**
 * The failure of a connection: refused, impossible, or lost on the way.
 * @param outcome what became of the request where the cause does not tell
 */
export function connectionFailure(url: string, cause: unknown, outcome: WireOutcome = "unknown"): WireFailure {
  const codes = systemCodes(cause);
  const reason = unsentReasons.find(({ pattern }) => codes.some((code) => pattern.test(code)));
  if (reason !== undefined) return failure("UNAVAILABLE", "unsent", reason.sentence(url), cause);
  const broken = outcome === "unsent" ? "could not be opened" : "broke before the answer came";
  return failure(
    "UNAVAILABLE",
    outcome,
    `the connection to ${url} ${broken} (${innermost(cause)}); check that a kvts server runs there and try again`,
    cause,
  );
}

/** System error codes that rule out that a request was served. */
const unsentReasons: readonly { readonly pattern: RegExp; readonly sentence: (url: string) => string }[] = [
  {
    pattern: /^ECONNREFUSED$/,
    sentence: (url) => `no server answers at ${url}; start one with \`kvts server\`, or check the URL`,
  },
  { pattern: /^(?:ENOTFOUND|EAI_AGAIN)$/, sentence: (url) => `the host of ${url} is not known; check the URL` },
  {
    pattern: /^(?:EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|EADDRNOTAVAIL)$/,
    sentence: (url) => `the host of ${url} cannot be reached; check the URL and the network`,
  },
  {
    pattern: /^(?:ERR_SSL_|ERR_TLS_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH)/,
    sentence: (url) =>
      `no secure connection to ${url} can be made; check its certificate, and whether it is https or http`,
  },
];

function failure(code: ErrorCode, outcome: WireOutcome, message: string, cause: unknown): WireFailure {
  return new WireFailure(new KvtsError(code, message, cause === undefined ? {} : { cause }), outcome);
}

/** The codes of an error and of what caused it: the runtimes wrap the one that tells in others. */
export function systemCodes(error: unknown): readonly string[] {
  return causes(error).flatMap((cause) => ("code" in cause && typeof cause.code === "string" ? [cause.code] : []));
}

/** The message of the innermost cause, on one line. */
function innermost(error: unknown): string {
  const told = causes(error).findLast((cause) => cause.message !== "");
  return (told?.message ?? String(error)).trim().replace(/\s+/g, " ");
}

/** An error and what caused it, outermost first. */
export function causes(error: unknown): readonly Error[] {
  const chain: Error[] = [];
  for (let at: unknown = error; at instanceof Error && !chain.includes(at); at = at.cause) chain.push(at);
  return chain;
}
