import { describe, expect, test } from "vitest";
import { Random } from "../testing/random.ts";
import { Filter } from "./filter.ts";

describe("filter", () => {
  test.each([1, 50, 52, 1000, 30_000])("of %i keys passes each of them, and about 1 % of others", (count) => {
    const random = new Random(count);
    const hashes = Int32Array.from({ length: count }, () => random.u32());
    const filter = Filter.build(hashes, count);
    expect(hashes.every((hash) => filter.mayContain(hash))).toBe(true);
    const present = new Set(hashes);
    let absent = 0;
    let passed = 0;
    while (absent < 100_000) {
      const hash = random.u32() | 0;
      if (present.has(hash)) continue;
      absent++;
      if (filter.mayContain(hash)) passed++;
    }
    expect(passed / absent).toBeLessThan(0.015);
  });

  test("takes ten bits a key, in whole lines", () => {
    expect(Filter.build(new Int32Array(10_000), 10_000).words.length).toBe(Math.ceil(100_000 / 512) * 16);
    expect(() => Filter.decode(new Int32Array(15), "a.sst", 8)).toThrow("a.sst is damaged at byte 8");
    expect(() => Filter.decode(new Int32Array(0), "a.sst", 8)).toThrow("whole lines");
  });
});
