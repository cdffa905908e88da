import { beforeEach, expect, test } from "vitest";
import { problemOf, type Served, served } from "../../testing/harness.ts";

let it: Served;
beforeEach(async () => {
  it = await served();
  await it.store.put("a", "v");
});

function post(path: string, body: unknown): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return it.fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
}

test.each<[string, unknown]>([
  ["/v1/ranges:delete", {}],
  ["/v1/ranges:delete", { timestamp: 5 }],
  ["/v1/ranges:delete", { dryRun: true }],
  ["/v1/batch", { operations: [{ op: "deleteRange" }] }],
  ["/v1/batch", { operations: [{ op: "deleteRange", timestamp: 5 }] }],
])("%s with %j is refused: nobody deletes all keys by leaving something out", async (path, body) => {
  const problem = await problemOf(await post(path, body));
  expect(problem).toMatchObject({ status: 400, code: "INVALID_ARGUMENT" });
  expect(problem.detail).toContain("name the keys by prefix");
  expect((await it.store.get("a"))?.text()).toBe("v");
});

test("the empty prefix is every key", async () => {
  const dry = await post("/v1/ranges:delete", { prefix: "", dryRun: true });
  expect([dry.status, await dry.json()]).toEqual([200, { keys: 1 }]);
  expect((await post("/v1/ranges:delete", { prefix: "" })).status).toBe(200);
  expect(await it.store.get("a")).toBeUndefined();
  await it.store.put("a", "w");
  expect((await post("/v1/batch", { operations: [{ op: "deleteRange", prefix: "" }] })).status).toBe(200);
  expect(await it.store.get("a")).toBeUndefined();
});
