import { afterAll, describe, expect, test } from "vitest";
import { CrashRun } from "./testing/crash-run.ts";
import { Random } from "./testing/random.ts";
import { testSeeds } from "./testing/seeds.ts";

const SEEDS: readonly number[] = testSeeds(40);

/** A failing seed is replayed alone with KVTS_TEST_SEED; KVTS_TEST_SEEDS asks for more of them. */
describe("a power cut or a killed process at any call to the file system", () => {
  let checked = 0;

  test.each(SEEDS)(
    "keeps what was acknowledged, and of every batch all or nothing: seed %d",
    async (seed) => {
      const run = new CrashRun(new Random(seed), { boots: 3, stepsPerBoot: 30, interval: 150 });
      await run.run();
      checked += run.checked;
      expect(run.checked).toBeGreaterThan(0);
    },
    60_000,
  );

  afterAll(() => {
    // One seed alone may have few moments; all of them have more than three hundred.
    expect(checked).toBeGreaterThanOrEqual((SEEDS.length - 1) * 8);
  });
});
