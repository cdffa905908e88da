import { isErrorCode, type KvtsError, textOf } from "@kvts/common";
import {
  abandonedFailure,
  answeredFailure,
  brokenAnswer,
  connectionFailure,
  lateFailure,
  oversizeFailure,
} from "../failures.ts";
import type { WireCall, WireEvent } from "../wire.ts";
import { readBody } from "./body.ts";
import { answerFailure, failureOf } from "./errors.ts";
import { type HttpExchange, problemBytesMax } from "./exchange.ts";
import { eventFromJson } from "./messages.ts";

/** Longest line: one item of the largest value, each byte of which JSON may write in six, and what is around it. */
const lineCharsMax = 6 * 65 * 1024 * 1024;
const NEWLINE = 10;

/** The events of `/v1/watch`, a line of JSON each. Fails with a WireFailure; `call.timeoutMs` bounds the wait for the first. */
export async function* watchEvents(
  exchange: HttpExchange,
  url: string,
  target: string,
  call: WireCall,
): AsyncGenerator<WireEvent> {
  const over = new AbortController();
  const abandon = (): void => over.abort(abandonedFailure(url, call.signal?.reason));
  call.signal?.addEventListener("abort", abandon, { once: true });
  if (call.signal?.aborted === true) abandon();
  const timer = setTimeout(() => over.abort(lateFailure(url)), call.timeoutMs);
  try {
    const headers = { accept: "application/x-ndjson" };
    const response = await exchange.open({ method: "GET", target, headers }, over.signal);
    if (!response.ok) throw await refusal(response, url);
    let incarnation = response.headers.get("kvts-incarnation") ?? undefined;
    for await (const line of linesOf(response, url)) {
      clearTimeout(timer);
      yield eventOf(line, incarnation);
      incarnation = undefined;
    }
    throw connectionFailure(url, new Error("the answer ended"));
  } catch (error) {
    throw failureOf(over.signal.aborted ? over.signal.reason : error, url);
  } finally {
    clearTimeout(timer);
    call.signal?.removeEventListener("abort", abandon);
    over.abort();
  }
}

async function refusal(response: Response, url: string): Promise<Error> {
  const body = await readBody(response, problemBytesMax);
  if (body === undefined) return oversizeFailure(url, problemBytesMax);
  return answerFailure({ status: response.status, headers: response.headers, body }, url, Date.now());
}

/** Lines as they come, without those that are empty. */
async function* linesOf({ body }: Response, url: string): AsyncGenerator<string> {
  const reader = body?.getReader();
  let chunks: Uint8Array[] = [];
  let length = 0;
  while (reader !== undefined) {
    const { done, value } = await reader.read();
    if (done) return;
    let rest: Uint8Array = value;
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      const line = joined([...chunks, rest.subarray(0, end)]);
      if (line !== "") yield line;
      chunks = [];
      length = 0;
      rest = rest.subarray(end + 1);
    }
    length += rest.length;
    if (length > lineCharsMax) throw oversizeFailure(url, lineCharsMax);
    if (rest.length > 0) chunks.push(rest);
  }
}

function joined(chunks: readonly Uint8Array[]): string {
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  const text = textOf(bytes);
  if (text === undefined) throw brokenAnswer("a line of a watch is no UTF-8");
  return text;
}

function eventOf(line: string, incarnation: string | undefined): WireEvent {
  const json = parsed(line);
  if (typeof json === "object" && json !== null && "error" in json) throw toldFailure(json.error);
  return eventFromJson(json, incarnation);
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw brokenAnswer("a line of a watch is no JSON", cause);
  }
}

/** What the server says at the end of a watch that it has to end. */
function toldFailure(problem: unknown): Error {
  const { code, detail, details } = (problem ?? {}) as { code?: unknown; detail?: unknown; details?: unknown };
  if (typeof code !== "string" || !isErrorCode(code) || typeof detail !== "string") {
    return brokenAnswer("a watch ended with an error that says nothing");
  }
  const told = typeof details === "object" && details !== null ? (details as KvtsError["details"]) : {};
  return answeredFailure(code, detail, told, undefined, undefined);
}
