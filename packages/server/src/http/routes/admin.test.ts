import { createModelStore } from "@kvts/db/testing";
import { expect, test } from "vitest";
import { problemOf, served } from "../../testing/harness.ts";
import { overridden } from "../../testing/waiting-store.ts";

test("flush and compact run, with an empty body or an empty object", async () => {
  const runs: string[] = [];
  const note = (name: string) => (): Promise<void> => {
    runs.push(name);
    return Promise.resolve();
  };
  const store = overridden(createModelStore(), { flush: note("flush"), compact: note("compact") });
  const { fetch } = await served({}, store);
  const headers = { "content-type": "application/json" };
  for (const [path, init] of [
    ["/v1/admin/flush", {}],
    ["/v1/admin/compact", { body: "{}", headers }],
  ] as const) {
    const response = await fetch(path, { method: "POST", ...init });
    expect([response.status, await response.json()]).toEqual([200, {}]);
  }
  expect(runs).toEqual(["flush", "compact"]);
  const unknown = await fetch("/v1/admin/flush", { method: "POST", body: '{"force":true}', headers });
  expect((await problemOf(unknown)).detail).toContain("force");
  expect((await problemOf(await fetch("/v1/admin/flush"))).status).toBe(405);
  expect(runs).toHaveLength(2);
});

test("status tells of server and store", async () => {
  const { fetch, store } = await served();
  await store.put("a", "1");
  const stats = await store.stats();
  const response = await fetch("/v1/status");
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(await response.json()).toMatchObject({
    version: "0.0.0",
    ready: true,
    seq: 1,
    incarnation: stats.incarnation,
    limits: { requestBytesMax: 8_388_608 },
    stats,
  });
});

test("health and readiness", async () => {
  const { fetch } = await served();
  expect(await (await fetch("/healthz")).json()).toEqual({ status: "ok" });
  expect(await (await fetch("/readyz")).json()).toEqual({ status: "ready" });
});

test("what routes do not take is refused with what they do", async () => {
  const { fetch } = await served();
  const response = await fetch("/v1/status", { method: "DELETE" });
  expect(response.headers.get("allow")).toBe("GET, HEAD");
  expect((await problemOf(response)).status).toBe(405);
  expect((await fetch("/v1/status?verbose=1")).status).toBe(400);
  expect((await problemOf(await fetch("/"))).status).toBe(404);
});
