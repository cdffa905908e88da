import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { WorkerRunner } from "./compaction/runner.ts";
import { nodeFileSystem } from "./env/node-file-system.ts";
import { systemScheduler } from "./env/scheduler.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { Random } from "./testing/random.ts";
import { RandomRun, type RandomRunOptions } from "./testing/random-run.ts";
import { testSeeds } from "./testing/seeds.ts";
import { TestStore } from "./testing/test-store.ts";
import { tinySettings } from "./testing/tiny-options.ts";

const VALUE_BYTES: readonly number[] = [100, 8193, 70_000];
/** One seed in so many has keys of 65,000 bytes, which take their time. */
const LONG_KEYS_INTERVAL = 20;

/** A failing seed is replayed alone with KVTS_TEST_SEED; KVTS_TEST_SEEDS asks for more of them. */
describe("a store under random operations reads as the model", () => {
  test.each(testSeeds(200))("seed %d", { timeout: 60_000 }, async (seed) => {
    const random = new Random(seed);
    const longKeys = seed % LONG_KEYS_INTERVAL === 0;
    const store = new TestStore({ settings: tinySettings(random), fileSystem: new MemoryFileSystem() });
    await runOn(store, random, { steps: longKeys ? 60 : 150, longKeys });
    expect(store.model.seq).toBeGreaterThan(0);
  });

  test.each(testSeeds(4))("on a disk, with the worker: seed %d", { timeout: 60_000 }, async (seed) => {
    const random = new Random(seed);
    const directory = await mkdtemp(join(tmpdir(), "kvts-model-"));
    const store = new TestStore({
      settings: tinySettings(random),
      fileSystem: nodeFileSystem,
      directory: join(directory, "store"),
      scheduler: systemScheduler,
      runner: () => new WorkerRunner(),
    });
    try {
      await runOn(store, random, { steps: 80, longKeys: false });
      expect(store.model.keys).toBeGreaterThan(0);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

function runOn(store: TestStore, random: Random, options: Pick<RandomRunOptions, "steps" | "longKeys">): Promise<void> {
  return new RandomRun(random, store, { ...options, valueBytesMax: random.pick(VALUE_BYTES) }).run();
}
