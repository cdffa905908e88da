import { expect, it } from "vitest";
import { Permutation } from "./permutation.ts";

it.each([1, 2, 3, 16, 17, 1000, 4097])("visits each of %i numbers once", (size) => {
  const permutation = new Permutation(size, 7);
  const seen = new Set(Array.from({ length: size }, (_, place) => permutation.at(place)));
  expect(seen.size).toBe(size);
  expect([...seen].every((number) => number >= 0 && number < size)).toBe(true);
});

it("leaves few numbers beside their neighbours", () => {
  const permutation = new Permutation(10_000, 7);
  let neighbours = 0;
  for (let place = 1; place < 10_000; place++) {
    if (Math.abs(permutation.at(place) - permutation.at(place - 1)) <= 10) neighbours++;
  }
  // By chance, 20 in 10,000.
  expect(neighbours).toBeLessThan(60);
});

it("depends on its seed", () => {
  const order = (seed: number) => Array.from({ length: 50 }, (_, place) => new Permutation(50, seed).at(place));
  expect(order(1)).toEqual(order(1));
  expect(order(1)).not.toEqual(order(2));
});
