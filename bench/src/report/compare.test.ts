import { expect, it } from "vitest";
import { Samples } from "../run/samples.ts";
import type { Metric } from "../workloads/metric.ts";
import { compare, type Line } from "./compare.ts";

const rate: Metric = { id: "rate", title: "rate", unit: "per second", target: { bound: 500, timesBestPeer: 2 } };
const wait: Metric = { id: "wait", title: "wait", unit: "ms", target: { bound: 10 } };

function samplesOf(figures: Readonly<Record<string, readonly Record<string, number>[]>>): Samples {
  const samples = new Samples();
  for (const [contender, runs] of Object.entries(figures)) {
    for (const run of runs) samples.add(contender as "kvts" | "lmdb", run);
  }
  return samples;
}

function lineOf(metric: Metric, samples: Samples): Line {
  const [line] = compare(samples, [metric], ["lmdb", "sqlite"]);
  return line!;
}

it("compares medians with the best peer's, where more is better", () => {
  const samples = samplesOf({
    kvts: [{ rate: 590 }, { rate: 610 }, { rate: 1 }, { rate: 600 }, { rate: 620 }],
    lmdb: [{ rate: 300 }],
    sqlite: [{ rate: 100 }],
  });
  const line = lineOf(rate, samples);
  expect(line).toMatchObject({ kvts: 600, peers: { lmdb: 300, sqlite: 100 }, best: "lmdb", ratio: 2, isMet: true });
});

it("compares with the best peer's, where less is better", () => {
  const line = lineOf(wait, samplesOf({ kvts: [{ wait: 4 }], lmdb: [{ wait: 20 }], sqlite: [{ wait: 8 }] }));
  expect(line).toMatchObject({ best: "sqlite", ratio: 2, isMet: true });
});

it("misses a target by its bound or by its ratio", () => {
  expect(lineOf(rate, samplesOf({ kvts: [{ rate: 499 }], lmdb: [{ rate: 1 }] })).isMet).toBe(false);
  expect(lineOf(rate, samplesOf({ kvts: [{ rate: 900 }], lmdb: [{ rate: 451 }] })).isMet).toBe(false);
  expect(lineOf(wait, samplesOf({ kvts: [{ wait: 11 }] })).isMet).toBe(false);
});

it("holds a share of another metric", () => {
  const shared: Metric = { id: "b", title: "b", unit: "per second", target: { shareOf: { metric: "a", share: 0.7 } } };
  expect(lineOf(shared, samplesOf({ kvts: [{ a: 100, b: 70 }] })).isMet).toBe(true);
  expect(lineOf(shared, samplesOf({ kvts: [{ a: 100, b: 69 }] })).isMet).toBe(false);
});

it("has no ratio without peers and no verdict without a target", () => {
  const line = lineOf({ id: "plain", title: "", unit: "MB" }, samplesOf({ kvts: [{ plain: 5 }] }));
  expect(line.ratio).toBeUndefined();
  expect(line.best).toBeUndefined();
  expect(line.isMet).toBeUndefined();
});

it("leaves out what kvts has no figure for", () => {
  expect(compare(samplesOf({ lmdb: [{ rate: 1 }] }), [rate], ["lmdb"])).toEqual([]);
});
