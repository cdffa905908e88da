import { beforeEach, expect, test } from "vitest";
import { problemOf, type Served, served } from "../../testing/harness.ts";

let it: Served;
beforeEach(async () => {
  it = await served({ snapshotLeaseMs: 30_000, maxSnapshots: 2 });
  await it.store.put("k", "1", { timestamp: 100 });
});

async function opened(init: RequestInit = {}): Promise<{ id: string; seq: number; leaseMs: number }> {
  const response = await it.fetch("/v1/snapshots", { method: "POST", ...init });
  expect(response.status, await response.clone().text()).toBe(201);
  const lease = (await response.json()) as { id: string; seq: number; leaseMs: number };
  expect(response.headers.get("location")).toBe(`/v1/snapshots/${lease.id}`);
  return lease;
}

const json = (body: unknown): RequestInit => {
  return { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
};

test("every read takes a snapshot", async () => {
  const { id, seq, leaseMs } = await opened();
  expect([seq, leaseMs]).toEqual([1, 30_000]);
  await it.store.put("k", "2", { timestamp: 100 });
  await it.store.put("k2", "3", { timestamp: 200 });
  const items = async (target: string, init?: RequestInit): Promise<unknown[]> => {
    const response = await it.fetch(target, init);
    expect(response.status, await response.clone().text()).toBe(200);
    const body = (await response.json()) as { items: unknown[]; seq: number };
    expect(body.seq).toBe(1);
    return body.items;
  };
  const key = await it.fetch(`/v1/keys/k?snapshot=${id}`);
  expect([await key.text(), key.headers.get("kvts-seq")]).toEqual(["1", "1"]);
  expect((await it.fetch(`/v1/keys/k2?snapshot=${id}`)).status).toBe(404);
  expect(await items(`/v1/keys?snapshot=${id}`)).toMatchObject([{ key: "k", value: "1" }]);
  expect(await items(`/v1/keys/k/versions?snapshot=${id}`)).toMatchObject([{ value: "1" }]);
  expect(await items(`/v1/keys/k/aggregate?step=1s&snapshot=${id}`)).toMatchObject([{ last: 1 }]);
  expect(await items(`/v1/diff?from=0&to=500&snapshot=${id}`)).toMatchObject([{ after: { value: "1" } }]);
  expect(await items("/v1/get", json({ keys: ["k", "k2"], snapshot: id }))).toMatchObject([{ value: "1" }, null]);
});

test("why a key holds nothing is told of the snapshot too", async () => {
  const { id } = await opened();
  await it.store.delete("k", { timestamp: 200 });
  const later = await opened();
  await it.store.put("k", "2", { timestamp: 300 });
  expect((await it.fetch(`/v1/keys/k?snapshot=${id}`)).status).toBe(200);
  const problem = await problemOf(await it.fetch(`/v1/keys/k?snapshot=${later.id}`));
  expect(problem).toMatchObject({ status: 404, details: { deletedAt: 200 } });
});

test("pages go on in the snapshot; a token belongs to it", async () => {
  for (const key of ["a", "b", "c"]) await it.store.put(key, key);
  const { id } = await opened();
  await it.store.put("bb", "new");
  const keys: string[] = [];
  let token = "";
  do {
    const query = token === "" ? "" : `&pageToken=${token}`;
    const page = (await (await it.fetch(`/v1/keys?pageSize=1&snapshot=${id}${query}`)).json()) as {
      items: { key: string }[];
      nextPageToken?: string;
    };
    keys.push(...page.items.map(({ key }) => key));
    token = page.nextPageToken ?? "";
    if (token !== "" && keys.length === 1) {
      const elsewhere = await it.fetch(`/v1/keys?pageSize=1&pageToken=${token}`);
      expect((await problemOf(elsewhere)).code).toBe("INVALID_ARGUMENT");
    }
  } while (token !== "");
  expect(keys).toEqual(["a", "b", "c", "k"]);
});

test("a snapshot is renewed and released", async () => {
  const { id, seq } = await opened();
  const renewed = await it.fetch(`/v1/snapshots/${id}`, { method: "POST" });
  expect([renewed.status, await renewed.json()]).toEqual([200, { id, seq, leaseMs: 30_000 }]);
  const release = async () => {
    const answer = await it.fetch(`/v1/snapshots/${id}`, { method: "DELETE" });
    return [answer.status, await answer.json()];
  };
  expect(await release()).toEqual([200, {}]);
  expect(await release()).toEqual([200, {}]);
  for (const [target, init] of [
    [`/v1/keys/k?snapshot=${id}`, {}],
    [`/v1/keys?snapshot=${id}`, {}],
    [`/v1/snapshots/${id}`, { method: "POST" }],
    ["/v1/get", json({ keys: ["k"], snapshot: id })],
  ] as const) {
    const problem = await problemOf(await it.fetch(target, init));
    expect(problem).toMatchObject({ status: 410, code: "SNAPSHOT_EXPIRED", detail: expect.stringContaining("open") });
  }
});

test("an earlier seq; too many; figures", async () => {
  const { seq } = await opened();
  await it.store.put("k", "2");
  expect((await opened(json({ seq }))).seq).toBe(seq);
  const refused = await problemOf(await it.fetch("/v1/snapshots", { method: "POST" }));
  expect(refused).toMatchObject({ status: 429, code: "OVERLOADED", details: { limit: 2 } });
  const { stats } = (await (await it.fetch("/v1/status")).json()) as { stats: Record<string, unknown> };
  expect(stats.snapshotLeases).toEqual({ count: 2, countMax: 2, oldestAgeMs: expect.any(Number) });
});

test.each([
  ["/v1/snapshots/nonsense", { method: "POST" }, "no id of a snapshot"],
  ["/v1/snapshots/nonsense", { method: "DELETE" }, "no id of a snapshot"],
  ["/v1/snapshots/%FF", { method: "DELETE" }, "UTF-8"],
  ["/v1/keys/k?snapshot=nonsense", {}, "no id of a snapshot"],
  ["/v1/keys?snapshot=", {}, "no id of a snapshot"],
  ["/v1/snapshots", json({ seq: -1 }), "seq"],
  ["/v1/snapshots", json({ seq: 99 }), "seq"],
  ["/v1/snapshots", json({ at: 5 }), '"at"'],
  ["/v1/get", json({ keys: ["k"], atSeq: 1, snapshot: "A".repeat(32) }), "leave one of them out"],
])("%s %j is refused", async (target, init, part) => {
  const problem = await problemOf(await it.fetch(target, init as RequestInit));
  expect([problem.status, problem.detail]).toEqual([400, expect.stringContaining(part)]);
});
