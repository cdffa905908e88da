import { type ErrorCode, utf8 } from "@kvts/common";
import { describe, expect, test } from "vitest";
import type { WireOutcome } from "../wire.ts";
import { answerFailure, failureOf, type HttpAnswer, isAbsent, retryAfterMsOf } from "./errors.ts";

const url = "http://127.0.0.1:3000";

function answer(status: number, body: unknown, headers: Record<string, string> = {}): HttpAnswer {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return { status, headers: new Headers({ "content-type": "application/problem+json", ...headers }), body: utf8(text) };
}

const failure = (given: HttpAnswer) => answerFailure(given, url, 0);

describe("what the server told", () => {
  test.each<[number, ErrorCode, WireOutcome]>([
    [400, "INVALID_ARGUMENT", "answered"],
    [413, "TOO_LARGE", "answered"],
    [410, "HISTORY_TRIMMED", "answered"],
    [410, "CURSOR_EXPIRED", "answered"],
    [422, "TIMESTAMP_AHEAD", "answered"],
    [412, "CONFLICT", "answered"],
    [503, "UNAVAILABLE", "answered"],
    [503, "CLOSED", "answered"],
    [507, "NO_SPACE", "answered"],
    [429, "OVERLOADED", "answered"],
    [500, "CORRUPTION", "answered"],
    [409, "READ_ONLY", "answered"],
    [403, "PERMISSION_DENIED", "answered"],
    [500, "INTERNAL", "unknown"],
    [504, "DEADLINE_EXCEEDED", "unknown"],
  ])("%i %s", (status, code, outcome) => {
    const details = { oldestReadable: 5, file: "000001.log" };
    expect(failure(answer(status, { code, detail: "a sentence", details }))).toMatchObject({
      error: { code, message: "a sentence", details },
      outcome,
    });
  });

  test("says how long to wait", () => {
    const given = answer(503, { code: "UNAVAILABLE", detail: "closing" }, { "retry-after": "2" });
    expect(failure(given).retryAfterMs).toBe(2000);
    expect(failure(given).error.details).toEqual({});
  });

  test("in a code that this version does not know falls back to the status", () => {
    expect(failure(answer(429, { code: "QUOTA_OF_2031", detail: "no" })).error.code).toBe("OVERLOADED");
  });

  test("absent keys are told from unknown routes", () => {
    expect(isAbsent(answer(404, { code: "NOT_FOUND", detail: "nothing" }))).toBe(true);
    expect(isAbsent(answer(404, { code: "UNIMPLEMENTED", detail: "no such route" }))).toBe(false);
    expect(isAbsent(answer(404, "<html>"))).toBe(false);
    expect(isAbsent(answer(410, { code: "NOT_FOUND", detail: "nothing" }))).toBe(false);
  });
});

describe("what is no problem of ours", () => {
  test.each<[number, ErrorCode]>([
    [404, "UNIMPLEMENTED"],
    [401, "UNAUTHENTICATED"],
    [502, "UNAVAILABLE"],
    [504, "DEADLINE_EXCEEDED"],
    [418, "INVALID_ARGUMENT"],
    [500, "INTERNAL"],
    [301, "INTERNAL"],
  ])("%i: %s", (status, code) => {
    const { error } = failure(answer(status, "<html>", { "content-type": "text/html" }));
    expect(error.code).toBe(code);
    expect(error.message).toBe(
      `${url} answered with status ${status}; check that it is the HTTP address of a kvts server`,
    );
  });

  test.each(["", "{", "null", "[]", '"text"', '{"code":1,"detail":"x"}', '{"code":"CONFLICT"}'])("body %j", (body) => {
    expect(failure(answer(502, body)).error.code).toBe("UNAVAILABLE");
  });

  test("one line of plain text is passed on", () => {
    const given = answer(502, "bad gateway\nsecond line", { "content-type": "text/plain; charset=utf-8" });
    expect(failure(given).error.message).toContain("status 502 (bad gateway);");
  });

  test("a gRPC port", () => {
    const given = answer(505, "this port speaks gRPC", { "content-type": "text/plain" });
    expect(failure(given)).toMatchObject({ error: { code: "UNAVAILABLE" }, outcome: "unsent" });
    expect(failure(given).error.message).toContain("connectHttp");
  });
});

describe("connections", () => {
  const fetchFailed = (cause: unknown) => new TypeError("fetch failed", { cause });
  const coded = (code: string) => Object.assign(new Error(code), { code });

  test.each<[string, unknown, WireOutcome, RegExp]>([
    ["refused", fetchFailed(coded("ECONNREFUSED")), "unsent", /no server answers at .*kvts server/],
    ["to an unknown host", fetchFailed(coded("ENOTFOUND")), "unsent", /host .* is not known/],
    [
      "refused at every address",
      fetchFailed(Object.assign(new AggregateError([], "all"), { code: "ECONNREFUSED" })),
      "unsent",
      /no server answers/,
    ],
    [
      "of another protocol",
      fetchFailed(Object.assign(new Error("no"), { name: "HTTPParserError" })),
      "unsent",
      /gRPC|connect$/,
    ],
    ["lost", fetchFailed(coded("UND_ERR_SOCKET")), "unknown", /broke .*UND_ERR_SOCKET/],
    ["as browsers tell of all of them", new TypeError("Failed to fetch"), "unknown", /broke .*Failed to fetch/],
  ])("%s", (_, error, outcome, sentence) => {
    const failed = failureOf(error, url);
    expect(failed).toMatchObject({ error: { code: "UNAVAILABLE" }, outcome });
    expect(failed.error.message).toContain(url);
    expect(failed.error.message).toMatch(sentence);
  });
});

test.each([
  [null, undefined],
  ["0", 0],
  ["120", 120_000],
  ["Thu, 01 Jan 1970 00:00:10 GMT", 9_000],
  ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
  ["soon", undefined],
])("Retry-After %j at second 1: %j ms", (header, ms) => {
  expect(retryAfterMsOf(header, 1000)).toBe(ms);
});
