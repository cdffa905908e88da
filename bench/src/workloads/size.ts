import { directoryBytes } from "./usage.ts";
import type { Workload } from "./workload.ts";

/** The whole directory of a compacted and closed store. */
export const size: Workload = {
  id: "W8",
  stage: "copied",
  metrics: [
    { id: "W8", title: "bytes an entry, compacted and closed", unit: "bytes", target: { bound: 60 } },
    { id: "W8-compact", title: "compacting it", unit: "ms" },
  ],
  async run(bench) {
    const store = await bench.open({ durability: "buffered" });
    const start = performance.now();
    await store.compact();
    const elapsedMs = performance.now() - start;
    await store.close();
    return { W8: (await directoryBytes(bench.directory)) / bench.dataset.entries, "W8-compact": elapsedMs };
  },
};
