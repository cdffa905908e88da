import { checkStored } from "./check-stored.ts";
import { PutChunk } from "./put-chunk.ts";
import type { Bench } from "./workload.ts";

const entries = 100;

/** Whether the store loads, opens, keeps and finds what it is given here. */
export async function probe(bench: Bench): Promise<void> {
  const puts = new PutChunk(bench.dataset, bench.keys, entries).prepare(0);
  const store = await bench.open({ durability: "buffered" });
  await store.load([puts]);
  await checkStored(bench, store, puts.length);
  await store.close();
}
