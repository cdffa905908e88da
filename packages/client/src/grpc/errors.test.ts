import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema, RetryInfoSchema } from "@kvts/api";
import type { ErrorCode } from "@kvts/common";
import { describe, expect, test } from "vitest";
import type { WireCall, WireFailure, WireOutcome } from "../wire.ts";
import { failureOf, unopenedFailure } from "./errors.ts";

const url = "http://127.0.0.1:50051";
const call: WireCall = { signal: undefined, timeoutMs: 250 };

function told(reason: string, code: Code, metadata: Record<string, string> = {}, domain = "kvts"): ConnectError {
  return new ConnectError("a sentence", code, undefined, [
    { desc: ErrorInfoSchema, value: create(ErrorInfoSchema, { reason, domain, metadata }) },
  ]);
}

function nodeError(code: string, message = code): Error {
  return Object.assign(new Error(message), { code });
}

/** As Connect wraps what Node reports. */
function wrapped(code: Code, cause: Error): ConnectError {
  return new ConnectError(cause.message, code, undefined, undefined, cause);
}

/** As Connect wraps what our own connection rejects with. */
function through(failure: WireFailure): ConnectError {
  return wrapped(Code.Internal, failure);
}

describe("what the server told", () => {
  test.each<[ErrorCode, Code, WireOutcome]>([
    ["INVALID_ARGUMENT", Code.InvalidArgument, "answered"],
    ["TOO_LARGE", Code.ResourceExhausted, "answered"],
    ["HISTORY_TRIMMED", Code.OutOfRange, "answered"],
    ["CURSOR_EXPIRED", Code.OutOfRange, "answered"],
    ["TIMESTAMP_AHEAD", Code.OutOfRange, "answered"],
    ["CONFLICT", Code.Aborted, "answered"],
    ["UNAVAILABLE", Code.Unavailable, "answered"],
    ["CLOSED", Code.Unavailable, "answered"],
    ["NO_SPACE", Code.ResourceExhausted, "answered"],
    ["CORRUPTION", Code.DataLoss, "answered"],
    ["READ_ONLY", Code.FailedPrecondition, "answered"],
    ["DEADLINE_EXCEEDED", Code.DeadlineExceeded, "unknown"],
    ["CANCELLED", Code.Canceled, "unknown"],
    ["INTERNAL", Code.Internal, "unknown"],
  ])("%s", (reason, code, outcome) => {
    const failure = failureOf(told(reason, code), url, call);
    expect(failure).toMatchObject({ error: { code: reason, message: "a sentence" }, outcome });
    expect(failure.error.name).toBe("KvtsError");
  });

  test("has its details back as numbers, truth values and texts", () => {
    const metadata = {
      oldestReadable: "9007199254740991",
      indeterminate: "true",
      file: "000001.log",
      id: "007",
      n: "1e3",
    };
    const { error } = failureOf(told("HISTORY_TRIMMED", Code.OutOfRange, metadata), url, call);
    expect(error.details).toEqual({ ...metadata, oldestReadable: Number.MAX_SAFE_INTEGER, indeterminate: true });
  });

  test("says how long to wait", () => {
    const error = told("UNAVAILABLE", Code.Unavailable);
    const retryDelay = { seconds: 2n, nanos: 500_000_000 };
    error.details.push({ desc: RetryInfoSchema, value: create(RetryInfoSchema, { retryDelay }) });
    expect(failureOf(error, url, call).retryAfterMs).toBe(2500);
    expect(failureOf(told("UNAVAILABLE", Code.Unavailable), url, call).retryAfterMs).toBeUndefined();
  });

  test("in a code that this version does not know falls back to the status", () => {
    expect(failureOf(told("QUOTA_OF_2031", Code.ResourceExhausted), url, call).error.code).toBe("OVERLOADED");
  });
});

describe("what came without an ErrorInfo of ours", () => {
  test.each<[Code, ErrorCode]>([
    [Code.Unimplemented, "UNIMPLEMENTED"],
    [Code.Unauthenticated, "UNAUTHENTICATED"],
    [Code.PermissionDenied, "PERMISSION_DENIED"],
    [Code.Unavailable, "UNAVAILABLE"],
    [Code.ResourceExhausted, "OVERLOADED"],
    [Code.Unknown, "INTERNAL"],
  ])("status %i: %s", (code, expected) => {
    const { error } = failureOf(new ConnectError("HTTP 404", code), url, call);
    expect(error.code).toBe(expected);
    expect(error.message).toContain(`${url} answered "HTTP 404"`);
  });

  test("of another domain", () => {
    expect(failureOf(told("CONFLICT", Code.Unimplemented, {}, "googleapis.com"), url, call).error.code).toBe(
      "UNIMPLEMENTED",
    );
  });
});

describe("connections", () => {
  test.each<[string, ConnectError, WireOutcome, RegExp]>([
    ["refused", wrapped(Code.Unavailable, nodeError("ECONNREFUSED")), "unsent", /no server answers at .*kvts server/],
    ["to an unknown host", wrapped(Code.Unavailable, nodeError("ENOTFOUND")), "unsent", /host .* is not known/],
    ["never opened", through(unopenedFailure(url, new Error("hung up"))), "unsent", /not be opened \(hung up\)/],
    ["to an HTTP/1.1 port", through(unopenedFailure(url, nodeError("ERR_HTTP2_ERROR"))), "unsent", /connectHttp/],
    ["without a certificate", wrapped(Code.Internal, nodeError("CERT_HAS_EXPIRED")), "unsent", /certificate/],
    ["reset", wrapped(Code.Aborted, nodeError("ECONNRESET", "read ECONNRESET")), "unknown", /broke .*read ECONNRESET/],
    ["whose stream was cancelled", new ConnectError("closed with CANCEL", Code.Canceled), "unknown", /broke/],
  ])("%s", (_, error, outcome, sentence) => {
    const failure = failureOf(error, url, call);
    expect(failure).toMatchObject({ error: { code: "UNAVAILABLE" }, outcome });
    expect(failure.error.message).toContain(url);
    expect(failure.error.message).toMatch(sentence);
  });
});

describe("what this side did", () => {
  test("the deadline", () => {
    const failure = failureOf(new ConnectError("the operation timed out", Code.DeadlineExceeded), url, call);
    expect(failure).toMatchObject({ error: { code: "DEADLINE_EXCEEDED" }, outcome: "unknown" });
    expect(failure.error.message).toContain(`${url} did not answer in time`);
  });

  test("the caller's signal, whatever it looked like", () => {
    const aborted = { ...call, signal: AbortSignal.abort() };
    expect(failureOf(new ConnectError("x", Code.Unavailable), url, aborted).error.code).toBe("CANCELLED");
  });

  test("an answer above the limit", () => {
    const error = new ConnectError("message size 9 is larger than configured readMaxBytes 5", Code.ResourceExhausted);
    expect(failureOf(error, url, call).error.code).toBe("TOO_LARGE");
  });
});
