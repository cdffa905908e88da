import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Dataset } from "./bench/dataset.ts";
import { Latencies } from "./bench/latencies.ts";
import { kvts, scratch, startServer } from "./testing/kvts.ts";

const small = ["--keys", "300", "--versions", "4", "--seconds", "1", "--concurrency", "8", "--batch", "100", "--json"];

/** The measurements of a run, without its first line. */
function measurements(
  out: string,
): { workload: string; operations: number; entries: number; p50Ms: number; p999Ms: number }[] {
  return out
    .trimEnd()
    .split("\n")
    .slice(1)
    .map((line) => JSON.parse(line));
}

test("every workload runs, and its answers are right", async () => {
  const directory = scratch();
  const { code, out, err } = await kvts(["bench", ...small], { env: { TMPDIR: directory } });
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(JSON.parse(out.split("\n")[0]!)).toMatchObject({
    keys: 300,
    versions: 4,
    concurrency: 8,
    node: process.version,
  });
  const found = measurements(out);
  expect(found.map(({ workload }) => workload)).toEqual([
    "fill",
    "readrandom",
    "readasof",
    "history",
    "scan",
    "mixed",
    "verify",
  ]);
  expect(found[0]).toMatchObject({ operations: 12, entries: 1200 });
  expect(found.at(-1)).toMatchObject({ operations: 300, entries: 1200 });
  for (const { operations, entries, p50Ms, p999Ms } of found) {
    expect(operations).toBeGreaterThan(0);
    expect(entries).toBeGreaterThanOrEqual(operations);
    expect(p999Ms).toBeGreaterThanOrEqual(p50Ms);
  }
  expect(readdirSync(directory)).toEqual([]);
});

test("a temporary store is filled first, whatever is asked", async () => {
  const { code, out, err } = await kvts(["bench", "readrandom", ...small], { env: { TMPDIR: scratch() } });
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(measurements(out).map(({ workload }) => workload)).toEqual(["fill", "readrandom"]);
});

test("a filled directory survives, and a wrong answer fails", async () => {
  const where = ["--db-path", join(scratch(), "data")];
  expect(await kvts(["bench", "fill", ...small, ...where])).toMatchObject({ code: 0 });
  const { code, out } = await kvts(["bench", "verify", "readasof", ...small, ...where]);
  expect(code).toBe(0);
  expect(measurements(out).map(({ workload }) => workload)).toEqual(["readasof", "verify"]);
  expect(await kvts(["put", "bench/user:00000007", "wrong", "--ts", "5", ...where])).toMatchObject({ code: 0 });
  expect(await kvts(["bench", "verify", ...small, ...where])).toMatchObject({
    code: 1,
    err: expect.stringContaining("wrong answer: history of bench/user:00000007"),
  });
});

test("a server is measured in the same way", async () => {
  const server = await startServer(["--db-path", join(scratch(), "data"), "--log-level", "warn"]);
  const { code, out, err } = await kvts(["bench", "fill", "readrandom", "verify", ...small, "--url", server.grpcUrl]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(measurements(out)).toHaveLength(3);
  expect(await server.stop()).toBe(0);
});

describe("the data", () => {
  const data = new Dataset({ keys: 50, versions: 7, valueBytes: 20 });

  test("every version is loaded once", () => {
    const seen = new Set<string>();
    for (let place = 0; place < data.entries; place++) {
      const { index, version } = data.shuffled(place);
      expect(index).toBeLessThan(50);
      expect(version).toBeLessThan(7);
      seen.add(`${index}/${version}`);
    }
    expect(seen.size).toBe(350);
  });

  test("the version that holds at a moment", () => {
    for (const index of [0, 17, 49]) {
      expect(data.versionAt(index, data.timestamp(index, 0) - 1)).toBe(-1);
      expect(data.versionAt(index, data.timestamp(index, 3))).toBe(3);
      expect(data.versionAt(index, data.timestamp(index, 4) - 1)).toBe(3);
      expect(data.versionAt(index, data.timestamp(index, 6) * 2)).toBe(6);
    }
  });

  test("values differ by their place", () => {
    const values = new Set(
      Array.from({ length: 350 }, (_, at) => Buffer.from(data.value(at % 50, at % 7)).toString("hex")),
    );
    expect(values.size).toBe(350);
    expect(data.value(1, 2)).toHaveLength(20);
  });
});

test("percentiles are right to a few percent", () => {
  const latencies = new Latencies();
  for (let millis = 1; millis <= 1000; millis++) latencies.add(millis);
  for (const [quantile, expected] of [
    [0.5, 500],
    [0.99, 990],
    [0.999, 999],
  ] as const) {
    expect(Math.abs(latencies.percentile(quantile) / expected - 1)).toBeLessThan(0.03);
  }
  expect(new Latencies().percentile(0.5)).toBe(0);
});
