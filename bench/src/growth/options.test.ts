import { expect, it } from "vitest";
import { parseGrowthOptions } from "./options.ts";

it("grows to twenty million entries and ten thousand versions by default", () => {
  const { steps, series, entriesAtVersions } = parseGrowthOptions([]);
  expect(steps.entries.at(-1)).toBe(20_000_000);
  expect(steps.versions.at(-1)).toBe(10_000);
  expect(entriesAtVersions).toBe(1_000_000);
  expect(series.entries.map(({ name }) => name)).toEqual(["kvts, 256 MiB", "kvts, 1 GiB"]);
  expect(series.versions.map(({ name }) => name)).toEqual(["kvts, random order", "kvts, time order"]);
});

it("measures peers with the first budget, and leaves out an axis that is none", () => {
  const { steps, series } = parseGrowthOptions(["--versions", "none", "--peers", "lmdb", "--memory", "512MiB,1GiB"]);
  expect(steps.versions).toEqual([]);
  expect(series.entries.at(-1)).toMatchObject({ name: "lmdb", contender: "lmdb", memoryBytes: 2 ** 29 });
});

it("refuses steps that cannot be", () => {
  expect(() => parseGrowthOptions(["--entries", "1000,x"])).toThrow("--entries is a number above 0, not x");
  expect(() => parseGrowthOptions(["--versions", "100", "--at", "10"])).toThrow("from 1 to 10");
});
