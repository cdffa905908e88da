import { beforeEach, expect, test } from "vitest";
import { problemOf, type Served, served } from "../../testing/harness.ts";

let it: Served;
beforeEach(async () => {
  it = await served();
  await it.store.put("user:1", "ann", { timestamp: 100 });
  await it.store.put("user:1", "anna", { timestamp: 200 });
  await it.store.put("user:2", "bob", { timestamp: 200 });
});

function restore(body: unknown): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return it.fetch("/v1/ranges:restore", { method: "POST", headers, body: JSON.stringify(body) });
}

test("a range looks as it did", async () => {
  const dry = await restore({ prefix: "user:", to: 150, dryRun: true });
  expect([dry.status, await dry.json()]).toEqual([
    200,
    {
      to: 150,
      restored: 1,
      deleted: 1,
      bytes: 15,
      sample: [
        expect.objectContaining({ key: "user:1", kind: "changed", after: expect.objectContaining({ value: "ann" }) }),
        expect.objectContaining({ key: "user:2", kind: "removed", before: expect.objectContaining({ value: "bob" }) }),
      ],
    },
  ]);
  expect((await it.store.get("user:1"))?.text()).toBe("anna");
  const done = await restore({ startBase64: "dXNlcjo=", to: "1970-01-01T00:00:00.000150Z" });
  const result = (await done.json()) as { timestamp: number };
  expect(result).toEqual({
    ...{ to: 150, restored: 1, deleted: 1, bytes: 15 },
    timestamp: expect.any(Number),
    seq: expect.any(Number),
  });
  expect((await it.store.get("user:1"))?.text()).toBe("ann");
  expect(await it.store.get("user:2")).toBeUndefined();
  const again = await restore({ prefix: "", to: result.timestamp });
  expect(await again.json()).toEqual({ to: result.timestamp, restored: 0, deleted: 0, bytes: 0 });
});

test.each([
  [{ to: 150 }, "name the keys"],
  [{ prefix: "user:" }, "to"],
  [{ prefix: "user:", to: "soon" }, "soon"],
  [{ prefix: "user:", start: "user:", to: 150 }, "leave one of the two forms out"],
  [{ prefix: "user:", prefixBase64: "dXNlcjo=", to: 150 }, "contradicts"],
  [{ prefix: "user:", to: 150, dryRun: "yes" }, "dryRun"],
  [{ prefix: "user:", to: 150, dry: true }, "dry"],
])("%j is refused", async (body, reason) => {
  const problem = await problemOf(await restore(body));
  expect(problem).toMatchObject({ status: 400, code: "INVALID_ARGUMENT" });
  expect(problem.detail).toContain(reason);
  expect((await it.store.get("user:1"))?.text()).toBe("anna");
});
