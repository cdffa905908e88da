import { expect, test } from "vitest";
import { checkCallOptions, checkOptionNames } from "./options.ts";
import type { CallOptions } from "./store.ts";

test("options that a call has are taken, and none at all", () => {
  checkCallOptions(undefined, "get");
  checkCallOptions({}, "get");
  const put: CallOptions = { timestamp: 1, expiresAt: undefined, requestId: "r", timeoutMs: 5 } as CallOptions;
  checkCallOptions(put, "put");
  checkCallOptions(new AbortController(), "put");
});

test.each([
  [
    { ts: 5 },
    'put has no option "ts"; it may have timestamp, expiresAt, ifAbsent, ifSeq, ifTimestamp, requestId, signal, timeoutMs',
  ],
  [{ timestamp: 5, toString: 1 }, 'put has no option "toString"'],
  [
    null,
    "the options of put are an object with timestamp, expiresAt, ifAbsent, ifSeq, ifTimestamp, requestId, signal, timeoutMs",
  ],
  [5, "the options of put are an object with"],
  [[], "the options of put are an object with"],
])("%j is refused", (options, sentence) => {
  expect(() => checkCallOptions(options as CallOptions, "put")).toThrow(
    expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining(sentence) }),
  );
});

test("options of anything else", () => {
  expect(() => checkOptionNames({ sped: 5 } as { speed?: number }, { speed: true }, "a boat")).toThrow(
    'a boat has no option "sped"; it may have speed',
  );
});
