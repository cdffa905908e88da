import { describe, expect, test } from "vitest";
import { Random } from "../testing/random.ts";
import { testMeta } from "../testing/test-tables.ts";
import { placeTables } from "./place-tables.ts";

const table = (number: number, level: number, smallest: string, largest: string) => ({
  level,
  meta: testMeta(number, smallest, largest),
});

const placed = (tables: Parameters<typeof placeTables>[0]) =>
  Object.fromEntries(placeTables(tables).map(({ level, meta }) => [meta.number, level]));

describe("tables without a manifest", () => {
  test("go to the level that they were written for", () => {
    const tables = [table(1, 0, "a", "z"), table(2, 0, "a", "z"), table(3, 1, "a", "c"), table(4, 2, "b", "d")];
    expect(placed(tables)).toEqual({ 1: 0, 2: 0, 3: 1, 4: 2 });
  });

  test("of one level that overlap were moved down, the older ones first", () => {
    expect(placed([table(3, 1, "a", "c"), table(7, 1, "b", "d"), table(9, 1, "c", "e")])).toEqual({ 3: 3, 7: 2, 9: 1 });
    expect(placed([table(3, 1, "a", "b"), table(7, 1, "c", "d"), table(9, 1, "b", "b")])).toEqual({ 3: 2, 7: 1, 9: 1 });
  });

  test("that fit nowhere go to level 0", () => {
    const tables = Array.from({ length: 8 }, (_, i) => table(i + 1, 1, "a", "z"));
    expect(placed(tables)).toEqual({ 8: 1, 7: 2, 6: 3, 5: 4, 4: 5, 3: 6, 2: 0, 1: 0 });
  });

  test("never overlap below level 0, and are all there", () => {
    const random = new Random(5);
    for (let round = 0; round < 200; round++) {
      const tables = Array.from({ length: random.between(1, 40) }, (_, i) => {
        const ends = [random.below(1000), random.below(1000)].map((n) => String(n).padStart(4, "0")).sort();
        return table(i + 1, random.below(7), ends[0]!, ends[1]!);
      });
      const levels = placeTables(tables);
      expect(levels.map(({ meta }) => meta.number).sort((a, b) => a - b)).toEqual(tables.map((_, i) => i + 1));
      for (const { level, meta } of levels) {
        if (level === 0) continue;
        const others = levels.filter((other) => other.level === level && other.meta !== meta);
        const below = others.filter((other) => Buffer.compare(other.meta.largest, meta.smallest) < 0);
        const above = others.filter((other) => Buffer.compare(other.meta.smallest, meta.largest) > 0);
        expect(below.length + above.length).toBe(others.length);
      }
    }
  });
});
