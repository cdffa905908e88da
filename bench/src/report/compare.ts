import type { Samples } from "../run/samples.ts";
import type { PeerName } from "../stores/registry.ts";
import { isMoreBetter, type Metric, type Unit } from "../workloads/metric.ts";
import { median, spread } from "./statistics.ts";

/** One metric over all stores: medians. */
export interface Line {
  readonly metric: Metric;
  readonly kvts: number;
  /** See {@link spread}; of kvts. */
  readonly spread: number;
  readonly peers: Readonly<Partial<Record<PeerName, number>>>;
  readonly best: PeerName | undefined;
  /** How many times better kvts is than the best peer, whichever way is better; below 1 it is worse. */
  readonly ratio: number | undefined;
  /** Whether kvts reached its target; nothing where there is none. */
  readonly isMet: boolean | undefined;
}

/** One line for each metric that kvts has a figure for. */
export function compare(samples: Samples, metrics: readonly Metric[], peers: readonly PeerName[]): readonly Line[] {
  return metrics.flatMap((metric) => {
    const values = samples.of("kvts", metric.id);
    return values.length === 0 ? [] : [compareMetric(samples, metric, values, peers)];
  });
}

function compareMetric(samples: Samples, metric: Metric, values: readonly number[], peers: readonly PeerName[]): Line {
  const kvts = median(values);
  const measured = peers.flatMap((peer): [PeerName, number][] => {
    const found = samples.of(peer, metric.id);
    return found.length === 0 ? [] : [[peer, median(found)]];
  });
  const [best] = measured.toSorted(([, a], [, b]) => (isMoreBetter(metric.unit) ? b - a : a - b));
  const ratio = best === undefined ? undefined : timesBetter(metric.unit, kvts, best[1]);
  return {
    metric,
    kvts,
    spread: spread(values),
    peers: Object.fromEntries(measured),
    best: best?.[0],
    ratio,
    isMet: isMet(metric, kvts, ratio, samples),
  };
}

export function timesBetter(unit: Unit, ours: number, theirs: number): number {
  return isMoreBetter(unit) ? ours / theirs : theirs / ours;
}

function isMet(
  { unit, target }: Metric,
  kvts: number,
  ratio: number | undefined,
  samples: Samples,
): boolean | undefined {
  const { bound, timesBestPeer, shareOf } = target ?? {};
  const checks: boolean[] = [];
  if (bound !== undefined) checks.push(isMoreBetter(unit) ? kvts >= bound : kvts <= bound);
  if (timesBestPeer !== undefined && ratio !== undefined) checks.push(ratio >= timesBestPeer);
  if (shareOf !== undefined) checks.push(kvts >= shareOf.share * median(samples.of("kvts", shareOf.metric)));
  return checks.length === 0 ? undefined : checks.every((isReached) => isReached);
}
