import { expect, it } from "vitest";
import { linearTicks, shortNumber } from "./ticks.ts";

it.each([
  [1, [0, 0.25, 0.5, 0.75, 1]],
  [100, [0, 25, 50, 75, 100]],
  [93, [0, 25, 50, 75, 100]],
  [610_000, [0, 200_000, 400_000, 600_000, 800_000]],
  [7, [0, 2, 4, 6, 8]],
  [0, [0, 1]],
])("up to %d has %j", (most, ticks) => expect(linearTicks(most, 4)).toEqual(ticks));

it("are written short", () => {
  expect([0, 0.25, 7, 999, 1000, 2500, 1_000_000, 12_340_000].map(shortNumber)).toEqual([
    "0",
    "0.25",
    "7",
    "999",
    "1 k",
    "2.5 k",
    "1 M",
    "12.3 M",
  ]);
});
