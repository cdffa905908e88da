import { afterEach, expect, test, vi } from "vitest";
import { systemClock } from "./clock.ts";

afterEach(() => void vi.useRealTimers());

test("the system clock is the wall clock, in whole microseconds", () => {
  const before = Date.now();
  const now = systemClock.now();
  expect(Number.isSafeInteger(now)).toBe(true);
  expect(Math.abs(now / 1000 - before)).toBeLessThan(1500);
});

test("it follows when the machine's clock is set, forwards and back", () => {
  const start = Date.now();
  vi.useFakeTimers({ toFake: ["Date"] });
  for (const jumpMs of [3_600_000, -3_600_000, 0]) {
    vi.setSystemTime(start + jumpMs);
    expect(Math.abs(systemClock.now() / 1000 - (start + jumpMs))).toBeLessThan(1500);
  }
});
