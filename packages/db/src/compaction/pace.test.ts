import { describe, expect, test } from "vitest";
import { type CompactionDebt, PACE_FULL, paceForDebt, paceForDelay } from "./pace.ts";

const NO_DEBT: CompactionDebt = { level0Tables: 0, levelScore: 0, memoryFill: 0 };
const BOUNDS = { level0Begin: 4, level0Full: 12 };

describe("the share that the event loop leaves", () => {
  test.each([
    ["grows in small steps while the loop is on time", 500, 0, 525],
    ["ends at the whole", 990, 1, 1000],
    ["stays where the loop is a little late", 500, 4, 500],
    ["is cut where it is late", 500, 6, 300],
    ["is cut no more by a loop that is very late", 500, 500, 300],
    ["never comes to nothing", 160, 80, 150],
  ])("%s", (_, before, delayMs, after) => {
    expect(paceForDelay(before, delayMs)).toBe(after);
  });

  test("comes back within a quarter of a second", () => {
    let pace = 150;
    for (let look = 0; look < 50; look++) pace = paceForDelay(pace, 0);
    expect(pace).toBe(PACE_FULL);
  });
});

describe("debt", () => {
  test.each<[string, Partial<CompactionDebt>, number, number]>([
    ["none: the least that is always given", {}, 150, 300],
    ["level 0 as full as it may be", { level0Tables: 4 }, 150, 300],
    ["level 0 half way to slower commits", { level0Tables: 8 }, 575, 300],
    ["level 0 where commits are slowed", { level0Tables: 12 }, 1000, 300],
    ["level 0 beyond", { level0Tables: 30 }, 1000, 300],
    ["a level a little too full", { levelScore: 1.2 }, 150, 300],
    ["a level twice too full", { levelScore: 2.125 }, 575, 300],
    ["a level far too full", { levelScore: 5 }, 1000, 300],
    ["a memtable that fills during a flush", { memoryFill: 0.25 }, 150, 650],
    ["a memtable that is half full during a flush", { memoryFill: 0.5 }, 150, 1000],
    ["a memtable that is full", { memoryFill: 1 }, 150, 1000],
  ])("%s", (_, debt, merges, flushes) => {
    expect(paceForDebt(0, { ...NO_DEBT, ...debt }, BOUNDS)).toEqual({ merges, flushes });
  });

  test("takes nothing from what the loop allows", () => {
    expect(paceForDebt(800, { ...NO_DEBT, level0Tables: 5 }, BOUNDS)).toEqual({ merges: 800, flushes: 800 });
  });

  test("decides at once where both bounds are the same", () => {
    const bounds = { level0Begin: 2, level0Full: 2 };
    expect(paceForDebt(0, { ...NO_DEBT, level0Tables: 3 }, bounds).merges).toBe(PACE_FULL);
  });
});
