import { describe, expect, test } from "vitest";
import { Random } from "../testing/random.ts";
import { randomLayers } from "../testing/random-layers.ts";
import { testSeeds } from "../testing/seeds.ts";
import { modelContents, storeContents } from "../testing/store-contents.ts";

/** KVTS_TEST_SEED and KVTS_TEST_SEEDS choose them. */
describe("a merge", () => {
  test.each(testSeeds(60))("changes nothing at a pinned seq, nor from its floor on: seed %d", async (seed) => {
    const random = new Random(seed);
    const { store, model } = randomLayers(random);
    const pins = Array.from({ length: random.below(4) }, () => random.below(model.seq + 1)).sort((a, b) => a - b);
    let floor = 0;
    for (let merges = 0; merges < 3; merges++) {
      const present = store
        .levels()
        .flat()
        .map(({ number }) => number);
      const inputs = merges === 2 ? present : present.filter(() => random.chance(0.6));
      if (inputs.length === 0) continue;
      const tableBytesMax = random.pick([1, 5000, 1024 * 1024]);
      const { seqFloor } = await store.merge(inputs, { pins, tableBytesMax });
      floor = Math.max(floor, seqFloor);
      for (const seq of [...pins, floor, model.seq, Math.max(floor, random.below(model.seq + 1))]) {
        expect(await storeContents(store.reader(seq))).toEqual(modelContents(model, seq));
      }
    }
    expect(await storeContents(store.reader(model.seq))).toEqual(modelContents(model));
    store.close();
  });

  test.each(testSeeds(20))("of all there is keeps no version that nobody can see: seed %d", async (seed) => {
    const random = new Random(seed);
    const { store, tables } = randomLayers(random);
    if (tables.length > 0) await store.merge(tables);
    // What memory holds is newer than all of it.
    const merged = store.levels().flat();
    const entries = merged.reduce((sum, { entryCount }) => sum + entryCount, 0);
    const inTables = await storeContents(store.reader(Math.max(0, ...merged.map(({ maxSeq }) => maxSeq))));
    expect(merged.every(({ retractCount }) => retractCount === 0)).toBe(true);
    expect(entries).toBe(inTables.length);
    store.close();
  });
});
