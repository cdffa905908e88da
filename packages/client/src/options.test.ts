import { expect, test } from "vitest";
import { type ClientOptions, checkOptions } from "./options.ts";
import { checkUrl } from "./url.ts";

test("options have defaults", () => {
  const { headers, ...rest } = checkOptions({});
  expect([...headers]).toEqual([]);
  expect(rest).toEqual({
    timeoutMs: 30_000,
    retry: { triesMax: 4, delayMsFirst: 50, delayMsMax: 2000 },
    coalesce: true,
  });
});

test("options replace them", () => {
  const { headers, ...rest } = checkOptions({
    timeoutMs: 2 ** 40,
    retry: { triesMax: 1, delayMsFirst: undefined },
    headers: { Authorization: "x" },
    coalesce: false,
  });
  expect([...headers]).toEqual([["authorization", "x"]]);
  const retry = { triesMax: 1, delayMsFirst: 50, delayMsMax: 2000 };
  expect(rest).toEqual({ timeoutMs: 2 ** 31 - 1, retry, coalesce: false });
});

test.each<[unknown, string]>([
  [null, "the options of a client are an object"],
  [{ timeout: 5 }, 'a client has no option "timeout"'],
  [{ timeoutMs: 0 }, "timeoutMs must be a whole number"],
  [{ timeoutMs: "5" }, "timeoutMs must be a whole number"],
  [{ coalesce: "no" }, "coalesce must be true or false"],
  [{ retry: { tries: 5 } }, 'retry has no option "tries"'],
  [{ retry: { triesMax: 0 } }, "retry.triesMax must be a whole number"],
  [{ retry: { delayMsFirst: 0.5 } }, "retry.delayMsFirst must be a whole number"],
  [{ headers: { "bad name": "x" } }, "headers cannot be sent"],
  [{ headers: { name: "line\nbreak" } }, "headers cannot be sent"],
])("%j is refused", (options, sentence) => {
  expect(() => checkOptions(options as ClientOptions)).toThrow(sentence);
});

test.each([
  ["http://127.0.0.1:50051", "http://127.0.0.1:50051"],
  ["http://127.0.0.1:50051/", "http://127.0.0.1:50051"],
  ["HTTPS://Example.COM:443/a/b//", "https://example.com/a/b"],
  ["http://[::1]:1/", "http://[::1]:1"],
])("the URL %s", (given, expected) => {
  expect(checkUrl(given, "x")).toBe(expected);
  expect(checkUrl(new URL(given), "x")).toBe(expected);
});

test.each([
  ["localhost:50051", "write one such as http://127.0.0.1:1"],
  ["127.0.0.1:50051", "write one such as"],
  ["", "write one such as"],
  ["ftp://host", "write one such as"],
  ["http://user:secret@host", "headers option"],
  ["ftp://user:secret@host", "headers option"],
  ["http://host/?a=b", "ends after its path"],
  ["http://host/#a", "ends after its path"],
])("the URL %j is refused, without its secrets", (url, sentence) => {
  expect(() => checkUrl(url, "http://127.0.0.1:1")).toThrow(sentence);
  expect(() => checkUrl(url, "http://127.0.0.1:1")).not.toThrow("secret");
});
