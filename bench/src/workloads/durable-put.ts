import type { Put } from "../stores/contender.ts";
import { checkStored } from "./check-stored.ts";
import { Latencies } from "./latencies.ts";
import type { Metric, Target } from "./metric.ts";
import { PutChunk } from "./put-chunk.ts";
import type { Bench, Workload } from "./workload.ts";

interface Crew {
  readonly writers: number;
  readonly rate: Target;
  readonly p99?: Target;
}

const crews: readonly Crew[] = [
  { writers: 1, rate: { bound: 5_000 } },
  { writers: 64, rate: { bound: 120_000 }, p99: { bound: 2 } },
  { writers: 512, rate: { bound: 280_000 }, p99: { bound: 5 } },
];

/** Puts made ready before the clock starts; a store that gets through them all writes them again. */
const readyPuts = 1 << 18;

/** Writes of their own, each acknowledged once it is on disk; every writer awaits one before the next. */
export const durablePut: Workload = {
  id: "W2",
  stage: "empty",
  metrics: crews.flatMap(({ writers, rate, p99 }): Metric[] => [
    { id: `W2-${writers}`, title: `durable put, ${people(writers)}`, unit: "per second", target: rate },
    { id: `W2-${writers}-p99`, title: `durable put, ${people(writers)}, p99`, unit: "ms", ...(p99 && { target: p99 }) },
  ]),
  async run(bench) {
    const figures: Record<string, number> = {};
    const { dataset, keys } = bench;
    const puts = new PutChunk(dataset, keys, readyPuts).prepare(0);
    for (const { writers } of crews) {
      const { perSecond, p99Ms } = await measure(bench, puts, writers);
      figures[`W2-${writers}`] = perSecond;
      figures[`W2-${writers}-p99`] = p99Ms;
    }
    return figures;
  },
};

async function measure(
  bench: Bench,
  puts: readonly Put[],
  writers: number,
): Promise<{ readonly perSecond: number; readonly p99Ms: number }> {
  const store = await bench.open({ durability: "sync", below: String(writers) });
  const latencies = new Latencies();
  let taken = 0;
  const start = performance.now();
  const end = start + bench.seconds * 1000;
  const write = async () => {
    for (let asked = performance.now(); asked < end; ) {
      await store.put(puts[taken++ % puts.length]!);
      const done = performance.now();
      latencies.add(done - asked);
      asked = done;
    }
  };
  await Promise.all(Array.from({ length: writers }, write));
  const elapsedMs = performance.now() - start;
  await checkStored(bench, store, Math.min(latencies.count, puts.length));
  await store.close();
  return { perSecond: (latencies.count / elapsedMs) * 1000, p99Ms: latencies.percentile(0.99) };
}

function people(writers: number): string {
  return writers === 1 ? "1 writer" : `${writers} writers`;
}
