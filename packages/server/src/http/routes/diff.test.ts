import { limits, type Store, toBase64Url } from "@kvts/common";
import { expect, test } from "vitest";
import { problemOf, type Served, served } from "../../testing/harness.ts";

interface PageJson {
  readonly items: readonly { readonly key?: string }[];
  readonly nextPageToken?: string;
  readonly seq: number;
}

async function pageOf({ fetch }: Served, query: string): Promise<PageJson> {
  const response = await fetch(`/v1/diff?${query}`);
  expect(response.status, await response.clone().text()).toBe(200);
  return (await response.json()) as PageJson;
}

/** Five keys, all of which change from 10 to 20. */
async function withChanges({ store }: { readonly store: Store }): Promise<void> {
  for (const key of ["a", "b", "c", "d", "e"]) {
    await store.put(key, "old", { timestamp: 10 });
    await store.put(key, `new ${key}`, { timestamp: 20 });
  }
}

test("changes of each kind, as the version objects of every other list", async () => {
  const it = await served();
  await it.store.put("added", "{}", { timestamp: 20 });
  await it.store.put("changed", "old", { timestamp: 10, expiresAt: 15 });
  await it.store.put("changed", "new", { timestamp: 12 });
  await it.store.with({ keys: "bytes" }).put(Uint8Array.of(255), "gone", { timestamp: 5, expiresAt: 15 });
  const version = (timestamp: number, seq: number, value: object) => {
    return { timestamp, time: `1970-01-01T00:00:00.0000${String(timestamp).padStart(2, "0")}Z`, seq, ...value };
  };
  const changed = {
    key: "changed",
    kind: "changed",
    before: { key: "changed", ...version(10, 2, { expiresAt: 15, value: "old" }) },
    after: { key: "changed", ...version(12, 3, { value: "new" }) },
  };
  const removed = {
    keyBase64: "/w==",
    kind: "removed",
    before: { keyBase64: "/w==", ...version(5, 4, { expiresAt: 15, value: "gone" }) },
  };
  const added = { key: "added", ...version(20, 1, {}) };
  expect(await pageOf(it, "from=10&to=20")).toEqual({
    items: [{ key: "added", kind: "added", after: { ...added, value: "{}" } }, changed, removed],
    seq: 4,
  });
  expect(await pageOf(it, "from=10&to=20&prefix=a&as=json")).toEqual({
    items: [{ key: "added", kind: "added", after: { ...added, valueJson: {} } }],
    seq: 4,
  });
  const encoded = toBase64Url(Uint8Array.of(255));
  expect((await pageOf(it, `from=10&to=20&start=${encoded}&keyEncoding=base64url`)).items).toEqual([removed]);
  expect((await pageOf(it, "from=10&to=20&start=b&end=d")).items).toEqual([changed]);
});

test("pages go on behind the last key, at the seq of the first", async () => {
  const it = await served();
  await withChanges(it);
  const keys: (string | undefined)[][] = [];
  let token = "";
  do {
    const page = await pageOf(it, `from=10&to=20&pageSize=2${token === "" ? "" : `&pageToken=${token}`}`);
    expect(page.seq).toBe(10);
    keys.push(page.items.map(({ key }) => key));
    token = page.nextPageToken ?? "";
    await it.store.put("e", "later", { timestamp: 20 });
    await it.store.put("f", "later", { timestamp: 20 });
  } while (token !== "");
  expect(keys).toEqual([["a", "b"], ["c", "d"], ["e"]]);
  expect((await pageOf(it, "from=10&to=20&pageSize=5&end=f")).nextPageToken).toBeUndefined();
});

test("a page stays below its bytes, both sides counted", async () => {
  const it = await served();
  for (const key of ["a", "b", "c"]) {
    await it.store.put(key, "x".repeat(900_000), { timestamp: 10 });
    await it.store.put(key, "y".repeat(900_000), { timestamp: 20 });
  }
  const response = await it.fetch("/v1/diff?from=10&to=20");
  const text = await response.text();
  expect(text.length).toBeLessThanOrEqual(limits.pageBytesMax);
  expect((JSON.parse(text) as PageJson).items).toHaveLength(1);
});

test("a token is of its own arguments, and of its own kind of list", async () => {
  const it = await served();
  await withChanges(it);
  const { nextPageToken: token } = await pageOf(it, "from=10&to=20&end=z&pageSize=1");
  expect((await pageOf(it, `from=10&to=20&end=z&pageSize=4&pageToken=${token}`)).items).toHaveLength(4);
  for (const path of [
    `/v1/diff?from=10&to=20&pageToken=${token}`,
    `/v1/diff?from=11&to=20&end=z&pageToken=${token}`,
    `/v1/diff?from=10&to=21&end=z&pageToken=${token}`,
    `/v1/diff?from=10&to=20&end=y&pageToken=${token}`,
    `/v1/keys?end=z&pageToken=${token}`,
  ]) {
    const problem = await problemOf(await it.fetch(path));
    expect(problem, path).toMatchObject({ status: 400, code: "INVALID_ARGUMENT", details: { field: "page_token" } });
  }
});

test("relative moments count from the first page's", async () => {
  let micros = 1_700_000_000_000_000;
  const it = await served({ clock: { now: () => micros } });
  for (const key of ["a", "b"]) await it.store.put(key, "v", { timestamp: micros - 1_000_000 });
  const first = await pageOf(it, "from=-1m&to=now&pageSize=1");
  micros += 3_600_000_000;
  const second = await pageOf(it, `from=-1m&to=now&pageSize=1&pageToken=${first.nextPageToken}`);
  expect([...first.items, ...second.items]).toMatchObject([{ key: "a" }, { key: "b" }]);
});

test.each([
  ["to=5", "from in the query"],
  ["from=5", "to in the query"],
  ["from=6&to=5", "from an earlier moment to a later one"],
  ["from=soon&to=5", "soon"],
  ["from=1&to=5&prefix=a&start=b", "leave one of the two forms out"],
  ["from=1&to=5&at=5", '"at"'],
])("%s is refused", async (query, part) => {
  const problem = await problemOf(await (await served()).fetch(`/v1/diff?${query}`));
  expect(problem.status).toBe(400);
  expect(problem.detail).toContain(part);
});
