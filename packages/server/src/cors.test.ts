import { expect, test } from "vitest";
import { problemOf, type Served, served } from "./testing/harness.ts";

const page = "https://shop.example";

async function preflight({ fetch }: Served, origin: string, path = "/v1/keys/k"): Promise<Response> {
  const asked = { "access-control-request-method": "PUT", "access-control-request-headers": "authorization" };
  return await fetch(path, { method: "OPTIONS", headers: { origin, ...asked } });
}

test("pages of other addresses may do nothing, unless the server was told so", async () => {
  const all = await served();
  expect((await problemOf(await preflight(all, page))).code).toBe("PERMISSION_DENIED");
  const get = await all.fetch("/v1/keys/k", { headers: { origin: page } });
  expect([get.status, get.headers.get("access-control-allow-origin")]).toEqual([403, null]);
});

test.each([[[page]], [["*"]], [["https://other.example", page]]])(
  "with the origins %j a page may call",
  async (corsOrigins) => {
    const all = await served({ corsOrigins });
    const leave = await preflight(all, page);
    expect(leave.status).toBe(204);
    expect(leave.headers.get("access-control-allow-origin")).toBe(page);
    expect(leave.headers.get("access-control-allow-methods")).toContain("PUT");
    expect(leave.headers.get("access-control-allow-headers")).toMatch(/Authorization.*If-Match/);
    expect(leave.headers.get("access-control-allow-credentials")).toBeNull();
    await all.fetch("/v1/keys/k", { method: "PUT", body: "v", headers: { origin: page } });
    const get = await all.fetch("/v1/keys/k", { headers: { origin: page } });
    expect([get.status, await get.text()]).toEqual([200, "v"]);
    expect(get.headers.get("access-control-allow-origin")).toBe(page);
    expect(get.headers.get("access-control-expose-headers")).toMatch(/ETag.*Kvts-Seq/);
    expect(get.headers.get("vary")).toBe("Accept, Accept-Encoding, Origin");
    const refused = await all.fetch("/v1/keys/k?what=1", { headers: { origin: page } });
    expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([400, page]);
  },
);

test("gRPC-Web and Connect are for these pages, too", async () => {
  const all = await served({ corsOrigins: [page] });
  const path = "/kvts.v1.KvService/Get";
  expect((await preflight(all, page, path)).headers.get("access-control-allow-headers")).toContain("X-Grpc-Web");
  const answer = await all.fetch(path, {
    method: "POST",
    headers: { origin: page, "content-type": "application/json" },
    body: '{"key":"aw=="}',
  });
  expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([200, page]);
  expect(answer.headers.get("access-control-expose-headers")).toContain("Grpc-Status");
});

test("others stay out", async () => {
  const all = await served({ corsOrigins: [page] });
  for (const origin of ["https://shop.example.evil.example", "http://shop.example", "null", `${page}:8443`]) {
    expect((await preflight(all, origin)).status, origin).toBe(403);
  }
});

test.each(["shop.example", "https://shop.example/", "https://shop.example/page", "HTTPS://shop.example", ""])(
  "%j is no origin",
  async (origin) => {
    await expect(served({ corsOrigins: [origin] })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  },
);
