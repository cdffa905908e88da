import { request } from "node:http";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { type Served, served } from "../testing/harness.ts";

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

/** As it comes, not as `fetch` makes it readable. */
function ask({ url }: Served, path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url + path, { method, headers }, async (answer) => {
      resolve({ status: answer.statusCode!, headers: answer.headers as Answer["headers"], body: await buffer(answer) });
    });
    sent.on("error", reject);
    sent.end();
  });
}

const gzip = { "accept-encoding": "deflate, gzip;q=0.5, br" };
const json = { accept: "application/json" };
const long = "a long value. ".repeat(200);

async function filled(): Promise<Served> {
  const here = await served();
  for (let i = 0; i < 20; i++) await here.store.put(`key ${i}`, long, { timestamp: i });
  await here.store.put("short", "v");
  return here;
}

test("a list is compressed for who asks, and is the same list", async () => {
  const here = await filled();
  const plain = await ask(here, "/v1/keys");
  const packed = await ask(here, "/v1/keys", gzip);
  expect(plain.headers["content-encoding"]).toBeUndefined();
  expect(packed.headers).toMatchObject({
    "content-encoding": "gzip",
    "content-type": "application/json",
    "content-length": String(packed.body.length),
  });
  for (const { headers } of [plain, packed]) expect(headers.vary).toBe("Accept-Encoding");
  expect(gunzipSync(packed.body)).toEqual(plain.body);
  expect(packed.body.length).toBeLessThan(plain.body.length / 5);
});

describe("what is compressed", () => {
  test.each<[string, string, Record<string, string>, string | undefined]>([
    ["a version as JSON", "/v1/keys/key%200", { ...gzip, ...json }, "gzip"],
    ["the description of the API", "/openapi.json", gzip, "gzip"],
    ["any encoding will do", "/openapi.json", { "accept-encoding": "*" }, "gzip"],
    ["a value's bytes", "/v1/keys/key%200", gzip, undefined],
    ["what is short", "/v1/keys/short", { ...gzip, ...json }, undefined],
    ["another encoding", "/openapi.json", { "accept-encoding": "br, deflate" }, undefined],
    ["gzip is refused", "/openapi.json", { "accept-encoding": "gzip;q=0, *" }, undefined],
    ["no header", "/openapi.json", {}, undefined],
  ])("%s", async (_, path, headers, encoding) => {
    const { status, headers: answered } = await ask(await filled(), path, headers);
    expect([status, answered["content-encoding"]]).toEqual([200, encoding]);
  });

  test("a feed is not: its events would wait in the compressor", async () => {
    const { fetch } = await filled();
    const feed = await fetch("/v1/watch?initial=true", { headers: gzip });
    expect(feed.headers.get("content-encoding")).toBeNull();
    const { value } = await feed.body!.getReader().read();
    expect(value!.length).toBeGreaterThan(0);
  });

  test("what a page of another address gets says that it depends on that, too", async () => {
    const here = await served({ corsOrigins: ["https://shop.example"] });
    const answer = await ask(here, "/openapi.json", { ...gzip, origin: "https://shop.example" });
    expect(answer.headers.vary).toBe("Accept-Encoding, Origin");
  });
});

describe("ETags", () => {
  const asJson = { ...gzip, ...json };

  test("each form has one of its own, and each is known again", async () => {
    const here = await filled();
    const tag = (await ask(here, "/v1/keys/key%200", asJson)).headers.etag;
    expect(tag).toBe('"1.json.gzip"');
    expect((await ask(here, "/v1/keys/key%200", json)).headers.etag).toBe('"1.json"');
    for (const [listed, answered] of [
      ['"1.json.gzip"', '"1.json.gzip"'],
      ['W/"1.json.gzip"', '"1.json.gzip"'],
      ['"1.json"', '"1.json"'],
    ]) {
      const same = await ask(here, "/v1/keys/key%200", { ...asJson, "if-none-match": listed! });
      expect([same.status, same.headers.etag, same.body.length]).toEqual([304, answered, 0]);
    }
    for (const other of ['"1"', '"1.gzip"', '"2.json.gzip"']) {
      expect((await ask(here, "/v1/keys/key%200", { ...asJson, "if-none-match": other })).status).toBe(200);
    }
  });

  test("a write takes that of a compressed answer as its condition", async () => {
    const { fetch } = await filled();
    const put = (tag: string) =>
      fetch("/v1/keys/key%200", { method: "PUT", body: "new", headers: { "if-match": tag } });
    expect((await put('"1.gzip"')).status).toBe(400);
    expect((await put('"2.json.gzip"')).status).toBe(412);
    expect((await put('"1.json.gzip"')).status).toBe(200);
  });

  test("HEAD says what GET would", async () => {
    const here = await filled();
    const [head, get] = [await ask(here, "/v1/keys", gzip, "HEAD"), await ask(here, "/v1/keys", gzip)];
    for (const name of ["content-encoding", "content-length", "content-type", "vary"]) {
      expect(head.headers[name]).toBe(get.headers[name]);
    }
    expect(head.body.length).toBe(0);
  });
});
