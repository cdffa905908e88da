import { describe, expect, test } from "vitest";
import { Random } from "../testing/random.ts";
import { randomLayers } from "../testing/random-layers.ts";
import { testSeeds } from "../testing/seeds.ts";
import { StoreChecks } from "../testing/store-checks.ts";

/** KVTS_TEST_SEED and KVTS_TEST_SEEDS choose them. */
describe("reads of versions that lie in any layers", () => {
  test.each(testSeeds(60))("are the model's, with blocks missing at every step: seed %d", async (seed) => {
    const random = new Random(seed);
    const { store, model, pool, timestamps } = randomLayers(random);
    const checks = new StoreChecks(random, { model, pool, timestamps, now: () => 0 });
    for (let reads = 0; reads < 40; reads++) {
      const atSeq = random.chance(0.5) ? model.seq : random.below(model.seq + 1);
      await checks.any(store.reader(atSeq), { atSeq, now: 0 });
    }
    await checks.everything(store.reader(model.seq), { atSeq: model.seq, now: 0 });
    store.close();
    expect(model.keys).toBeGreaterThan(0);
  });
});
