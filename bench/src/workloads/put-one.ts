import type { OpenContender } from "../stores/contender.ts";
import { checkStored } from "./check-stored.ts";
import { PutChunk } from "./put-chunk.ts";
import type { Bench, Workload } from "./workload.ts";

/** Puts that are under way together where they are not awaited one by one. */
const wavePuts = 1000;

/** Writes of their own, without syncs. */
export const putOne: Workload = {
  id: "W1b",
  stage: "empty",
  metrics: [
    {
      id: "W1b",
      title: "put one by one, no sync",
      unit: "per second",
      target: { bound: 300_000, timesBestPeer: 2 },
    },
    { id: "W1b-awaited", title: "the same, each awaited", unit: "per second" },
  ],
  async run(bench) {
    return {
      W1b: await measure(bench, "together", putTogether),
      "W1b-awaited": await measure(bench, "awaited", putAwaited),
    };
  },
};

type Wave = (store: OpenContender, chunk: ReturnType<PutChunk["prepare"]>) => Promise<void>;

async function measure(bench: Bench, below: string, wave: Wave): Promise<number> {
  const { dataset, keys, seconds } = bench;
  const chunk = new PutChunk(dataset, keys, wavePuts);
  const store = await bench.open({ durability: "buffered", below });
  let count = 0;
  let elapsedMs = 0;
  while (elapsedMs < seconds * 1000 && count < dataset.entries) {
    const puts = chunk.prepare(count);
    const start = performance.now();
    await wave(store, puts);
    elapsedMs += performance.now() - start;
    count += puts.length;
  }
  await checkStored(bench, store, count);
  await store.close();
  return (count / elapsedMs) * 1000;
}

const putTogether: Wave = async (store, puts) => {
  const pending: Promise<unknown>[] = [];
  for (const put of puts) {
    const written = store.put(put);
    if (written !== undefined) pending.push(written);
  }
  await Promise.all(pending);
};

const putAwaited: Wave = async (store, puts) => {
  for (const put of puts) {
    const written = store.put(put);
    if (written !== undefined) await written;
  }
};
