import { describe, expect, test } from "vitest";
import { problemOf, type Served, served } from "../../testing/harness.ts";

async function put(it: Served, target: string, headers: Record<string, string> = {}): Promise<unknown> {
  const response = await it.fetch(target, { method: "PUT", body: "v", headers });
  return response.ok ? ((await response.json()) as { seq: number }).seq : (await problemOf(response)).details;
}

describe("writes with conditions", () => {
  test("by headers: the ETag of either representation, or none", async () => {
    const it = await served();
    expect(await put(it, "/v1/keys/k", { "if-none-match": "*" })).toBe(1);
    expect(await put(it, "/v1/keys/k", { "if-none-match": "*" })).toMatchObject({
      condition: "ifAbsent",
      currentSeq: 1,
    });
    const raw = (await it.fetch("/v1/keys/k")).headers.get("etag")!;
    expect(await put(it, "/v1/keys/k", { "if-match": raw })).toBe(2);
    expect(await put(it, "/v1/keys/k", { "if-match": raw })).toMatchObject({ condition: "ifSeq", currentSeq: 2 });
    const json = (await it.fetch("/v1/keys/k?as=json")).headers.get("etag")!;
    const deleted = await it.fetch("/v1/keys/k", { method: "DELETE", headers: { "if-match": json } });
    expect(await deleted.json()).toMatchObject({ seq: 3 });
    expect(await put(it, "/v1/keys/k", { "if-none-match": "*" })).toBe(4);
  });

  test("by parameters", async () => {
    const it = await served();
    expect(await put(it, "/v1/keys/k?ts=5&ifAbsent=true")).toBe(1);
    expect(await put(it, "/v1/keys/k?ts=6&ifTimestamp=5")).toBe(2);
    expect(await put(it, "/v1/keys/k?ts=7&ifSeq=2")).toBe(3);
    expect(await put(it, "/v1/keys/k?ifAbsent=false")).toBe(4);
    const refused = await put(it, "/v1/keys/k?ts=8&ifSeq=4");
    expect(refused).toMatchObject({ condition: "newer", currentSeq: 4 });
  });
});

test("a write sent again under its Idempotency-Key happens once", async () => {
  const it = await served();
  const headers = { "idempotency-key": "write 1", "if-none-match": "*" };
  expect([await put(it, "/v1/keys/k", headers), await put(it, "/v1/keys/k", headers)]).toEqual([1, 1]);
  expect(await put(it, "/v1/keys/other", headers)).toMatchObject({ requestId: "write 1" });
  expect((await it.store.stats()).seq).toBe(1);
});
