import { describe, expect, it } from "vitest";
import { parseOptions } from "./options.ts";
import { peerNames } from "./stores/registry.ts";
import { workloads } from "./workloads/catalogue.ts";

it("measures everything, at a million entries, three times, by default", () => {
  expect(parseOptions([])).toMatchObject({
    workloads,
    peers: peerNames,
    runs: 3,
    smoke: false,
    scale: { dataset: { keys: 100_000, versions: 10, valueBytes: 100, order: "random" }, memoryBytes: 2 ** 28 },
  });
});

it("takes what is asked for, workloads in the order in which they run", () => {
  const options = parseOptions(["--workloads", "w4,W3", "--peers", "sqlite", "--entries=5000", "--versions=100"]);
  expect(options.workloads.map(({ id }) => id)).toEqual(["W3", "W4"]);
  expect(options.peers).toEqual(["sqlite"]);
  expect(options.scale.dataset).toMatchObject({ keys: 50, versions: 100 });
  expect(parseOptions(["--peers", "none"]).peers).toEqual([]);
});

it("is tiny in a trial run", () => {
  const { runs, scale } = parseOptions(["--smoke"]);
  expect(runs).toBe(1);
  expect(scale.dataset.keys * scale.dataset.versions).toBeLessThan(10_000);
});

describe("refuses with what there is instead", () => {
  it.each([
    [["--workloads", "W99"], /no workload W99; there are W1, W3/],
    [["--peers", "leveldb"], /no peer leveldb; there are lmdb,/],
    [["--runs", "0"], /--runs is a number above 0/],
    [["--runs", "1.5"], /--runs is a whole number from 1/],
    [["--versions", "100", "--entries", "10"], /--versions is a whole number from 1 to 10/],
    [["--order", "sorted"], /random, time, late, keys, not sorted/],
    [["--quick"], /--quick/],
  ])("%j", (args, message) => expect(() => parseOptions(args)).toThrow(message));
});
