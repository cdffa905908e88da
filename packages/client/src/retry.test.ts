import { expect, test } from "vitest";
import { retryDelayMs } from "./retry.ts";

const policy = { triesMax: 9, delayMsFirst: 50, delayMsMax: 300 };

test.each([
  [1, 0.999, 49.95],
  [2, 0.999, 99.9],
  [3, 0.999, 199.8],
  [4, 0.999, 299.7],
  [40, 0.999, 299.7],
  [4, 0.5, 150],
  [4, 0, 0],
])("after %i tries and by chance %d: %d ms", (tries, chance, delayMs) => {
  expect(retryDelayMs(policy, tries, () => chance)).toBeCloseTo(delayMs);
});

test("what the server asks for comes on top", () => {
  expect(retryDelayMs(policy, 1, () => 0.5, 2000)).toBe(2025);
});
