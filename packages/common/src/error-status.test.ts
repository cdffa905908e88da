import { describe, expect, test } from "vitest";
import { codeOfGrpcStatus, codeOfHttpStatus, grpcStatusOf, httpStatusOf, isErrorCode } from "./error-status.ts";
import type { ErrorCode } from "./errors.ts";

const read = { call: "read" } as const;
const write = { call: "write" } as const;

describe("statuses", () => {
  test.each<[ErrorCode, string, number, number]>([
    ["INVALID_ARGUMENT", "INVALID_ARGUMENT", 400, 400],
    ["TOO_LARGE", "INVALID_ARGUMENT", 413, 413],
    ["HISTORY_TRIMMED", "OUT_OF_RANGE", 410, 422],
    ["FEED_TRIMMED", "OUT_OF_RANGE", 410, 410],
    ["CURSOR_EXPIRED", "OUT_OF_RANGE", 410, 410],
    ["SNAPSHOT_EXPIRED", "OUT_OF_RANGE", 410, 410],
    ["TIMESTAMP_AHEAD", "OUT_OF_RANGE", 422, 422],
    ["CONFLICT", "ABORTED", 412, 412],
    ["UNAVAILABLE", "UNAVAILABLE", 503, 503],
    ["NO_SPACE", "RESOURCE_EXHAUSTED", 507, 507],
    ["OVERLOADED", "RESOURCE_EXHAUSTED", 429, 429],
    ["CORRUPTION", "DATA_LOSS", 500, 500],
    ["CLOSED", "UNAVAILABLE", 503, 503],
    ["READ_ONLY", "FAILED_PRECONDITION", 409, 409],
    ["UNAUTHENTICATED", "UNAUTHENTICATED", 401, 401],
    ["PERMISSION_DENIED", "PERMISSION_DENIED", 403, 403],
    ["CANCELLED", "CANCELLED", 499, 499],
    ["DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED", 504, 504],
    ["UNIMPLEMENTED", "UNIMPLEMENTED", 501, 501],
    ["INTERNAL", "INTERNAL", 500, 500],
  ])("%s is %s, and over HTTP %i for a read, %i for a write", (code, grpc, httpRead, httpWrite) => {
    expect(grpcStatusOf(code, read)).toBe(grpc);
    expect([httpStatusOf(code, read), httpStatusOf(code, write)]).toEqual([httpRead, httpWrite]);
  });

  test("a message above the transport's limit is exhaustion", () => {
    expect(grpcStatusOf("TOO_LARGE", { call: "write", limit: "transport" })).toBe("RESOURCE_EXHAUSTED");
    expect(grpcStatusOf("TOO_LARGE", { call: "write", limit: "store" })).toBe("INVALID_ARGUMENT");
    expect(httpStatusOf("TOO_LARGE", { call: "write", limit: "transport" })).toBe(413);
  });

  test("a status alone leads to its likeliest code", () => {
    const codes = ["CANCELLED", "UNAVAILABLE", "UNAUTHENTICATED", "PERMISSION_DENIED", "DEADLINE_EXCEEDED"] as const;
    for (const code of [...codes, "INVALID_ARGUMENT", "UNIMPLEMENTED", "INTERNAL"] as const) {
      expect(codeOfGrpcStatus(grpcStatusOf(code, read) as never)).toBe(code);
      expect(codeOfHttpStatus(httpStatusOf(code, read))).toBe(code);
    }
    expect([413, 412, 507, 429].map(codeOfHttpStatus)).toEqual(["TOO_LARGE", "CONFLICT", "NO_SPACE", "OVERLOADED"]);
    expect([402, 418, 302, 505].map(codeOfHttpStatus)).toEqual([
      "INVALID_ARGUMENT",
      "INVALID_ARGUMENT",
      "INTERNAL",
      "INTERNAL",
    ]);
  });

  test("codes are told from other words", () => {
    expect(["CONFLICT", "conflict", "toString", ""].map(isErrorCode)).toEqual([true, false, false, false]);
  });
});
