import type { PeerName } from "../stores/registry.ts";
import type { Unit } from "../workloads/metric.ts";
import type { Line } from "./compare.ts";

const digits = 4;

export interface JsonLine {
  readonly kvts: number;
  readonly peers: Readonly<Partial<Record<PeerName, number>>>;
  /** How many times better kvts is than the best peer; `null` where no peer has a figure. */
  readonly ratio: number | null;
  readonly unit: Unit;
  /** Whether the target was reached; `null` where there is none. */
  readonly met: boolean | null;
}

/** By metric. */
export function comparisonJson(lines: readonly Line[]): Readonly<Record<string, JsonLine>> {
  return Object.fromEntries(
    lines.map(({ metric, kvts, peers, ratio, isMet }) => [
      metric.id,
      {
        kvts: rounded(kvts),
        peers: Object.fromEntries(Object.entries(peers).map(([peer, figure]) => [peer, rounded(figure)])),
        ratio: ratio === undefined ? null : rounded(ratio),
        unit: metric.unit,
        met: isMet ?? null,
      },
    ]),
  );
}

function rounded(value: number): number {
  return Number(value.toPrecision(digits));
}
