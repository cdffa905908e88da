import { describe, expect, test } from "vitest";
import { problemOf, type Served, served } from "../../testing/harness.ts";

function post(it: Served, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return it.fetch("/v1/batch", {
    method: "POST",
    body: text,
    headers: { "content-type": "application/json", ...headers },
  });
}

describe("POST /v1/batch", () => {
  test("applies all operations, later ones over earlier ones", async () => {
    const it = await served();
    const operations = [
      { op: "put", key: "a", value: "1", timestamp: 5 },
      { op: "put", key: "a", valueJson: { b: 2 }, timestamp: 5 },
      { op: "put", keyBase64: "/w==", valueBase64: "AAE=", timestamp: "1970-01-01T00:00:00.000005Z", expiresAt: 9 },
      { op: "delete", key: "c", timestamp: 6 },
    ];
    const response = await post(it, { operations }, { "idempotency-key": "write-1" });
    expect([response.status, await response.json()]).toEqual([200, { timestamp: 6, seq: 4 }]);
    expect((await it.store.get("a"))?.text()).toBe('{"b":2}');
    const bytes = it.store.with({ keys: "bytes" });
    expect(await bytes.get(new Uint8Array([255]), { asOf: 5 })).toMatchObject({
      value: new Uint8Array([0, 1]),
      expiresAt: 9,
    });
  });

  test("takes versions back, however far ahead they are", async () => {
    const it = await served();
    await it.store.put("a", "old", { timestamp: 5 });
    await it.store.put("a", "new", { timestamp: 6 });
    await it.store.put("b", "far", { timestamp: 2 ** 52 });
    const operations = [
      { op: "retract", key: "a", timestamp: 6 },
      { op: "retract", keyBase64: "Yg==", timestamp: 2 ** 52 },
    ];
    expect(await (await post(it, { operations })).json()).toEqual({ timestamp: 2 ** 52, seq: 5 });
    expect([(await it.store.get("a"))?.text(), await it.store.get("b")]).toEqual(["old", undefined]);
  });

  test("operations without a timestamp share one", async () => {
    const it = await served();
    const response = await post(it, {
      operations: ["a", "b"].map((key) => ({ op: "put", key, value: "v", ttl: "1h" })),
    });
    const { timestamp } = (await response.json()) as { timestamp: number };
    expect([(await it.store.get("a"))?.timestamp, (await it.store.get("b"))?.timestamp]).toEqual([
      timestamp,
      timestamp,
    ]);
  });

  const good = { op: "put", key: "good", value: "v" };
  test.each<[string, unknown, number, string, string]>([
    ["no operations", { operations: [] }, 400, "INVALID_ARGUMENT", "at least one"],
    [
      "a retract without a timestamp",
      { operations: [good, { op: "retract", key: "a" }] },
      400,
      "INVALID_ARGUMENT",
      "operations.1.timestamp",
    ],
    ["no list", {}, 400, "INVALID_ARGUMENT", "operations"],
    ["an unknown field", { operations: [good], sync: true }, 400, "INVALID_ARGUMENT", "sync"],
    [
      "a condition that does not hold",
      {
        operations: [good],
        preconditions: [
          { key: "other", ifAbsent: true },
          { key: "good", ifSeq: 1 },
        ],
      },
      412,
      "CONFLICT",
      "precondition 1",
    ],
    [
      "a condition without a key",
      { operations: [good], preconditions: [{ ifSeq: 1 }] },
      400,
      "INVALID_ARGUMENT",
      "precondition 0",
    ],
    [
      "a precondition of nothing",
      { operations: [good], preconditions: [{ key: "a" }] },
      400,
      "INVALID_ARGUMENT",
      "precondition 0",
    ],
    ["a condition on one", { operations: [{ ...good, ifSeq: 1 }] }, 400, "INVALID_ARGUMENT", "ifSeq"],
    ["an unknown kind", { operations: [good, { op: "incr", key: "a" }] }, 400, "INVALID_ARGUMENT", "operations.1.op"],
    ["no kind", { operations: [good, { key: "a", value: "v" }] }, 400, "INVALID_ARGUMENT", "op"],
    ["no key", { operations: [good, { op: "delete" }] }, 400, "INVALID_ARGUMENT", "operation 1"],
    ["no value", { operations: [good, { op: "put", key: "a" }] }, 400, "INVALID_ARGUMENT", "operation 1"],
    [
      "a value for a delete",
      { operations: [good, { op: "delete", key: "a", value: "v" }] },
      400,
      "INVALID_ARGUMENT",
      "value",
    ],
    ["an unknown field of one", { operations: [good, { ...good, tll: "1h" }] }, 400, "INVALID_ARGUMENT", "tll"],
    ["a timestamp far ahead", { operations: [good, { ...good, timestamp: "+6m" }] }, 422, "TIMESTAMP_AHEAD", "ahead"],
    [
      "an expiry that is too early",
      { operations: [good, { ...good, timestamp: 5, expiresAt: 4 }] },
      400,
      "INVALID_ARGUMENT",
      "operation 1",
    ],
    ["too many operations", { operations: Array.from({ length: 10_001 }, () => good) }, 413, "TOO_LARGE", "10000"],
    ["a key too long", { operations: [good, { ...good, key: "a".repeat(65_536) }] }, 413, "TOO_LARGE", "operation 1"],
    [
      "a body too large",
      { operations: [{ ...good, value: "x".repeat(1_000_000) }] },
      413,
      "TOO_LARGE",
      "max-request-bytes",
    ],
    ["broken JSON", '{"operations":[', 400, "INVALID_ARGUMENT", "not JSON"],
  ])("%s is refused and changes nothing", async (_what, body, status, code, part) => {
    const it = await served({ maxRequestBytes: 1_000_000 });
    const problem = await problemOf(await post(it, body));
    expect(problem).toMatchObject({ status, code });
    expect(problem.detail).toContain(part);
    expect((await it.store.stats()).seq).toBe(0);
  });
});

describe("routes that take JSON", () => {
  test.each(["/v1/batch", "/v1/get", "/v1/admin/flush"])(
    "%s refuses bodies that a web page could send",
    async (path) => {
      const { fetch } = await served();
      const body = JSON.stringify({ operations: [{ op: "put", key: "a", value: "v" }] });
      for (const type of [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/json",
      ]) {
        const response = await fetch(path, { method: "POST", body, headers: { "content-type": type } });
        expect(await problemOf(response), type).toMatchObject({ status: 415 });
      }
      const untyped = await fetch(path, { method: "POST", body: new TextEncoder().encode(body) });
      expect((await problemOf(untyped)).status).toBe(415);
    },
  );

  test("say so in any case and with parameters", async () => {
    const it = await served();
    const response = await post(
      it,
      { operations: [{ op: "put", key: "a", value: "v" }] },
      { "content-type": "Application/JSON; charset=utf-8" },
    );
    expect(response.status).toBe(200);
  });
});
