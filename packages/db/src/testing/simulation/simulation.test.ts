import { describe, expect, test } from "vitest";
import type { Activity } from "./activity.ts";
import { Life } from "./life.ts";
import { Trace } from "./trace.ts";

const LIVES = 1000;
const LIVES_PER_TEST = 25;
/** What must not lose anything when it is cut short, and how often at least it is in all these lives. */
const CUTS_MIN: Readonly<Record<Activity, number>> = {
  open: 100,
  log: 100,
  "segment recycling": 40,
  flush: 60,
  compaction: 30,
  "manifest edit": 50,
  "manifest rollover": 20,
  restore: 8,
  removal: 8,
  checkpoint: 6,
  close: 60,
  repair: 100,
};

const SHARDS: readonly number[] = Array.from({ length: LIVES / LIVES_PER_TEST }, (_, i) => 1 + i * LIVES_PER_TEST);

/** `just sim SEED` replays one life; docs/testing.md tells what a life is. */
describe("a store, whatever happens to it", () => {
  const cuts = new Map<Activity, number>();
  let lives = 0;

  test.each(SHARDS)("lives on: seeds from %d", { timeout: 300_000 }, async (first) => {
    for (let seed = first; seed < first + LIVES_PER_TEST; seed++) {
      const report = await new Life(seed, new Trace()).run();
      for (const activity of report.cuts) cuts.set(activity, (cuts.get(activity) ?? 0) + 1);
      lives++;
    }
  });

  test("is cut short in everything it does", () => {
    expect(lives).toBe(LIVES);
    const tooFew = Object.entries(CUTS_MIN).filter(
      ([activity, least]) => (cuts.get(activity as Activity) ?? 0) < least,
    );
    expect(tooFew, JSON.stringify([...cuts])).toEqual([]);
  });
});

test("equal seeds give equal traces, and others others", { timeout: 120_000 }, async () => {
  const digestOf = async (seed: number): Promise<string> => {
    const trace = new Trace();
    await new Life(seed, trace).run();
    expect(trace.count).toBeGreaterThan(100);
    return trace.digest;
  };
  const seeds = Array.from({ length: 12 }, (_, i) => 1 + i * 7);
  const digests: string[] = [];
  for (const seed of seeds) digests.push(await digestOf(seed));
  // In another order, so that nothing that a life leaves in the process may show in the next.
  for (const seed of seeds.toReversed())
    expect(await digestOf(seed), `seed ${seed}`).toBe(digests[seeds.indexOf(seed)]);
  expect(new Set(digests).size).toBe(seeds.length);
});
