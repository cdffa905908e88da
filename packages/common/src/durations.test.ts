import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatDuration, parseDuration } from "./durations.ts";

describe("durations", () => {
  test.each([
    ["0s", 0],
    ["1us", 1],
    ["250ms", 250_000],
    ["1.5s", 1_500_000],
    ["0.000001s", 1],
    ["5m", 300_000_000],
    ["1h30m", 5_400_000_000],
    ["30d", 2_592_000_000_000],
    ["2w", 1_209_600_000_000],
    ["0.1d", 8_640_000_000],
    ["1.10s", 1_100_000],
  ])("%s is %i microseconds", (text, micros) => expect(parseDuration(text)).toBe(micros));

  test.each([
    "",
    "5",
    "m",
    "-5m",
    "1h 30m",
    "30m1h",
    "1m1m",
    "1.s",
    ".5s",
    "1y",
    "0.0000001s",
    "1.5us",
    "1e3s",
    `${"9".repeat(30)}w`,
  ])("%j is refused with a sentence", (text) => {
    expect(() => parseDuration(text)).toThrow(/cannot be read; write numbers with the units w, d, h, m, s, ms or us/);
  });

  test("what is written is read", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (micros) => {
        expect(parseDuration(formatDuration(micros))).toBe(micros);
      }),
    );
    expect([0, 2_592_000_000_000, 5_400_000_001].map(formatDuration)).toEqual(["0s", "30d", "1h30m1us"]);
    expect(() => formatDuration(-1)).toThrow("at least 0");
  });
});
