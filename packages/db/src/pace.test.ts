import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { WorkerRunner } from "./compaction/runner.ts";
import { open } from "./open.ts";
import { HeldRunner } from "./testing/held-runner.ts";
import { SimulatedLoopDelay } from "./testing/simulated-loop-delay.ts";

test("the event loop sets the pace of the worker while it works", async () => {
  const directory = await mkdtemp(join(tmpdir(), "kvts-pace-"));
  const loopDelay = new SimulatedLoopDelay();
  const runner = new HeldRunner(new WorkerRunner());
  try {
    await using db = await open(join(directory, "db"), { components: { loopDelay, runner } });
    await db.put("key", "value");
    expect(loopDelay.watchers).toBe(0);
    runner.hold();
    const flushed = db.flush();
    await expect.poll(() => loopDelay.watchers).toBe(1);
    expect((await db.stats()).background).toMatchObject({ mergeShare: 1, flushShare: 1, loopDelayMs: 0 });
    loopDelay.late(30, 20);
    expect((await db.stats()).background).toMatchObject({ mergeShare: 0.15, loopDelayMs: 30 });
    runner.letGo();
    await flushed;
    expect(loopDelay.watchers).toBe(0);
    // At a pace that low it still does its work.
    expect((await db.stats()).background).toMatchObject({ flushes: 1, mergeShare: 0.15 });
    await db.compact();
    expect((await db.get("key"))?.value).toEqual(new TextEncoder().encode("value"));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
