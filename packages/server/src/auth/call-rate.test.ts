import { expect, test } from "vitest";
import { codeOf } from "../testing/harness.ts";
import { createCallRate } from "./call-rate.ts";

/** How many of `calls` get through. */
function taken(rate: { take(): void }, calls: number): number {
  let count = 0;
  for (let i = 0; i < calls; i++) {
    try {
      rate.take();
      count++;
    } catch (error) {
      expect(codeOf(error)).toBe("OVERLOADED");
    }
  }
  return count;
}

test("a second's worth of calls may come at once; more become due evenly, and are not saved up", () => {
  let nowMs = 5000;
  const rate = createCallRate(10, () => nowMs);
  expect(taken(rate, 50)).toBe(10);
  nowMs += 99;
  expect(taken(rate, 50)).toBe(0);
  nowMs += 1;
  expect(taken(rate, 50)).toBe(1);
  nowMs += 500;
  expect(taken(rate, 50)).toBe(5);
  nowMs += 3_600_000;
  expect(taken(rate, 50)).toBe(10);
});
