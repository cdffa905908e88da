import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { KvService } from "@kvts/api";
import { type StatValue, utf8 } from "@kvts/common";
import { open } from "@kvts/db";
import { createModelStore } from "@kvts/db/testing";
import { expect, onTestFinished, test } from "vitest";
import { foreignService } from "../testing/foreign.ts";
import { type Served, served } from "../testing/harness.ts";
import { type Family, parseExposition } from "../testing/parse-exposition.ts";
import { ways } from "../testing/transports.ts";
import { overridden } from "../testing/waiting-store.ts";
import { Exposition } from "./exposition.ts";
import { storeMetricNames } from "./store-metrics.ts";

async function scrape({ fetch }: Served): Promise<Map<string, Family>> {
  const response = await fetch("/metrics");
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  return parseExposition(await response.text());
}

function value(families: Map<string, Family>, name: string, labels: Record<string, string> = {}): number | undefined {
  const family = [...families.values()].find(({ samples }) => samples.some((sample) => sample.name === name));
  return family?.samples.find((sample) => {
    return sample.name === name && Object.entries(labels).every(([label, text]) => sample.labels[label] === text);
  })?.value;
}

/** A store with the figures of an engine. */
const figures: Record<string, StatValue> = {
  seq: 7,
  incarnation: "x",
  writable: true,
  writes: { operations: 5, logBytes: 100 },
  blockCache: { hits: 3, misses: 4, bytes: 5 },
  background: { compactionWrittenBytes: 9 },
  log: { syncs: 2, syncMs: 1500, segments: 1 },
  snapshots: { pins: 1, oldestAgeMs: 2500 },
  stalls: 6,
  tables: {
    levels: [
      { level: 0, tables: 2, fileBytes: 30, entries: 4 },
      { level: 1, tables: 0, fileBytes: 0, entries: 0 },
    ],
  },
};

const expectedFigures: readonly (readonly [string, Record<string, string>, number])[] = [
  ["kvts_store_seq", {}, 7],
  ["kvts_store_writable", {}, 1],
  ["kvts_store_operations_written_total", {}, 5],
  ["kvts_store_block_cache_hits_total", {}, 3],
  ["kvts_store_compaction_written_bytes_total", {}, 9],
  ["kvts_store_log_sync_seconds_total", {}, 1.5],
  ["kvts_store_oldest_snapshot_age_seconds", {}, 2.5],
  ["kvts_store_write_stalls_total", {}, 6],
  ["kvts_store_level_tables", { level: "0" }, 2],
  ["kvts_store_level_file_bytes", { level: "1" }, 0],
];

test("a scrape parses, and has the store's figures in base units", async () => {
  const stats = () => Promise.resolve({ seq: 7, incarnation: "x", ...figures });
  const families = await scrape(await served({}, overridden(createModelStore(), { stats })));
  for (const [name, labels, expected] of expectedFigures) {
    expect(value(families, name, labels), name).toBeCloseTo(expected, 9);
  }
  expect(value(families, "process_resident_memory_bytes")).toBeGreaterThan(1e6);
  expect(value(families, "kvts_connections", { port: "http" })).toBe(1);
  expect(value(families, "kvts_requests_in_flight")).toBe(1);
  expect(value(families, "kvts_event_loop_delay_seconds_count")).toBeGreaterThanOrEqual(0);
});

test.each(ways.filter(({ name }) => name.includes("binary")))(
  "calls of $name count by method and code",
  async ({ open: openWay }) => {
    const all = await served();
    const kv = createClient(KvService, openWay(all.server));
    const [key, value_] = [utf8("k"), utf8("v")];
    await kv.put({ key, value: value_ });
    await kv.get({ key });
    await kv.get({ key });
    await expect(kv.get({ key: new Uint8Array(0) })).rejects.toThrow();
    await expect(kv.scan({ pageToken: "made-up" })).rejects.toThrow();
    const families = await scrape(all);
    const count = (method: string, code: string): number | undefined =>
      value(families, "kvts_calls_total", { face: "grpc", method, code });
    expect([count("Put", "OK"), count("Get", "OK"), count("Get", "INVALID_ARGUMENT")]).toEqual([1, 2, 1]);
    expect(count("Scan", "INVALID_ARGUMENT")).toBe(1);
    expect(value(families, "kvts_call_duration_seconds_count", { face: "grpc", method: "Get" })).toBe(3);
  },
);

test("calls of plain gRPC, and of HTTP, count by method and code", async () => {
  const all = await served();
  const kv = foreignService(all.server.grpcUrl, "kvts.v1.KvService");
  await kv.call("Put", { key: Buffer.from("k"), value: Buffer.from("v") });
  await expect(kv.call("Put", { key: Buffer.from("k") })).rejects.toThrow();
  await all.fetch("/v1/keys/k");
  await all.fetch("/v1/keys/none");
  await all.fetch("/v1/keys/k?what=1");
  await all.fetch("/v1/made-up");
  const families = await scrape(all);
  const count = (face: string, method: string, code: string): number | undefined =>
    value(families, "kvts_calls_total", { face, method, code });
  expect([count("grpc", "Put", "OK"), count("grpc", "Put", "INVALID_ARGUMENT")]).toEqual([1, 1]);
  expect([count("http", "getKey", "OK"), count("http", "getKey", "NOT_FOUND")]).toEqual([1, 1]);
  expect(count("http", "getKey", "INVALID_ARGUMENT")).toBe(1);
  const methods = families.get("kvts_calls_total")!.samples.map(({ labels }) => labels.method);
  expect(methods.join()).not.toContain("made-up");
});

test("a watch counts when it ends", async () => {
  const all = await served();
  const kv = foreignService(all.server.grpcUrl, "kvts.v1.KvService");
  const refused = kv.stream("Watch", [{ range: { prefix: Buffer.from("a"), start: Buffer.from("b") } }]);
  await expect(refused.next()).rejects.toThrow();
  const labels = { face: "grpc", method: "Watch", code: "INVALID_ARGUMENT" };
  expect(value(await scrape(all), "kvts_calls_total", labels)).toBe(1);
});

test("labels and helps are escaped, and numbers of every kind told", () => {
  const out = new Exposition();
  out.family("a", "gauge", "back\\slash\nline");
  out.sample("a", Number.POSITIVE_INFINITY, { label: 'quote " back\\slash\nline' });
  out.sample("a", Number.NaN, { label: "x" });
  const family = parseExposition(out.text).get("a")!;
  expect(family.help).toBe("back\\slash\nline");
  expect(family.samples).toEqual([
    { name: "a", labels: { label: 'quote " back\\slash\nline' }, value: Number.POSITIVE_INFINITY },
    { name: "a", labels: { label: "x" }, value: Number.NaN },
  ]);
});

test.each([
  ["a 1\n", "a is of no family"],
  ["# TYPE a gauge\na 1", "the last line has no end"],
  ["# TYPE a gauge\na x\n", "a has the value x"],
  ["# TYPE a gauge\na{b=c} 1\n", "cannot be read"],
  ["# TYPE a gauge\na 1\na 2\n", "twice"],
  ["# TYPE a counter\na 1\n", "_total"],
  ['# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n', "shrinks"],
  ['# TYPE a histogram\na_bucket{le="1"} 1\na_sum 1\na_count 1\n', "+Inf"],
])("the parser of these tests is strict: %j", (text, sentence) => {
  expect(() => parseExposition(text)).toThrow(sentence);
});

test("an engine has every figure that is a metric, and the dashboard asks for no others", async () => {
  const directory = mkdtempSync(join(tmpdir(), "kvts-metrics-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  await using store = await open(directory);
  await store.put("k", "v");
  const all = await served({}, store);
  await all.fetch("/v1/keys/k");
  const families = await scrape(all);
  for (const name of storeMetricNames) expect(families.has(name), name).toBe(true);
  expect(value(families, "kvts_store_log_syncs_total")).toBeGreaterThan(0);
  const names = new Set([...families.values()].flatMap(({ samples }) => samples.map(({ name }) => name)));
  const dashboard = readFileSync(join(import.meta.dirname, "../../../../docs/grafana-dashboard.json"), "utf8");
  const asked = new Set(dashboard.match(/\b(?:kvts|process)_[a-z_]+/g));
  expect(asked.size).toBeGreaterThan(10);
  expect([...asked].filter((name) => !names.has(name))).toEqual([]);
  await all.server.close();
});
