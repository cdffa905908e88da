import { status } from "@grpc/grpc-js";
import { createModelStore } from "@kvts/db/testing";
import { expect, test } from "vitest";
import { serve } from "../serve.ts";
import { foreignService } from "../testing/foreign.ts";
import { served } from "../testing/harness.ts";
import { gate, overridden } from "../testing/waiting-store.ts";

const names = ["", "kvts.v1.KvService", "kvts.v1.AdminService", "grpc.health.v1.Health"];

test("a server that takes work is SERVING, as a whole and in each of its services", async () => {
  const { server, fetch } = await served();
  const health = foreignService(server.grpcUrl, "grpc.health.v1.Health");
  for (const service of names) expect(await health.call("Check", { service })).toEqual({ status: 1 });
  await expect(health.call("Check", { service: "kvts.v1.Nothing" })).rejects.toMatchObject({ code: status.NOT_FOUND });
  const { statuses } = await health.call("List", {});
  expect(statuses).toMatchObject(Object.fromEntries(names.map((name) => [name, { status: 1 }])));
  expect(statuses).not.toHaveProperty("kvts.v1.Nothing");
  expect(await (await fetch("/readyz")).json()).toEqual({ status: "ready" });
});

test("while its store is opened it lives, is not ready, and refuses work", async () => {
  const opened = gate();
  const store = opened.opened.then(() => createModelStore());
  await using server = await serve(store, { port: 0, httpPort: 0 });
  const health = foreignService(server.grpcUrl, "grpc.health.v1.Health");
  const kv = foreignService(server.grpcUrl, "kvts.v1.KvService");
  const http = async (path: string): Promise<number> => (await fetch(`${server.httpUrl}${path}`)).status;
  for (const service of names) expect(await health.call("Check", { service })).toEqual({ status: 2 });
  expect([await http("/healthz"), await http("/readyz"), await http("/v1/keys/a")]).toEqual([200, 503, 503]);
  expect(await (await fetch(`${server.httpUrl}/readyz`)).json()).toEqual({ status: "starting" });
  await expect(kv.call("Get", { key: Buffer.from("a") })).rejects.toMatchObject({ code: status.UNAVAILABLE });
  const watch = health.stream("Watch", [{ service: "kvts.v1.KvService" }]);
  expect((await watch.next()).value).toEqual({ status: 2 });
  opened.open();
  await server.ready;
  expect((await watch.next()).value).toEqual({ status: 1 });
  expect(await health.call("Check", { service: "" })).toEqual({ status: 1 });
  expect([await http("/readyz"), await http("/v1/keys/a")]).toEqual([200, 404]);
});

test("a store that does not come leaves a server that is not ready, and can be closed", async () => {
  const server = await serve(Promise.reject(new Error("no such disk")), { port: 0, httpPort: 0 });
  await expect(server.ready).rejects.toThrow("no such disk");
  expect((await fetch(`${server.httpUrl}/readyz`)).status).toBe(503);
  await server.close();
});

test("a server that drains is NOT_SERVING to those who watch and ask, and is not held up by them", async () => {
  const started = gate();
  const release = gate();
  const store = overridden(createModelStore(), {
    async compact() {
      started.open();
      await release.opened;
    },
  });
  const { server } = await served({ drainTimeoutMs: 10_000 }, store);
  const health = foreignService(server.grpcUrl, "grpc.health.v1.Health");
  const watches = [...names, "kvts.v1.Nothing"].map((service) => health.stream("Watch", [{ service }]));
  for (const [i, watch] of watches.entries()) {
    expect((await watch.next()).value).toEqual({ status: i < names.length ? 1 : 3 });
  }
  const compacting = foreignService(server.grpcUrl, "kvts.v1.AdminService").call("Compact", {});
  await started.opened;
  const before = performance.now();
  const closing = server.close();
  for (const watch of watches.slice(0, names.length)) {
    expect((await watch.next()).value).toEqual({ status: 2 });
    expect((await watch.next()).done).toBe(true);
  }
  expect((await watches.at(-1)!.next()).done).toBe(true);
  release.open();
  await compacting;
  await closing;
  expect(performance.now() - before).toBeLessThan(5000);
});
