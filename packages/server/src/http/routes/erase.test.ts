import { KvtsError } from "@kvts/common";
import { createModelStore } from "@kvts/db/testing";
import { expect, test } from "vitest";
import { problemOf, type Served, served } from "../../testing/harness.ts";
import { overridden } from "../../testing/waiting-store.ts";

function erase({ fetch }: Served, body: unknown): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return fetch("/v1/ranges:erase", { method: "POST", headers, body: JSON.stringify(body) });
}

async function filled(): Promise<Served> {
  const it = await served();
  for (const key of ["user:1", "user:2", "other"]) await it.store.put(key, "v", { timestamp: 100 });
  return it;
}

const result = { removed: 2, tablesRewritten: 0, bytesRewritten: 0, setAside: [], checkpoints: [] };

test("an erasure is an operation, and a dry run an answer", async () => {
  const it = await filled();
  const dry = await erase(it, { prefix: "user:", dryRun: true });
  expect([dry.status, await dry.json()]).toEqual([200, { seq: 4, ...result }]);
  expect((await it.store.get("user:1"))?.text()).toBe("v");
  const begun = await erase(it, { prefix: "user:" });
  const { id } = (await begun.json()) as { id: string };
  expect([begun.status, begun.headers.get("location")]).toEqual([202, `/v1/operations/${id}`]);
  expect(await it.store.get("user:1")).toBeUndefined();
  const operation = await it.fetch(`/v1/operations/${id}`);
  expect(operation.headers.get("cache-control")).toBe("no-store");
  expect(await operation.json()).toEqual({
    id,
    kind: "erase",
    state: "succeeded",
    startedAt: expect.any(Number),
    endedAt: expect.any(Number),
    progress: { phase: "hiding", bytesTotal: 0, bytesDone: 0 },
    hiddenSeq: 4,
    result: { seq: 4, ...result },
  });
  expect((await erase(it, { keyBase64: "b3RoZXI=" })).status).toBe(202);
  expect(await it.store.scan().toArray()).toEqual([]);
});

test("what fails once it is hidden is told by the operation, what fails before by the call", async () => {
  const full = new KvtsError("NO_SPACE", "the disk is full; make room");
  const damaged = new KvtsError("CORRUPTION", "a table is damaged; repair the store", { details: { file: "1.sst" } });
  const store = overridden(createModelStore(), {
    async erase(target, options) {
      if ("key" in target) throw full;
      options?.onHidden?.(7);
      await new Promise((resolve) => setImmediate(resolve));
      throw damaged;
    },
  });
  const it = await served({}, store);
  expect(await problemOf(await erase(it, { key: "a" }))).toMatchObject({ status: 507, code: "NO_SPACE" });
  const begun = await erase(it, { prefix: "a" });
  const { id, state } = (await begun.json()) as { id: string; state: string };
  expect([begun.status, state]).toEqual([202, "running"]);
  await expect
    .poll(async () => await (await it.fetch(`/v1/operations/${id}`)).json())
    .toMatchObject({ state: "failed", hiddenSeq: 7, error: { code: "CORRUPTION", details: { file: "1.sst" } } });
  const status = (await (await it.fetch("/v1/status")).json()) as { stats: { operations: unknown } };
  expect(status.stats.operations).toEqual({ running: 0, runningMax: 16, ended: 1, failed: 1 });
});

test("an operation that nobody knows is gone, in one sentence", async () => {
  const it = await served();
  const problem = await problemOf(await it.fetch("/v1/operations/AAAAAAAAAAAAAAAAAAAAAA"));
  expect(problem).toMatchObject({ status: 410, code: "OPERATION_EXPIRED" });
  expect(problem.detail).toContain("an erasure that had begun is finished all the same");
});

test.each([
  [{}, "name the keys"],
  [{ dryRun: true }, "name the keys"],
  [{ key: "a", prefix: "a" }, "leave one of the two out"],
  [{ key: "" }, "at least one byte"],
  [{ prefix: "a", start: "a" }, "leave one of the two forms out"],
  [{ prefix: "a", timestamp: 5 }, "timestamp"],
])("%j is refused", async (body, reason) => {
  const it = await filled();
  const problem = await problemOf(await erase(it, body));
  expect(problem).toMatchObject({ status: 400, code: "INVALID_ARGUMENT" });
  expect(problem.detail).toContain(reason);
  expect(await it.store.scan().toArray()).toHaveLength(3);
});
