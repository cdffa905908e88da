import { expect, test } from "vitest";
import { Random } from "./random.ts";

test("a seed gives the same numbers every time, and another seed others", () => {
  const draw = (seed: number) =>
    Array.from(
      { length: 8 },
      (
        (random) => () =>
          random.u32()
      )(new Random(seed)),
    );
  expect(draw(7)).toEqual(draw(7));
  expect(draw(7)).not.toEqual(draw(8));
});

test("numbers stay within their bounds and reach them", () => {
  const random = new Random(1);
  const seen = new Set(Array.from({ length: 200 }, () => random.between(3, 6)));
  expect([...seen].sort()).toEqual([3, 4, 5, 6]);
  expect(random.bytes(5)).toHaveLength(5);
});

test("a coin falls as often as it should", () => {
  const coin = new Random(2).coin(0.25);
  const heads = Array.from({ length: 10_000 }, coin).filter(Boolean).length;
  expect(heads).toBeGreaterThan(2300);
  expect(heads).toBeLessThan(2700);
  expect(new Random(3).chance(0)).toBe(false);
  expect(new Random(3).chance(1)).toBe(true);
});

test("a fork goes its own way", () => {
  const a = new Random(5);
  const b = new Random(5);
  const fork = a.fork();
  const other = b.fork();
  a.u32();
  expect(fork.u32()).toBe(other.u32());
});
