import type { OpenContender, Put } from "../stores/contender.ts";
import { GrowingVersions } from "./growing-versions.ts";
import type { Workload } from "./workload.ts";

const wavePuts = 500;
const warmUpWaves = 20;

/** Puts of newer versions and gets of the newest one in turn, without syncs. */
export const mixed: Workload = {
  id: "W9",
  stage: "copied",
  metrics: [
    { id: "W9", title: "half puts, half gets", unit: "per second", target: { bound: 250_000, timesBestPeer: 2 } },
  ],
  async run(bench) {
    const store = await bench.open({ durability: "buffered" });
    const versions = new GrowingVersions(bench, bench.dataset.versions, wavePuts);
    let count = 0;
    let elapsedMs = 0;
    for (let wave = 0; elapsedMs < bench.seconds * 1000; wave++) {
      const puts = versions.nextWave();
      const start = performance.now();
      await putAndGet(store, versions, puts);
      const waveMs = performance.now() - start;
      versions.acknowledge();
      if (wave < warmUpWaves) continue;
      elapsedMs += waveMs;
      count += 2 * puts.length;
    }
    await store.close();
    return { W9: (count / elapsedMs) * 1000 };
  },
};

async function putAndGet(store: OpenContender, versions: GrowingVersions, puts: readonly Put[]): Promise<void> {
  const pending: Promise<unknown>[] = [];
  for (const put of puts) {
    const written = store.put(put);
    if (written !== undefined) pending.push(written);
    const got = versions.get(store);
    if (got !== undefined) await got;
  }
  await Promise.all(pending);
}
