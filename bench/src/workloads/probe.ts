import { checkStored } from "./check-stored.ts";
import { PutChunk } from "./put-chunk.ts";
import type { Bench } from "./workload.ts";

const entries = 100;

/** Whether the store loads, opens, keeps and finds what it is given here. */
export async function probe(bench: Bench): Promise<void> {
  const count = Math.min(entries, bench.dataset.entries);
  const store = await bench.open({ durability: "buffered" });
  await store.load([new PutChunk(bench.dataset, bench.keys, count).prepare(0)]);
  await checkStored(bench, store, count);
  await store.close();
}
