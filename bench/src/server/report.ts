import { formatFigure, formatRatio, formatTarget } from "../report/format.ts";
import { median } from "../report/statistics.ts";
import type { Table } from "../report/table.ts";
import type { Metric } from "../workloads/metric.ts";

const ours = "kvts";

/** What was measured, by metric and server; all runs. */
export class Figures {
  readonly #byMetric: Map<Metric, Map<string, number[]>> = new Map();

  add(metric: Metric, server: string, value: number): void {
    const byServer = this.#byMetric.get(metric) ?? new Map<string, number[]>();
    this.#byMetric.set(metric, byServer);
    byServer.set(server, [...(byServer.get(server) ?? []), value]);
  }

  get metrics(): readonly Metric[] {
    return [...this.#byMetric.keys()];
  }

  /** Servers that have any figure, kvts apart. */
  get peers(): readonly string[] {
    const all = new Set([...this.#byMetric.values()].flatMap((byServer) => [...byServer.keys()]));
    all.delete(ours);
    return [...all];
  }

  median(metric: Metric, server: string): number | undefined {
    const values = this.#byMetric.get(metric)?.get(server);
    return values === undefined ? undefined : median(values);
  }

  /** kvts against the best of the others, which all measure rates. */
  ratio(metric: Metric): number | undefined {
    const peers = this.peers.flatMap((peer) => this.median(metric, peer) ?? []);
    const own = this.median(metric, ours);
    return peers.length === 0 || own === undefined ? undefined : own / Math.max(...peers);
  }
}

export function serverTable(figures: Figures): Table {
  const { peers } = figures;
  return {
    header: ["workload", ours, ...peers, "ratio", "must reach", ""],
    rows: figures.metrics.map((metric) => {
      const own = figures.median(metric, ours);
      const ratio = figures.ratio(metric);
      const bound = metric.target?.bound;
      const shown = [ours, ...peers].map((server) => {
        const value = figures.median(metric, server);
        return value === undefined ? "–" : formatFigure(value, metric.unit);
      });
      const verdict = own === undefined || bound === undefined ? "" : own >= bound ? "met" : "MISSED";
      return [metric.title, ...shown, ratio === undefined ? "–" : formatRatio(ratio), formatTarget(metric), verdict];
    }),
  };
}

/** `{workload: {kvts, peers, ratio}}`. */
export function serverJson(figures: Figures): Record<string, object> {
  return Object.fromEntries(
    figures.metrics.map((metric) => {
      const peers = figures.peers.flatMap((peer) => {
        const value = figures.median(metric, peer);
        return value === undefined ? [] : [[peer, value] as const];
      });
      return [
        metric.id,
        { kvts: figures.median(metric, ours), peers: Object.fromEntries(peers), ratio: figures.ratio(metric) },
      ];
    }),
  );
}
