import { codeOfHttpStatus, type ErrorDetails, isErrorCode, KvtsError, textOf } from "@kvts/common";
import { answeredFailure, causes, connectionFailure, otherProtocolFailure } from "../failures.ts";
import { WireFailure } from "../wire.ts";

/** An answer that was read to its end. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

const otherPort = "pass the server's HTTP port (3000 unless set) to connectHttp, or this URL to connect";

/** What went wrong before a whole answer was there. */
export function failureOf(error: unknown, url: string): WireFailure {
  if (error instanceof WireFailure) return error;
  return causes(error).some(({ name }) => name === "HTTPParserError")
    ? otherProtocolFailure(url, otherPort, error)
    : connectionFailure(url, error);
}

/** The part of a problem+json body that is used here. */
interface Problem {
  readonly code: string;
  readonly detail: string;
  readonly details: ErrorDetails;
}

/** The code that the server gives in a 404 for a key that holds nothing. */
const absent = "NOT_FOUND";

/** Whether the answer is that the key holds nothing, and not that there is no such route. */
export function isAbsent(answer: HttpAnswer): boolean {
  return answer.status === 404 && problemOf(answer)?.code === absent;
}

/** What the server said, or something in between, with a status that is no success. */
export function answerFailure(answer: HttpAnswer, url: string, nowMs: number): WireFailure {
  const problem = problemOf(answer);
  const retryAfterMs = retryAfterMsOf(answer.headers.get("retry-after"), nowMs);
  if (problem === undefined) return relayed(answer, url, retryAfterMs);
  const code = isErrorCode(problem.code) ? problem.code : codeOfHttpStatus(answer.status);
  return answeredFailure(code, problem.detail, problem.details, retryAfterMs, undefined);
}

/** A status without a problem of ours: from a proxy, or from a server that is none of ours. */
function relayed({ status, headers, body }: HttpAnswer, url: string, retryAfterMs: number | undefined): WireFailure {
  // How a gRPC port answers HTTP/1.1.
  if (status === 505) return otherProtocolFailure(url, otherPort, undefined);
  const type = headers.get("content-type") ?? "";
  const told = type.startsWith("text/plain")
    ? ` (${(textOf(body) ?? "").trim().split("\n", 1)[0]!.slice(0, 300)})`
    : "";
  const message = `${url} answered with status ${status}${told}; check that it is the HTTP address of a kvts server`;
  return new WireFailure(new KvtsError(codeOfHttpStatus(status), message), "unknown", retryAfterMs);
}

function problemOf({ headers, body }: HttpAnswer): Problem | undefined {
  if (!headers.get("content-type")?.startsWith("application/problem+json")) return undefined;
  const { code, detail, details } = jsonOf(body) ?? {};
  if (typeof code !== "string" || typeof detail !== "string") return undefined;
  return { code, detail, details: typeof details === "object" && details !== null ? (details as ErrorDetails) : {} };
}

function jsonOf(body: Uint8Array): Partial<Record<keyof Problem, unknown>> | undefined {
  try {
    const json: unknown = JSON.parse(textOf(body) ?? "");
    return typeof json === "object" && json !== null ? json : undefined;
  } catch {
    return undefined;
  }
}

/** Retry-After, in either of its forms: seconds, or a date. */
export function retryAfterMsOf(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined;
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
