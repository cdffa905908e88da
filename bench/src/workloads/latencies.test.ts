import { expect, it } from "vitest";
import { Latencies } from "./latencies.ts";

it("gives exact percentiles, however the operations came and however many there were", () => {
  const latencies = new Latencies();
  for (let at = 0; at < 100_000; at++) latencies.add(((at * 7919) % 100_000) + 1);
  expect(latencies.count).toBe(100_000);
  expect(latencies.percentile(0.5)).toBe(50_000);
  expect(latencies.percentile(0.99)).toBe(99_000);
  expect(latencies.percentile(1)).toBe(100_000);
  expect(latencies.percentile(0)).toBe(1);
});

it("has 0 for no operations", () => expect(new Latencies().percentile(0.99)).toBe(0));
