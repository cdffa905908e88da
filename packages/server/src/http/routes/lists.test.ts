import { limits, toBase64, toBase64Url, type VersionJson } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { problemOf, type Served, served } from "../../testing/harness.ts";

interface PageJson {
  readonly items: (VersionJson | null)[];
  readonly nextPageToken?: string;
  readonly seq: number;
}

async function pageOf(response: Response): Promise<PageJson> {
  expect(response.status, await response.clone().text()).toBe(200);
  return (await response.json()) as PageJson;
}

/** All pages from `path`, which has a query. */
async function allPages({ fetch }: Served, path: string): Promise<PageJson[]> {
  const pages: PageJson[] = [];
  let token = "";
  do {
    const page = await pageOf(await fetch(`${path}${token === "" ? "" : `&pageToken=${token}`}`));
    pages.push(page);
    token = page.nextPageToken ?? "";
  } while (token !== "");
  return pages;
}

const keysOf = (pages: PageJson[]): unknown[][] =>
  pages.map(({ items }) => items.map((item) => item?.key ?? item?.keyBase64));

describe("GET /v1/keys", () => {
  test("lists what keys hold, in byte order, in pages", async () => {
    const it = await served();
    for (const key of ["b", "a", "ü", "aa"]) await it.store.put(key, `value of ${key}`, { timestamp: 1 });
    expect(await pageOf(await it.fetch("/v1/keys"))).toMatchObject({
      items: [{ key: "a" }, { key: "aa" }, { key: "b", value: "value of b" }, { key: "ü" }],
      seq: 4,
    });
    expect(keysOf(await allPages(it, "/v1/keys?pageSize=3"))).toEqual([["a", "aa", "b"], ["ü"]]);
    // Exactly full: no token for an empty page.
    expect(keysOf(await allPages(it, "/v1/keys?pageSize=2"))).toEqual([
      ["a", "aa"],
      ["b", "ü"],
    ]);
    expect(keysOf(await allPages(it, "/v1/keys?pageSize=3&reverse=true"))).toEqual([["ü", "b", "aa"], ["a"]]);
    expect(keysOf(await allPages(it, "/v1/keys?prefix=a"))).toEqual([["a", "aa"]]);
    expect(keysOf(await allPages(it, "/v1/keys?start=aa&end=%C3%BC"))).toEqual([["aa", "b"]]);
    expect(keysOf(await allPages(it, "/v1/keys?pageSize=0"))).toEqual([["a", "aa", "b", "ü"]]);
    expect(keysOf(await allPages(it, "/v1/keys?at=0"))).toEqual([[]]);
  });

  test("binary keys and bounds, keys that share all but the last byte, the longest keys", async () => {
    const it = await served();
    const store = it.store.with({ keys: "bytes" });
    const long = (last: number): Uint8Array => new Uint8Array(limits.keyBytesMax).fill(255).fill(last, -1);
    const keys = [new Uint8Array([255]), new Uint8Array([255, 0]), long(1), long(2), long(255)];
    for (const key of keys) await store.put(key, "v");
    const expected = keys.map(toBase64);
    for (const reverse of [false, true]) {
      const pages = await allPages(it, `/v1/keys?pageSize=1&reverse=${reverse}`);
      expect(keysOf(pages).flat()).toEqual(reverse ? expected.toReversed() : expected);
    }
    expect(keysOf(await allPages(it, "/v1/keys?prefix=%FF%00"))).toEqual([[expected[1]]]);
    const encoded = `start=${toBase64Url(long(1))}&end=${toBase64Url(long(2))}&keyEncoding=base64url`;
    expect(keysOf(await allPages(it, `/v1/keys?${encoded}`))).toEqual([[expected[2]]]);
    const percent = [...long(2)].map((byte) => `%${byte.toString(16)}`).join("");
    const both = await it.fetch(`/v1/keys?start=${percent}&end=${percent.replace(/%2$/, "%ff")}`);
    expect(both.status).toBe(400);
  });

  test("deleted and expired keys only when asked for", async () => {
    const it = await served();
    await it.store.put("deleted", "v", { timestamp: 1 });
    await it.store.delete("deleted", { timestamp: 2 });
    await it.store.put("expired", "v", { timestamp: 1, expiresAt: 2 });
    expect((await pageOf(await it.fetch("/v1/keys"))).items).toEqual([]);
    expect((await pageOf(await it.fetch("/v1/keys?includeDeleted=true"))).items).toMatchObject([
      { key: "deleted", timestamp: 2, deleted: true },
      { key: "expired", value: "v", expiresAt: 2 },
    ]);
  });

  test("a page stays below its bytes, and holds one item however large", async () => {
    const it = await served();
    // Six characters of JSON for a byte of 1; four thirds in base64 for a byte of 255.
    const values: [size: number, byte: number][] = [
      [1_000_000, 1],
      [1_300_000, 255],
      [1_300_000, 255],
      [10, 1],
      [500_000, 1],
      [100, 1],
    ];
    for (const [index, [size, byte]] of values.entries()) {
      await it.store.put(`k${index}`, new Uint8Array(size).fill(byte));
    }
    const pages = await allPages(it, "/v1/keys?as=json");
    expect(keysOf(pages)).toEqual([["k0"], ["k1", "k2", "k3"], ["k4", "k5"]]);
    const bytes = pages.map((page) => Buffer.byteLength(JSON.stringify(page)));
    expect(bytes.map((length) => length <= limits.pageBytesMax)).toEqual([false, true, true]);
  });

  test("a page holds at most 1,000 items, more is coerced down", async () => {
    const it = await served();
    const operations = Array.from(
      { length: 1001 },
      (_, i) => ({ op: "put", key: String(i).padStart(4, "0"), value: "" }) as const,
    );
    await it.store.write(operations);
    const pages = await allPages(it, "/v1/keys?pageSize=999999");
    expect(pages.map(({ items }) => items.length)).toEqual([1000, 1]);
  });

  test.each([
    ["prefix=a&start=b", "prefix"],
    ["reverse=yes", "reverse"],
    ["reverse", "reverse"],
    ["pageSize=-1", "pageSize"],
    ["pageSize=1.5", "pageSize"],
    ["pageSize=9999999999999999999", "pageSize"],
    ["pageToken=", "page token"],
    ["pageToken=abc", "page token"],
    ["limit=5", "limit"],
    ["at=never", "never"],
    ["prefix=%f", "prefix"],
    ["prefix=a*&keyEncoding=base64url", "prefix"],
    ["as=text", "as"],
  ])("%s is refused", async (query, part) => {
    const { fetch } = await served();
    const problem = await problemOf(await fetch(`/v1/keys?${query}`));
    expect(problem).toMatchObject({ status: 400, code: "INVALID_ARGUMENT" });
    expect(problem.detail).toContain(part);
  });
});

describe("GET /v1/keys/{key}/versions", () => {
  test("lists versions newest first, within bounds, in pages", async () => {
    const it = await served();
    for (const timestamp of [30, 10, 20]) await it.store.put("k", `at ${timestamp}`, { timestamp });
    await it.store.delete("k", { timestamp: 25 });
    const timestamps = async (query: string): Promise<unknown[][]> =>
      (await allPages(it, `/v1/keys/k/versions?${query}`)).map(({ items }) => items.map((item) => item?.timestamp));
    expect(await timestamps("")).toEqual([[30, 25, 20, 10]]);
    expect(await timestamps("pageSize=3")).toEqual([[30, 25, 20], [10]]);
    expect(await timestamps("pageSize=2&reverse=true")).toEqual([
      [10, 20],
      [25, 30],
    ]);
    expect(await timestamps("from=20&to=25")).toEqual([[25, 20]]);
    expect(await timestamps("from=11&to=30&pageSize=1")).toEqual([[30], [25], [20]]);
    const { items } = await pageOf(await it.fetch("/v1/keys/k/versions?to=25"));
    expect(items[0]).toEqual({ key: "k", timestamp: 25, time: "1970-01-01T00:00:00.000025Z", seq: 4, deleted: true });
    expect((await pageOf(await it.fetch("/v1/keys/absent/versions"))).items).toEqual([]);
  });

  test("the ends of time", async () => {
    const it = await served({ maxFutureSkewMs: Number.MAX_SAFE_INTEGER });
    for (const timestamp of [0, limits.timestampMax]) await it.store.put("k", "v", { timestamp });
    for (const reverse of [false, true]) {
      const pages = await allPages(it, `/v1/keys/k/versions?pageSize=1&reverse=${reverse}`);
      expect(pages.map(({ items }) => items.length)).toEqual([1, 1]);
    }
  });

  test.each(["at=5", "from=x", "reverse=1", "prefix=a"])("%s is refused", async (query) => {
    const { fetch } = await served();
    expect((await problemOf(await fetch(`/v1/keys/k/versions?${query}`))).status).toBe(400);
  });

  test("an empty key is refused", async () => {
    const { fetch } = await served();
    expect((await problemOf(await fetch("/v1/keys//versions"))).detail).toContain("at least one byte");
  });
});

describe("page tokens", () => {
  test("pages are read at one seq, whatever is written between them", async () => {
    const it = await served();
    for (const key of ["a", "b", "c"]) await it.store.put(key, "old", { timestamp: 1 });
    const first = await pageOf(await it.fetch("/v1/keys?pageSize=1"));
    await it.store.put("b", "new", { timestamp: 2 });
    await it.store.put("c", "backdated", { timestamp: 0 });
    await it.store.delete("c", { timestamp: 3 });
    await it.store.put("bb", "new", { timestamp: 1 });
    const rest = await pageOf(await it.fetch(`/v1/keys?pageSize=5&pageToken=${first.nextPageToken}`));
    expect(rest.items.map((item) => [item?.key, item?.value])).toEqual([
      ["b", "old"],
      ["c", "old"],
    ]);
    expect(rest.seq).toBe(first.seq);
  });

  test("a relative time counts from the first page's moment", async () => {
    let micros = 1_000_000_000_000_000;
    const it = await served({ clock: { now: () => micros } });
    await it.store.put("a", "v", { timestamp: 1 });
    await it.store.put("b", "old", { timestamp: 1 });
    await it.store.put("b", "new", { timestamp: micros });
    const first = await pageOf(await it.fetch("/v1/keys?pageSize=1&at=-1m"));
    micros += 3_600_000_000;
    const second = await pageOf(await it.fetch(`/v1/keys?pageSize=1&at=-1m&pageToken=${first.nextPageToken}`));
    expect(second.items).toMatchObject([{ key: "b", value: "old" }]);
  });

  test("a page can be asked for again, and by many at a time", async () => {
    const it = await served();
    for (const key of ["a", "b", "c", "d"]) await it.store.put(key, "v");
    const { nextPageToken } = await pageOf(await it.fetch("/v1/keys?pageSize=1"));
    const path = `/v1/keys?pageSize=2&pageToken=${nextPageToken}`;
    const pages = await Promise.all(Array.from({ length: 8 }, async () => await pageOf(await it.fetch(path))));
    for (const page of pages) expect(page.items.map((item) => item?.key)).toEqual(["b", "c"]);
    await allPages(it, "/v1/keys?pageSize=2");
    expect((await pageOf(await it.fetch(path))).items).toHaveLength(2);
  });

  test("one of other arguments is refused, the page size aside", async () => {
    const it = await served();
    for (const key of ["a1", "a2", "a3"]) await it.store.put(key, "v");
    const { nextPageToken: token } = await pageOf(await it.fetch("/v1/keys?prefix=a&pageSize=1"));
    expect((await it.fetch(`/v1/keys?prefix=a&pageSize=2&pageToken=${token}`)).status).toBe(200);
    const damaged = `${token!.slice(0, -2)}${token!.endsWith("AA") ? "BB" : "AA"}`;
    for (const path of [
      `/v1/keys?pageToken=${token}`,
      `/v1/keys?prefix=b&pageToken=${token}`,
      `/v1/keys?prefix=a&at=now&pageToken=${token}`,
      `/v1/keys?prefix=a&reverse=true&pageToken=${token}`,
      `/v1/keys?prefix=a&includeDeleted=true&pageToken=${token}`,
      `/v1/keys/a1/versions?pageToken=${token}`,
      `/v1/keys?prefix=a&pageToken=${damaged}`,
      `/v1/keys?prefix=a&pageToken=${token}AAAA`,
    ]) {
      const problem = await problemOf(await it.fetch(path));
      expect(problem, path).toMatchObject({ status: 400, code: "INVALID_ARGUMENT", details: { field: "page_token" } });
    }
  });

  test("one of another incarnation of the store has expired", async () => {
    const old = await served();
    for (const key of ["a", "b"]) await old.store.put(key, "v");
    const { nextPageToken } = await pageOf(await old.fetch("/v1/keys?pageSize=1"));
    const restored = await served();
    const problem = await problemOf(await restored.fetch(`/v1/keys?pageToken=${nextPageToken}`));
    expect(problem).toMatchObject({ status: 410, code: "CURSOR_EXPIRED" });
  });
});

describe("POST /v1/get", () => {
  const post = (it: Served, body: unknown): Promise<Response> =>
    it.fetch("/v1/get", {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    });

  test("answers in the order asked, null for what is absent", async () => {
    const it = await served();
    const store = it.store.with({ keys: "bytes" });
    await store.put("a", "1", { timestamp: 1 });
    await store.put(new Uint8Array([255]), '{"x":1}', { timestamp: 2 });
    const binary = { keyBase64: "/w==" };
    expect(await pageOf(await post(it, { keys: ["b", binary, "a", { key: "a" }] }))).toMatchObject({
      items: [null, { keyBase64: "/w==" }, { key: "a", value: "1" }, { key: "a" }],
      seq: 2,
    });
    expect((await pageOf(await post(it, { keys: [binary, "a"], at: 1 }))).items).toMatchObject([null, { key: "a" }]);
    expect((await pageOf(await post(it, { keys: [binary], as: "json" }))).items).toMatchObject([
      { valueJson: { x: 1 } },
    ]);
    expect((await pageOf(await post(it, { keys: [binary, "a"], atSeq: 1 }))).items).toMatchObject([null, { key: "a" }]);
    expect(await pageOf(await post(it, { keys: [] }))).toEqual({ items: [], seq: 2 });
  });

  test("goes on where a page was full", async () => {
    const it = await served();
    const keys = ["a", "b", "c"];
    for (const key of keys) await it.store.put(key, "x".repeat(1_500_000));
    const first = await pageOf(await post(it, { keys }));
    expect(first.items).toHaveLength(2);
    await it.store.put("c", "later");
    const { nextPageToken: pageToken } = first;
    const second = await pageOf(await post(it, { keys, pageToken }));
    expect(second.items[0]?.value).toHaveLength(1_500_000);
    expect(second).toMatchObject({ seq: first.seq });
    expect(second.nextPageToken).toBeUndefined();
    expect((await problemOf(await post(it, { keys: ["a"], pageToken }))).code).toBe("INVALID_ARGUMENT");
  });

  test.each<[string, unknown, number, string]>([
    ["no keys", {}, 400, "keys"],
    ["keys that are no list", { keys: "a" }, 400, "keys"],
    ["a key of a wrong type", { keys: ["a", 5] }, 400, "keys.1"],
    ["an empty key", { keys: ["a", ""] }, 400, "key 1"],
    ["an unknown field of a key", { keys: [{ keyHex: "00" }] }, 400, "keyHex"],
    ["a key in two ways", { keys: [{ key: "a", keyBase64: "YQ==" }] }, 400, "key 0"],
    ["a key too long", { keys: ["a".repeat(65_536)] }, 413, "65535"],
    ["too many keys", { keys: Array.from({ length: 10_001 }, String) }, 413, "10000"],
    ["an unknown field", { keys: [], prefix: "a" }, 400, "prefix"],
    ["no time", { keys: ["a"], at: "x" }, 400, "x"],
    ["no object", [], 400, "object"],
  ])("%s is refused", async (_what, body, status, part) => {
    const problem = await problemOf(await post(await served(), body));
    expect(problem.status).toBe(status);
    expect(problem.detail).toContain(part);
  });
});
