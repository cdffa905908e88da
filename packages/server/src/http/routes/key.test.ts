import { limits, toBase64Url } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { problemOf, served } from "../../testing/harness.ts";

const json = { "content-type": "application/json" };

describe("PUT and GET", () => {
  test("a value goes in and comes out as bytes, whatever its type", async () => {
    const { fetch } = await served();
    const value = new Uint8Array([0, 1, 255, 10, 13]);
    const headers = { "content-type": "text/html" };
    const put = await fetch("/v1/keys/k?ts=2023-01-12T11:48:12Z", { method: "PUT", body: value, headers });
    expect(put.status).toBe(200);
    expect(await put.json()).toEqual({ timestamp: 1_673_524_092_000_000, seq: 1 });
    const get = await fetch("/v1/keys/k");
    expect(new Uint8Array(await get.arrayBuffer())).toEqual(value);
    expect(Object.fromEntries(get.headers)).toMatchObject({
      "content-type": "application/octet-stream",
      "content-length": "5",
      "kvts-timestamp": "1673524092000000",
      "kvts-seq": "1",
      etag: '"1"',
      vary: "Accept, Accept-Encoding",
      "cache-control": "no-cache",
      "x-content-type-options": "nosniff",
      "content-security-policy": "sandbox",
    });
    expect(get.headers.get("kvts-expires-at")).toBeNull();
  });

  test("an empty body is a value", async () => {
    const { fetch } = await served();
    await fetch("/v1/keys/k", { method: "PUT" });
    const get = await fetch("/v1/keys/k");
    expect([get.status, await get.text()]).toEqual([200, ""]);
  });

  test("as of a moment: nothing before, then the first, then the second", async () => {
    const { fetch } = await served();
    await fetch("/v1/keys/k?ts=100", { method: "PUT", body: "value1" });
    await fetch("/v1/keys/k?ts=101", { method: "PUT", body: "value2" });
    const at = async (time: string): Promise<string | number> => {
      const response = await fetch(`/v1/keys/k?at=${time}`);
      return response.ok ? await response.text() : response.status;
    };
    expect([await at("99"), await at("100"), await at("101"), await at("now")]).toEqual([
      404,
      "value1",
      "value2",
      "value2",
    ]);
  });

  test("HEAD has the headers alone", async () => {
    const { fetch, store } = await served();
    await store.put("k", "value", { timestamp: 7 });
    const head = await fetch("/v1/keys/k", { method: "HEAD" });
    expect([head.status, head.headers.get("content-length"), head.headers.get("kvts-timestamp")]).toEqual([
      200,
      "5",
      "7",
    ]);
    expect(await head.text()).toBe("");
    expect((await fetch("/v1/keys/absent", { method: "HEAD" })).status).toBe(404);
  });

  test("JSON comes to those who accept it, text and bytes each in their own field", async () => {
    const { fetch, store } = await served();
    await store.put("k", "text", { timestamp: 1 });
    await store.put("b", new Uint8Array([255]), { timestamp: 1, expiresAt: 9_000_000_000_000_000 });
    const read = async (path: string, accept = "application/json"): Promise<unknown> =>
      (await fetch(path, { headers: { accept } })).json();
    const version = { key: "k", timestamp: 1, time: "1970-01-01T00:00:00.000001Z", seq: 1, value: "text" };
    expect(await read("/v1/keys/k")).toEqual(version);
    expect(await read("/v1/keys/k", "application/json, text/plain, */*")).toEqual(version);
    expect(await read("/v1/keys/b")).toMatchObject({ valueBase64: "/w==", expiresAt: 9_000_000_000_000_000 });
    for (const accept of ["*/*", "application/json;q=0.5, */*", "text/html, */*;q=0.8", "application/json;q=0"]) {
      expect((await fetch("/v1/keys/k", { headers: { accept } })).headers.get("content-type"), accept).toBe(
        "application/octet-stream",
      );
    }
  });

  test("as=json shows values that are JSON as they were stored", async () => {
    const { fetch, store } = await served();
    await store.put("j", '{"big":12345678901234567890, "x": 1.0}', { timestamp: 1 });
    await store.put("t", "no json", { timestamp: 1 });
    expect(await (await fetch("/v1/keys/j?as=json")).text()).toBe(
      '{"key":"j","timestamp":1,"time":"1970-01-01T00:00:00.000001Z","seq":1,"valueJson":{"big":12345678901234567890, "x": 1.0}}',
    );
    expect(await (await fetch("/v1/keys/t?as=json")).json()).toMatchObject({ value: "no json" });
  });

  test("an ETag that is current gets 304, in its own form", async () => {
    const { fetch, store } = await served();
    await store.put("k", "v", { timestamp: 1 });
    const status = async (tag: string, accept = "*/*"): Promise<number> =>
      (await fetch("/v1/keys/k", { headers: { "if-none-match": tag, accept } })).status;
    expect(await status('"1"')).toBe(304);
    expect(await status('W/"1"')).toBe(304);
    expect(await status('"7", "1"')).toBe(304);
    expect(await status("*")).toBe(304);
    expect(await status('"1.json"')).toBe(200);
    expect(await status('"1.json"', "application/json")).toBe(304);
    await store.put("k", "w", { timestamp: 0 });
    expect(await status('"1"')).toBe(304);
    await store.put("k", "w", { timestamp: 2 });
    expect(await status('"1"')).toBe(200);
    const unchanged = await fetch("/v1/keys/k", { headers: { "if-none-match": '"3"' } });
    expect([unchanged.headers.get("etag"), unchanged.headers.get("content-length"), await unchanged.text()]).toEqual([
      '"3"',
      null,
      "",
    ]);
  });

  test("a key that holds nothing is 404, and since when", async () => {
    const { fetch, store } = await served();
    await store.put("deleted", "v", { timestamp: 1 });
    await store.delete("deleted", { timestamp: 5 });
    await store.put("expired", "v", { timestamp: 1, expiresAt: 3 });
    expect(await problemOf(await fetch("/v1/keys/absent"))).toMatchObject({
      status: 404,
      code: "NOT_FOUND",
      details: {},
    });
    const deleted = await fetch("/v1/keys/deleted");
    expect(deleted.headers.get("kvts-deleted-at")).toBe("5");
    expect(await problemOf(deleted)).toMatchObject({ status: 404, details: { deletedAt: 5 } });
    expect((await problemOf(await fetch("/v1/keys/expired"))).details).toEqual({ deletedAt: 3 });
    expect((await problemOf(await fetch("/v1/keys/deleted?at=0"))).details).toEqual({});
  });
});

describe("the JSON object of a PUT", () => {
  test.each<[string, object, string]>([
    ["value", { value: "é" }, "é"],
    ["valueBase64", { valueBase64: "aGk=" }, "hi"],
    ["valueJson", { valueJson: { a: [1, 2.5, null] } }, '{"a":[1,2.5,null]}'],
    ["valueJson of null", { valueJson: null }, "null"],
  ])("%s", async (_what, body, stored) => {
    const { fetch, store } = await served();
    const put = await fetch("/v1/keys/k", {
      method: "PUT",
      body: JSON.stringify({ ...body, timestamp: 5 }),
      headers: json,
    });
    expect([put.status, await put.json()]).toEqual([200, { timestamp: 5, seq: 1 }]);
    expect((await store.get("k"))?.text()).toBe(stored);
  });

  test("expiresAt and ttl, in the object and in the query", async () => {
    const { fetch, store } = await served();
    const put = (query: string, body: object): Promise<Response> =>
      fetch(`/v1/keys/k${query}`, { method: "PUT", body: JSON.stringify({ value: "v", ...body }), headers: json });
    await put("", { timestamp: 100, expiresAt: 200 });
    expect(await store.get("k", { asOf: 100 })).toMatchObject({ expiresAt: 200 });
    await put("?ts=100&ttl=1s", {});
    expect(await store.get("k", { asOf: 100 })).toMatchObject({ expiresAt: 1_000_100 });
    const { timestamp } = (await (await put("?ttl=1h", {})).json()) as { timestamp: number };
    const { expiresAt } = (await store.get("k"))!;
    expect(Math.abs(expiresAt! - timestamp - 3_600_000_000)).toBeLessThan(1_000_000);
    const response = await fetch("/v1/keys/k");
    expect(response.headers.get("kvts-expires-at")).toBe(String(expiresAt));
  });
});

describe("DELETE", () => {
  test("succeeds, whether the key was there or not, and leaves the history", async () => {
    const { fetch, store } = await served();
    expect(await (await fetch("/v1/keys/k?ts=1", { method: "DELETE" })).json()).toEqual({ timestamp: 1, seq: 1 });
    await store.put("k", "v", { timestamp: 2 });
    await fetch("/v1/keys/k?ts=3", { method: "DELETE" });
    expect((await fetch("/v1/keys/k")).status).toBe(404);
    expect(await (await fetch("/v1/keys/k?at=2")).text()).toBe("v");
  });
});

describe("keys", () => {
  const long = new Uint8Array(limits.keyBytesMax).map((_, index) => (index * 7919) % 256);
  test.each<[string, string, string | Uint8Array]>([
    ["a slash", "a%2Fb", "a/b"],
    ["a question mark", "%3F", "?"],
    ["a percent sign", "%25", "%"],
    ["what looks encoded", "%25ff", "%ff"],
    ["NUL", "%00", "\0"],
    ["a plus sign, which is none of a form's spaces", "a+b", "a+b"],
    ["other scripts", encodeURIComponent("ключ🔑"), "ключ🔑"],
    ["a byte that is no text", "%FF", new Uint8Array([255])],
    ["sub-delimiters", "!$&'()*,;=:@", "!$&'()*,;=:@"],
    ["a dot, in base64url", `${toBase64Url(Buffer.from("."))}?keyEncoding=base64url`, "."],
    ["two dots, in base64url", `${toBase64Url(Buffer.from(".."))}?keyEncoding=base64url`, ".."],
    ["65,535 bytes", [...long].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join(""), long],
    ["65,535 bytes, in base64url", `${toBase64Url(long)}?keyEncoding=base64url`, long],
    ["the word versions", "versions", "versions"],
  ])("%s", async (_what, segment, key) => {
    const { fetch, store: strings } = await served();
    const store = strings.with({ keys: "bytes" });
    const put = await fetch(`/v1/keys/${segment}`, { method: "PUT", body: "v" });
    expect(put.status).toBe(200);
    expect((await store.get(key))?.text()).toBe("v");
    expect(await (await fetch(`/v1/keys/${segment}`)).text()).toBe("v");
    expect((await fetch(`/v1/keys/${segment}`, { method: "DELETE" })).status).toBe(200);
    expect(await store.get(key)).toBeUndefined();
  });
});

describe("what is refused changes nothing", () => {
  type Case = [what: string, path: string, init: RequestInit, status: number, code: string, part: string];
  const put = (body: NonNullable<RequestInit["body"]>, headers: Record<string, string> = {}): RequestInit => ({
    method: "PUT",
    body,
    headers,
  });
  const putJson = (body: unknown): RequestInit => put(typeof body === "string" ? body : JSON.stringify(body), json);
  test.each<Case>([
    ["an empty key", "/v1/keys/", put("v"), 400, "INVALID_ARGUMENT", "at least one byte"],
    ["a broken escape", "/v1/keys/%f", put("v"), 400, "INVALID_ARGUMENT", "%25"],
    ["a broken escape at the end", "/v1/keys/a%", put("v"), 400, "INVALID_ARGUMENT", "%25"],
    ["an escape of no digits", "/v1/keys/%zz", put("v"), 400, "INVALID_ARGUMENT", "%25"],
    ["a key too long", `/v1/keys/${"a".repeat(65_536)}`, put("v"), 413, "TOO_LARGE", "65535"],
    ["a key that is no base64url", "/v1/keys/a*?keyEncoding=base64url", put("v"), 400, "INVALID_ARGUMENT", "base64url"],
    ["an unknown encoding", "/v1/keys/a?keyEncoding=hex", put("v"), 400, "INVALID_ARGUMENT", "keyEncoding"],
    ["an unknown parameter", "/v1/keys/a?timestamp=5", put("v"), 400, "INVALID_ARGUMENT", '"timestamp"'],
    ["a parameter twice", "/v1/keys/a?ts=5&ts=6", put("v"), 400, "INVALID_ARGUMENT", "twice"],
    ["a broken escape in the query", "/v1/keys/a?ts=%f", put("v"), 400, "INVALID_ARGUMENT", "%25"],
    ["no time", "/v1/keys/a?ts=tomorrow", put("v"), 400, "INVALID_ARGUMENT", "tomorrow"],
    ["a time before 1970", "/v1/keys/a?ts=1969-12-31T23:59:59Z", put("v"), 400, "INVALID_ARGUMENT", "before 1970"],
    ["a time far ahead", "/v1/keys/a?ts=%2B6m", put("v"), 422, "TIMESTAMP_AHEAD", "ahead"],
    ["an expiry at the timestamp", "/v1/keys/a?ts=5&expiresAt=5", put("v"), 400, "INVALID_ARGUMENT", "later"],
    ["a ttl of nothing", "/v1/keys/a?ttl=0s", put("v"), 400, "INVALID_ARGUMENT", "ttl"],
    ["a ttl without a unit", "/v1/keys/a?ttl=30", put("v"), 400, "INVALID_ARGUMENT", "30"],
    ["a ttl and an expiry", "/v1/keys/a?ttl=1s&expiresAt=now", put("v"), 400, "INVALID_ARGUMENT", "leave one out"],
    [
      "a compressed value",
      "/v1/keys/a",
      put("v", { "content-encoding": "gzip" }),
      415,
      "INVALID_ARGUMENT",
      "content-encoding",
    ],
    ["broken JSON", "/v1/keys/a", putJson("{"), 400, "INVALID_ARGUMENT", "not JSON"],
    [
      "JSON that is no UTF-8",
      "/v1/keys/a",
      put(new Uint8Array([0x22, 0xff, 0x22]), json),
      400,
      "INVALID_ARGUMENT",
      "UTF-8",
    ],
    ["JSON that is no object", "/v1/keys/a", putJson([1]), 400, "INVALID_ARGUMENT", '{"value": "text"}'],
    ["JSON without a value", "/v1/keys/a", putJson({ name: "x" }), 400, "INVALID_ARGUMENT", '{"value": "text"}'],
    ["an object without a value", "/v1/keys/a", putJson({}), 400, "INVALID_ARGUMENT", '{"value": "text"}'],
    ["two values", "/v1/keys/a", putJson({ value: "a", valueJson: 1 }), 400, "INVALID_ARGUMENT", "one of them"],
    ["a value that is no text", "/v1/keys/a", putJson({ value: 1 }), 400, "INVALID_ARGUMENT", "value"],
    ["a value that is no base64", "/v1/keys/a", putJson({ valueBase64: "a*" }), 400, "INVALID_ARGUMENT", "base64"],
    ["a lone surrogate", "/v1/keys/a", putJson('{"value":"\\ud800"}'), 400, "INVALID_ARGUMENT", "surrogate"],
    [
      "a number that JSON rounds",
      "/v1/keys/a",
      putJson('{"valueJson":[9007199254740993]}'),
      400,
      "INVALID_ARGUMENT",
      "round",
    ],
    ["a number beyond all", "/v1/keys/a", putJson('{"valueJson":1e999}'), 400, "INVALID_ARGUMENT", "round"],
    [
      "a prototype",
      "/v1/keys/a",
      putJson('{"value":"v","__proto__":{"timestamp":5}}'),
      400,
      "INVALID_ARGUMENT",
      "__proto__",
    ],
    [
      "a timestamp that is no integer",
      "/v1/keys/a",
      putJson({ value: "v", timestamp: 1.5 }),
      400,
      "INVALID_ARGUMENT",
      "1.5",
    ],
    [
      "a timestamp of 2^53",
      "/v1/keys/a",
      putJson('{"value":"v","timestamp":9007199254740992}'),
      400,
      "INVALID_ARGUMENT",
      "9007199254740992",
    ],
    [
      "a timestamp in both places",
      "/v1/keys/a?ts=5",
      putJson({ value: "v", timestamp: 5 }),
      400,
      "INVALID_ARGUMENT",
      "leave one out",
    ],
    ["deleted in a PUT", "/v1/keys/a", putJson({ value: "v", deleted: true }), 400, "INVALID_ARGUMENT", '"deleted"'],
    [
      "a request id too long",
      "/v1/keys/a",
      put("v", { "idempotency-key": "x".repeat(129) }),
      400,
      "INVALID_ARGUMENT",
      "128",
    ],
    [
      "a request id that is no UTF-8",
      "/v1/keys/a",
      put("v", { "idempotency-key": "\xff" }),
      400,
      "INVALID_ARGUMENT",
      "UTF-8",
    ],
    ["If-Match", "/v1/keys/a", put("v", { "if-match": '"1"' }), 412, "CONFLICT", "seq 1"],
    ["If-Match of any", "/v1/keys/a", put("v", { "if-match": "*" }), 400, "INVALID_ARGUMENT", "one ETag"],
    ["If-Match of two", "/v1/keys/a", put("v", { "if-match": '"1", "2"' }), 400, "INVALID_ARGUMENT", "one ETag"],
    ["a weak If-Match", "/v1/keys/a", put("v", { "if-match": 'W/"1"' }), 400, "INVALID_ARGUMENT", "one ETag"],
    ["If-None-Match of one", "/v1/keys/a", put("v", { "if-none-match": '"1"' }), 400, "INVALID_ARGUMENT", "must be *"],
    [
      "If-Match and If-None-Match",
      "/v1/keys/a",
      put("v", { "if-none-match": "*", "if-match": '"1"' }),
      400,
      "INVALID_ARGUMENT",
      "one of",
    ],
    [
      "a condition in query and headers",
      "/v1/keys/a?ifSeq=1",
      put("v", { "if-none-match": "*" }),
      400,
      "INVALID_ARGUMENT",
      "leave one out",
    ],
    [
      "If-Unmodified-Since",
      "/v1/keys/a",
      { method: "DELETE", headers: { "if-unmodified-since": "Sat, 01 Jan 2022 00:00:00 GMT" } },
      501,
      "UNIMPLEMENTED",
      "if-unmodified-since",
    ],
    ["ifSeq", "/v1/keys/a?ifSeq=1", put("v"), 412, "CONFLICT", "seq 1"],
    ["ifSeq of another form", "/v1/keys/a?ifSeq=1e3", put("v"), 400, "INVALID_ARGUMENT", "ifSeq"],
    ["two conditions", "/v1/keys/a?ifSeq=1&ifAbsent=true", put("v"), 400, "INVALID_ARGUMENT", "one of ifAbsent"],
    ["ifTimestamp", "/v1/keys/a?ifTimestamp=5", { method: "DELETE" }, 412, "CONFLICT", "was to be at"],
    ["ifAbsent of another form", "/v1/keys/a?ifAbsent=1", { method: "DELETE" }, 400, "INVALID_ARGUMENT", "ifAbsent"],
    ["a body too large", "/v1/keys/a", put(new Uint8Array(100_001)), 413, "TOO_LARGE", "max-request-bytes"],
    ["DELETE of an unknown parameter", "/v1/keys/a?at=5", { method: "DELETE" }, 400, "INVALID_ARGUMENT", '"at"'],
    ["POST", "/v1/keys/a", { method: "POST", body: "v" }, 405, "UNIMPLEMENTED", "PUT"],
    ["another route", "/v1/key/a", put("v"), 404, "UNIMPLEMENTED", "no such route"],
    ["a slash that was not encoded", "/v1/keys/a/b", put("v"), 404, "UNIMPLEMENTED", "no such route"],
  ])("%s", async (_what, path, init, status, code, part) => {
    const { fetch, store } = await served({ maxRequestBytes: 100_000 });
    const response = await fetch(path, init);
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    const problem = await problemOf(response);
    expect(problem).toMatchObject({ status, code });
    expect(response.status).toBe(status);
    expect(problem.detail).toContain(part);
    expect((await store.stats()).seq).toBe(0);
  });

  test("GET of what is malformed", async () => {
    const { fetch } = await served();
    for (const path of ["/v1/keys/%f", "/v1/keys/a?at=x", "/v1/keys/a?as=xml", "/v1/keys/a?x=1", "/v1/keys/a?at=%ff"]) {
      expect(await problemOf(await fetch(path)), path).toMatchObject({ status: 400, code: "INVALID_ARGUMENT" });
    }
    expect((await problemOf(await fetch(`/v1/keys/${"a".repeat(65_536)}`))).status).toBe(413);
  });
});

test("a time's offset may have lost its plus sign", async () => {
  const { fetch, store } = await served();
  await store.put("k", "v", { timestamp: "2023-01-12T11:00:00Z" });
  expect((await fetch("/v1/keys/k?at=2023-01-12T13:00:00+02:00")).status).toBe(200);
  expect((await fetch("/v1/keys/k?at=2023-01-12T12:59:59+02:00")).status).toBe(404);
  expect((await fetch("/v1/keys/k?at=+1m")).status).toBe(200);
});

describe("64 MiB", () => {
  test("a value of that size is readable as bytes", async () => {
    const { fetch, store } = await served();
    await store.put("k", new Uint8Array(limits.valueBytesMax).fill(3), { timestamp: 1 });
    const bytes = new Uint8Array(await (await fetch("/v1/keys/k")).arrayBuffer());
    expect(bytes.length).toBe(limits.valueBytesMax);
    expect(bytes.every((byte) => byte === 3)).toBe(true);
  }, 60_000);

  test("one byte more is refused, whoever's limit it meets first", async () => {
    const body = new Uint8Array(limits.valueBytesMax + 1);
    for (const maxRequestBytes of [8 * 1024 * 1024, 2 * limits.valueBytesMax]) {
      const { fetch, store } = await served({ maxRequestBytes });
      const problem = await problemOf(await fetch("/v1/keys/k", { method: "PUT", body }));
      expect(problem).toMatchObject({
        status: 413,
        code: "TOO_LARGE",
        details: { limit: Math.min(maxRequestBytes, limits.valueBytesMax) },
      });
      expect((await store.stats()).seq).toBe(0);
    }
  }, 60_000);
});
