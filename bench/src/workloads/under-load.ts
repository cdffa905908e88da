import { monitorEventLoopDelay } from "node:perf_hooks";
import { setImmediate as nextTurn } from "node:timers/promises";
import { GrowingVersions } from "./growing-versions.ts";
import { residentBytes } from "./usage.ts";
import type { Workload } from "./workload.ts";

/** Puts and gets of one turn of the event loop, as a server with so many callers has them. */
const turnPuts = 64;
const resolutionMs = 1;
const nanosPerMilli = 1e6;
const megabyte = 1e6;

/**
 * As many puts as the dataset has entries, and as many gets, in turns of the event loop that a server could share, with
 * all the flushing and compaction that this causes.
 */
export const underLoad: Workload = {
  id: "under-load",
  stage: "empty",
  metrics: [
    {
      id: "loop-delay-p99",
      title: "event-loop delay under load, p99",
      unit: "ms",
      target: { bound: 10 },
    },
    { id: "loop-delay-max", title: "event-loop delay under load, longest", unit: "ms" },
    { id: "memory", title: "peak resident memory over the bare process", unit: "MB", target: { bound: 300 } },
    { id: "load-rate", title: "puts and gets under load", unit: "per second" },
  ],
  async run(bench) {
    const versions = new GrowingVersions(bench, 0, turnPuts);
    const bareBytes = residentBytes().now;
    const store = await bench.open({ durability: "buffered" });
    // It records the time between two ticks, the resolution included.
    const delays = monitorEventLoopDelay({ resolution: resolutionMs });
    delays.enable();
    const start = performance.now();
    let count = 0;
    while (count < bench.dataset.entries) {
      const puts = versions.nextWave();
      const pending = puts.map((put) => store.put(put));
      for (let get = 0; get < puts.length; get++) pending.push(versions.get(store));
      await Promise.all(pending);
      versions.acknowledge();
      count += puts.length;
      await nextTurn();
    }
    const elapsedMs = performance.now() - start;
    delays.disable();
    await store.close();
    return {
      "loop-delay-p99": delayMs(delays.percentile(99)),
      "loop-delay-max": delayMs(delays.max),
      memory: (residentBytes().peak - bareBytes) / megabyte,
      "load-rate": ((count * 2) / elapsedMs) * 1000,
    };
  },
};

function delayMs(nanos: number): number {
  return Math.max(0, nanos / nanosPerMilli - resolutionMs);
}
