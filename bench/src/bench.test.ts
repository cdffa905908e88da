import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import type { JsonLine } from "./report/json.ts";
import { workloads } from "./workloads/catalogue.ts";

const bench = fileURLToPath(new URL("./bench.ts", import.meta.url));
const run = promisify(execFile);

/** Metrics that a store may answer with 0 at tiny sizes. */
const mayBeZero = ["loop-delay-p99", "loop-delay-max"];

it("runs every workload with every store that works here, and all answer right", async () => {
  const directory = await mkdtemp(join(tmpdir(), "kvts-bench-"));
  const { stdout, stderr } = await run(process.execPath, [bench, "--smoke", "--json", "--directory", directory]);
  for (const line of stderr.split("\n").filter((text) => text.startsWith("SKIPPED"))) console.warn(line);
  const lines = JSON.parse(stdout) as Record<string, JsonLine>;
  expect(Object.keys(lines)).toEqual(workloads.flatMap(({ metrics }) => metrics.map(({ id }) => id)));
  const peers = new Set(Object.values(lines).flatMap((line) => Object.keys(line.peers)));
  expect(peers.size).toBeGreaterThanOrEqual(1);
  for (const [id, { kvts, peers: figures }] of Object.entries(lines)) {
    for (const figure of [kvts, ...Object.values(figures)]) {
      expect(Number.isFinite(figure), id).toBe(true);
      expect(figure, id).toBeGreaterThanOrEqual(mayBeZero.includes(id) ? 0 : Number.MIN_VALUE);
    }
  }
  expect(await readdir(directory)).toEqual([]);
  await rm(directory, { recursive: true });
}, 300_000);
