import { describe, expect, it } from "vitest";
import { formatFigure, formatTarget } from "./format.ts";

describe("a figure", () => {
  it.each([
    [1_234_567, "per second", "1.23 M/s"],
    [338_412, "per second", "338 k/s"],
    [4_321, "per second", "4.32 k/s"],
    [93.4, "per second", "93.4/s"],
    [0.0371, "ms", "0.037 ms"],
    [12.34, "ms", "12.3 ms"],
    [1543.2, "ms", "1543 ms"],
    [58.31, "bytes", "58.3 B"],
    [263.4, "MB", "263 MB"],
    [3.456, "times", "3.46×"],
  ] as const)("%d %s reads %s", (value, unit, text) => expect(formatFigure(value, unit)).toBe(text));
});

describe("a target", () => {
  it("of a rate is a least", () => {
    const metric = { id: "", title: "", unit: "per second", target: { bound: 550_000, timesBestPeer: 1.3 } } as const;
    expect(formatTarget(metric)).toBe("≥ 550 k/s, ≥ 1.3×");
  });

  it("of a time is a most", () => {
    expect(formatTarget({ id: "", title: "", unit: "ms", target: { bound: 25 } })).toBe("≤ 25.0 ms");
  });

  it("may be a share of another metric, or missing", () => {
    const shareOf = { metric: "W3", share: 0.7 };
    expect(formatTarget({ id: "", title: "", unit: "per second", target: { shareOf } })).toBe("≥ 70 % of W3");
    expect(formatTarget({ id: "", title: "", unit: "ms" })).toBe("");
  });
});
