import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { Figures, serverJson, serverTable } from "./server/report.ts";
import type { Metric } from "./workloads/metric.ts";

const server = fileURLToPath(new URL("./server.ts", import.meta.url));
const run = promisify(execFile);

it("measures a server that it starts, checks its answers, and writes a table", { timeout: 120_000 }, async () => {
  const directory = await mkdtemp(join(tmpdir(), "kvts-server-"));
  const size = ["--keys", "50", "--versions", "3", "--seconds", "0.05", "--runs", "1"];
  const places = ["--directory", join(directory, "stores"), "--docs", join(directory, "docs")];
  const { stdout } = await run(process.execPath, [
    server,
    ...["--peers", "none", "--foreign", "false", "--json"],
    ...size,
    ...places,
  ]);
  const measured = JSON.parse(stdout) as Record<string, { kvts: number; peers: object }>;
  expect(Object.keys(measured)).toEqual(["put", "batch", "get", "as-of", "history"]);
  for (const { kvts, peers } of Object.values(measured)) expect([kvts > 0, peers]).toEqual([true, {}]);
  expect(await readFile(join(directory, "docs", "performance.md"), "utf8")).toContain("| durable put, 64 in flight |");
  await rm(directory, { recursive: true });
});

it("compares medians with the best of the others", () => {
  const metric: Metric = { id: "get", title: "get", unit: "per second", target: { bound: 100 } };
  const figures = new Figures();
  for (const value of [90, 120, 1]) figures.add(metric, "kvts", value);
  figures.add(metric, "redis", 30);
  figures.add(metric, "etcd", 45);
  expect(serverJson(figures)).toEqual({ get: { kvts: 90, peers: { redis: 30, etcd: 45 }, ratio: 2 } });
  expect(serverTable(figures).rows).toEqual([["get", "90.0/s", "30.0/s", "45.0/s", "2.00×", "≥ 100/s", "MISSED"]]);
});
