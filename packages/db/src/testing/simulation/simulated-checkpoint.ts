import { equal } from "node:assert/strict";
import type { Scheduler } from "../../env/scheduler.ts";
import { NO_HORIZONS } from "../model-retention.ts";
import { expectLines } from "../store-checks.ts";
import { deletedRanges, modelContents, storeContents } from "../store-contents.ts";
import { TestStore } from "../test-store.ts";

/** How the names of all directories with checkpoints begin. */
export const CHECKPOINTS = "checkpoint-";

/** Makes a checkpoint while whatever else goes on, and opens it: it holds its very moment, and nothing else. */
export async function checkCheckpoint(
  store: TestStore,
  directory: string,
  scheduler: Scheduler,
  quiet: () => Promise<void>,
): Promise<void> {
  const acknowledged = store.batches.findLast(({ state }) => state === "acknowledged")?.lastSeq ?? 0;
  const { fileSystem, clock, settings } = store;
  const report = await store.db.checkpoint(directory);
  equal(report.seq >= acknowledged, true, `a checkpoint at seq ${report.seq} lacks ${acknowledged}`);
  // Those that it holds are acknowledged by then.
  await quiet();
  const batches = store.batches
    .filter(({ state, lastSeq }) => state === "acknowledged" && lastSeq <= report.seq)
    .map((batch) => ({ ...batch }));
  const copy = new TestStore({ settings, fileSystem, directory, clock, scheduler, batches });
  await copy.open();
  try {
    copy.adoptHorizons(NO_HORIZONS);
    equal((await copy.db.stats()).seq, report.seq, "the last seq of a checkpoint");
    equal(await deletedRanges(copy.db), copy.model.ranges, "deleted ranges of a checkpoint");
    const expected = modelContents(copy.model);
    expectLines(await storeContents(copy.db), expected, () => `the checkpoint at seq ${report.seq}`);
  } finally {
    await copy.close();
  }
}
