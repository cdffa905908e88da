import { expect, test } from "vitest";
import { SimulatedLoopDelay } from "../testing/simulated-loop-delay.ts";
import type { CompactionDebt } from "./pace.ts";
import { FLUSH_PACE, MERGE_PACE, Pacer } from "./pacer.ts";

const BOUNDS = { level0Begin: 4, level0Full: 12 };

function pacer(): { pacer: Pacer; loop: SimulatedLoopDelay; owe: (debt: Partial<CompactionDebt>) => void } {
  const loop = new SimulatedLoopDelay();
  let debt: CompactionDebt = { level0Tables: 0, levelScore: 0, memoryFill: 0 };
  const owe = (more: Partial<CompactionDebt>): void => {
    debt = { ...debt, ...more };
  };
  return { pacer: new Pacer(loop, () => debt, BOUNDS), loop, owe };
}

test("a late loop slows the worker down, one on time lets it go", () => {
  const { pacer: paced, loop } = pacer();
  paced.begin();
  expect([...paced.words]).toEqual([1000, 1000]);
  loop.late(20, 10);
  expect([...paced.words]).toEqual([150, 300]);
  expect(paced.stats()).toEqual({ mergeShare: 0.15, flushShare: 0.3, loopDelayMs: 20 });
  loop.late(0, 100);
  expect([...paced.words]).toEqual([1000, 1000]);
  expect(paced.stats().loopDelayMs).toBeLessThan(8);
});

test("debt decides from its bounds on, however late the loop is", () => {
  const { pacer: paced, loop, owe } = pacer();
  paced.begin();
  loop.late(20, 10);
  owe({ level0Tables: 12 });
  loop.late(20);
  expect(paced.words[MERGE_PACE]).toBe(1000);
  expect(paced.words[FLUSH_PACE]).toBe(300);
  owe({ memoryFill: 0.6 });
  loop.late(20);
  expect(paced.words[FLUSH_PACE]).toBe(1000);
});

test("debt that came while nothing ran counts from the first moment of a job", () => {
  const { pacer: paced, loop, owe } = pacer();
  const end = paced.begin();
  loop.late(20, 10);
  end();
  owe({ level0Tables: 12 });
  paced.begin();
  expect(paced.words[MERGE_PACE]).toBe(1000);
});

test("the loop is watched while jobs run, once", () => {
  const { pacer: paced, loop } = pacer();
  expect(loop.watchers).toBe(0);
  const endFirst = paced.begin();
  const endSecond = paced.begin();
  expect(loop.watchers).toBe(1);
  endFirst();
  expect(loop.watchers).toBe(1);
  endSecond();
  expect(loop.watchers).toBe(0);
});
