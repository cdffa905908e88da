import { describe, expect, it } from "vitest";
import { median, spread } from "./statistics.ts";

describe("median", () => {
  it.each([
    [[5], 5],
    [[9, 1, 5], 5],
    [[9, 1, 5, 7], 6],
    [[100, 20, 3], 20],
  ])("of %j is %d", (values, middle) => expect(median(values)).toBe(middle));

  it("leaves its values as they are", () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });

  it("of nothing does not exist", () => expect(() => median([])).toThrow(RangeError));
});

describe("spread", () => {
  it.each([
    [[5], 0],
    [[90, 100, 120], 0.3],
    [[0, 0], 0],
  ])("of %j is %d", (values, share) => expect(spread(values)).toBeCloseTo(share));
});
