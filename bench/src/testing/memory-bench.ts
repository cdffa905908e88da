import { Dataset } from "../dataset/dataset.ts";
import type { OpenContender } from "../stores/contender.ts";
import { PutChunk } from "../workloads/put-chunk.ts";
import type { Bench } from "../workloads/workload.ts";

/** A bench over a store that is in memory and loaded already. */
export async function memoryBench(store: OpenContender): Promise<Bench> {
  const dataset = new Dataset({ keys: 200, versions: 5, valueBytes: 32, order: "random" });
  const keys = Array.from({ length: dataset.keys }, (_, index) => dataset.key(index));
  await store.load([new PutChunk(dataset, keys, dataset.entries).prepare(0)]);
  return { directory: "", dataset, keys, seconds: 0.01, open: async () => store };
}
