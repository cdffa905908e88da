import { failed } from "../failure.ts";
import { Latencies } from "./latencies.ts";

/** One kind of work: what each worker does over and over. */
export interface Workload {
  readonly name: string;
  /** What one operation is, for the report. */
  readonly operation: string;
  /** Operations after which it is done; without it, it runs for the time that is set. */
  readonly operations?: number;
  /**
   * Does one operation, checks the answer, and returns how many entries it touched.
   * @param place counts operations from 0, over all workers
   * @param worker 0 … concurrency − 1
   */
  run(place: number, worker: number): Promise<number>;
}

/** How long, and how much at a time. */
export interface Pacing {
  readonly concurrency: number;
  readonly seconds: number;
  readonly signal: AbortSignal;
}

/** What a workload achieved. */
export interface Measurement {
  readonly workload: string;
  readonly operation: string;
  readonly operations: number;
  readonly entries: number;
  readonly seconds: number;
  readonly operationsPerSecond: number;
  readonly entriesPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
}

/** Runs a workload to its end. @throws CommandError for a wrong answer, or when it is interrupted */
export async function runWorkload(workload: Workload, pacing: Pacing): Promise<Measurement> {
  const latencies = new Latencies();
  const started = performance.now();
  const deadline = workload.operations === undefined ? started + pacing.seconds * 1000 : Number.POSITIVE_INFINITY;
  const last = workload.operations ?? Number.POSITIVE_INFINITY;
  let next = 0;
  let entries = 0;
  const work = async (worker: number): Promise<void> => {
    for (let begun = performance.now(); next < last && begun < deadline && !pacing.signal.aborted; ) {
      const touched = await workload.run(next++, worker);
      entries += touched;
      const ended = performance.now();
      latencies.add(ended - begun);
      begun = ended;
    }
  };
  await Promise.all(Array.from({ length: pacing.concurrency }, (_, worker) => work(worker)));
  if (pacing.signal.aborted) throw failed(`stopped during ${workload.name}, after ${latencies.count} operations`);
  return summarize(workload, latencies, entries, (performance.now() - started) / 1000);
}

function summarize(workload: Workload, latencies: Latencies, entries: number, seconds: number): Measurement {
  return {
    workload: workload.name,
    operation: workload.operation,
    operations: latencies.count,
    entries,
    seconds: rounded(seconds, 3),
    operationsPerSecond: rounded(latencies.count / seconds, 0),
    entriesPerSecond: rounded(entries / seconds, 0),
    p50Ms: rounded(latencies.percentile(0.5), 4),
    p99Ms: rounded(latencies.percentile(0.99), 4),
    p999Ms: rounded(latencies.percentile(0.999), 4),
  };
}

function rounded(value: number, decimals: number): number {
  return Number(value.toFixed(decimals));
}
