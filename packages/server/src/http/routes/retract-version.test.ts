import { beforeEach, expect, test } from "vitest";
import { problemOf, type Served, served } from "../../testing/harness.ts";

let it: Served;
beforeEach(async () => {
  it = await served();
  await it.store.put("k", "one", { timestamp: 100 });
  await it.store.put("k", "two", { timestamp: 200 });
});

function retract(target: string, headers: Record<string, string> = {}): Promise<Response> {
  return it.fetch(target, { method: "DELETE", headers });
}

const text = async (): Promise<string | undefined> => (await it.store.get("k"))?.text();

test("takes back what was written at its timestamp", async () => {
  const response = await retract("/v1/keys/k/versions/200");
  expect([response.status, await response.json()]).toEqual([200, { timestamp: 200, seq: 3 }]);
  expect(await text()).toBe("one");
  expect((await retract("/v1/keys/k/versions/1970-01-01T00:00:00.000100Z")).status).toBe(200);
  expect(await text()).toBeUndefined();
  expect((await it.fetch("/v1/keys/k")).status).toBe(404);
});

test("nothing there is no error; neither is a moment far ahead", async () => {
  for (const moment of ["150", "0", "1970-01-01T02:00:00.000200%2B02:00", "+100d"]) {
    expect((await retract(`/v1/keys/other/versions/${moment}`)).status, moment).toBe(200);
  }
  expect(await text()).toBe("two");
});

test("keys of any bytes", async () => {
  await it.store.with({ keys: "bytes" }).put(Uint8Array.of(0x2e, 0x2e), "dots", { timestamp: 5 });
  expect((await retract("/v1/keys/Li4/versions/5?keyEncoding=base64url")).status).toBe(200);
  expect(await it.store.get("..")).toBeUndefined();
});

test("conditions and the Idempotency-Key are those of every write", async () => {
  const refused = await problemOf(await retract("/v1/keys/k/versions/200", { "if-match": '"1"' }));
  expect(refused).toMatchObject({ status: 412, code: "CONFLICT", details: { condition: "ifSeq", currentSeq: 2 } });
  expect((await problemOf(await retract("/v1/keys/k/versions/100?ifSeq=2"))).details).toMatchObject({
    condition: "newer",
  });
  const headers = { "if-match": '"2"', "idempotency-key": "r" };
  const answers = [
    await retract("/v1/keys/k/versions/200", headers),
    await retract("/v1/keys/k/versions/200", headers),
  ];
  for (const answer of answers) expect(await answer.json()).toEqual({ timestamp: 200, seq: 3 });
  expect((await it.store.stats()).seq).toBe(3);
});

test.each([
  ["/v1/keys/k/versions/soon", 400, "soon"],
  ["/v1/keys/k/versions/-1us1", 400, "-1us1"],
  ["/v1/keys/k/versions/%FF", 400, "UTF-8"],
  ["/v1/keys/k/versions/5%", 400, "%25"],
  ["/v1/keys/k/versions/5?ts=5", 400, '"ts"'],
  ["/v1/keys//versions/5", 400, "at least one byte"],
  ["/v1/keys/k/versions", 405, "GET, HEAD"],
])("DELETE %s is refused", async (target, status, part) => {
  const problem = await problemOf(await retract(target));
  expect(problem.status).toBe(status);
  expect(problem.detail).toContain(part);
  expect(await text()).toBe("two");
});

test("a version is not read by its timestamp", async () => {
  const response = await it.fetch("/v1/keys/k/versions/200");
  expect([response.status, response.headers.get("allow")]).toEqual([405, "DELETE"]);
});
