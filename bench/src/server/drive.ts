import type { Dataset } from "../dataset/dataset.ts";
import type { Client } from "./contender.ts";
import type { Workload } from "./workloads.ts";

/** How much of the time goes before the measurement, so that both sides are warm. */
const warmUpShare = 0.25;

export interface Driven {
  readonly perSecond: number;
  readonly p99Ms: number;
}

/** Has workers do their steps for so long; undefined where the server has no way to. @throws WrongAnswer */
export async function drive(
  workload: Workload,
  client: Client,
  dataset: Dataset,
  seconds: number,
): Promise<Driven | undefined> {
  const step = workload.step(client, dataset);
  if (step === undefined) return undefined;
  await runFor(step, workload.inFlight, seconds * warmUpShare);
  const waits: number[] = [];
  const start = performance.now();
  await runFor(step, workload.inFlight, seconds, waits);
  const elapsed = (performance.now() - start) / 1000;
  waits.sort((a, b) => a - b);
  return {
    perSecond: (waits.length * workload.perStep) / elapsed,
    p99Ms: waits[Math.min(waits.length - 1, Math.floor(waits.length * 0.99))] ?? Number.NaN,
  };
}

async function runFor(step: () => Promise<void>, workers: number, seconds: number, waits?: number[]): Promise<void> {
  const end = performance.now() + seconds * 1000;
  const work = async (): Promise<void> => {
    for (let now = performance.now(); now < end; ) {
      await step();
      const after = performance.now();
      waits?.push(after - now);
      now = after;
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
}
