import type { Dataset } from "../dataset/dataset.ts";
import type { OpenContender } from "../stores/contender.ts";
import { checkStored } from "./check-stored.ts";
import { PutChunk } from "./put-chunk.ts";
import { settle } from "./settle.ts";
import { directoryBytes, residentBytes, writtenBytes } from "./usage.ts";
import type { Bench, Workload } from "./workload.ts";

const batchPuts = 1000;
/** kvts takes 64 MiB in a batch. */
const batchBytesMax = 16 * 1024 * 1024;
const chunkBatches = 20;
const settleMaxMs = 300_000;
const megabyte = 1e6;

/** Loads the whole dataset in batches, without syncs, and leaves the store for the workloads that read. */
export const load: Workload = {
  id: "W1",
  stage: "load",
  metrics: [
    {
      id: "W1",
      title: "load, batches of 1,000, no sync",
      unit: "per second",
      target: { bound: 500_000, timesBestPeer: 2 },
    },
    { id: "W1-settled", title: "the same with the background work that it causes", unit: "per second" },
    { id: "load-memory", title: "peak resident memory of a load", unit: "MB" },
    { id: "write-amplification", title: "bytes written for a byte loaded", unit: "times" },
    { id: "own-write-amplification", title: "the same by the store's own count, synced or not", unit: "times" },
    { id: "space-amplification", title: "bytes on disk after a load for a byte loaded", unit: "times" },
  ],
  async run(bench) {
    const { directory, dataset } = bench;
    const chunk = new PutChunk(dataset, bench.keys, batchPuts * chunkBatches);
    const bareBytes = residentBytes().now;
    const writtenBefore = writtenBytes();
    const store = await bench.open({ durability: "buffered" });
    const loadMs = await loadAll(store, chunk, dataset);
    await checkStored(bench, store, dataset.entries);
    const settleMs = await settle(settleMaxMs);
    const own = await store.amplification?.();
    await store.close();
    const raw = rawBytes(bench);
    return {
      W1: (dataset.entries / loadMs) * 1000,
      "W1-settled": (dataset.entries / (loadMs + settleMs)) * 1000,
      "load-memory": (residentBytes().peak - bareBytes) / megabyte,
      "write-amplification": (writtenBytes() - writtenBefore) / raw,
      ...(own !== undefined && { "own-write-amplification": own.write }),
      "space-amplification": (await directoryBytes(directory)) / raw,
    };
  },
};

/** Returns the milliseconds that the store took. */
async function loadAll(store: OpenContender, chunk: PutChunk, { entries, valueBytes }: Dataset): Promise<number> {
  const size = Math.min(batchPuts, Math.max(1, Math.floor(batchBytesMax / valueBytes)));
  let elapsedMs = 0;
  for (let from = 0; from < entries; from += chunk.size) {
    const puts = chunk.prepare(from, Math.min(chunk.size, entries - from));
    const batches = Array.from({ length: Math.ceil(puts.length / size) }, (_, at) =>
      puts.slice(at * size, (at + 1) * size),
    );
    const start = performance.now();
    await store.load(batches);
    elapsedMs += performance.now() - start;
  }
  return elapsedMs;
}

/** Keys, timestamps and values of all entries. */
function rawBytes({ dataset, keys }: Bench): number {
  const keyBytes = keys.reduce((total, key) => total + key.length, 0);
  return dataset.versions * (keyBytes + dataset.keys * (8 + dataset.valueBytes));
}
