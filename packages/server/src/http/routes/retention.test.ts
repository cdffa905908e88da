import { beforeEach, expect, test } from "vitest";
import { problemOf, type Served, served } from "../../testing/harness.ts";

let it: Served;
beforeEach(async () => {
  it = await served();
});

function set(body: unknown): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return it.fetch("/v1/retention", { method: "PUT", headers, body: JSON.stringify(body) });
}

const list = async (): Promise<unknown> => (await it.fetch("/v1/retention")).json();

test("policies are set, listed and taken away", async () => {
  await it.store.put("m:k", "one", { timestamp: 100 });
  await it.store.put("m:k", "two", { timestamp: 200 });
  const dry = await set({ prefix: "m:", keepFor: "30d", dryRun: true });
  expect([dry.status, await dry.json()]).toEqual([
    200,
    { horizon: expect.any(Number), trimmed: { versions: 1, bytes: 6 } },
  ]);
  expect(await list()).toEqual({ items: [] });
  const response = await set({ prefix: "m:", keepFor: "30d" });
  expect(await response.json()).toEqual({ horizon: expect.any(Number) });
  expect((await set({ prefixBase64: "/w==", keepFor: null })).status).toBe(200);
  expect(await list()).toEqual({
    items: [
      { prefix: "m:", keepFor: "30d", horizon: expect.any(Number) },
      { prefixBase64: "/w==", keepFor: null, horizon: 0 },
    ],
  });
  const read = await problemOf(await it.fetch("/v1/keys/m:k?at=150"));
  expect(read).toMatchObject({ status: 410, code: "HISTORY_TRIMMED", details: { oldestReadable: expect.any(Number) } });
  const written = await problemOf(await it.fetch("/v1/keys/m:k?ts=150", { method: "PUT", body: "x" }));
  expect(written).toMatchObject({ status: 422, code: "HISTORY_TRIMMED" });
  expect((await it.fetch("/v1/retention?prefix=m:", { method: "DELETE" })).status).toBe(200);
  expect((await it.fetch("/v1/retention?prefix=_w&keyEncoding=base64url", { method: "DELETE" })).status).toBe(200);
  expect(await list()).toEqual({ items: [] });
  expect((await it.fetch("/v1/keys/m:k?at=150")).status).toBe(410);
});

test.each([
  [{ keepFor: "30d" }, "prefix is missing"],
  [{ prefix: "m", prefixBase64: "bQ==", keepFor: null }, "contradicts"],
  [{ prefix: "m" }, "keepFor"],
  [{ prefix: "m", keepFor: "a month" }, "a month"],
  [{ prefix: "m", keepFor: -1 }, "keepFor"],
  [{ prefix: "m", keepFor: "1d", more: 1 }, "more"],
])("%j is refused", async (body, reason) => {
  const problem = await problemOf(await set(body));
  expect(problem).toMatchObject({ status: 400, code: "INVALID_ARGUMENT" });
  expect(problem.detail).toContain(reason);
  expect(await list()).toEqual({ items: [] });
});

test("to take a policy away, its prefix has to be named", async () => {
  expect(await problemOf(await it.fetch("/v1/retention", { method: "DELETE" }))).toMatchObject({ status: 400 });
  expect((await it.fetch("/v1/retention?prefix=", { method: "DELETE" })).status).toBe(200);
});
