import { keysFor } from "../options.ts";
import { median } from "../report/statistics.ts";
import { runAll } from "../run/run-all.ts";
import { findWorkload } from "../workloads/catalogue.ts";
import type { Figures } from "../workloads/workload.ts";
import type { GrowthOptions } from "./options.ts";
import type { Axis, Series } from "./series.ts";

/** What was measured where. */
export interface Point {
  readonly axis: Axis;
  readonly series: Series;
  /** Entries, or versions a key. */
  readonly at: number;
  readonly figures: Figures;
}

const versionsWhileEntriesGrow = 10;
const valueBytes = 100;

export const growthWorkloads = ["W1", "W3", "W4", "W10", "W7"].map(findWorkload);
const metrics = growthWorkloads.flatMap((workload) => workload.metrics);

/**
 * Loads one store and reads from it, each workload in a process of its own.
 * @param directory is made and removed
 */
export async function measurePoint(
  axis: Axis,
  series: Series,
  at: number,
  options: GrowthOptions,
  directory: string,
): Promise<Point> {
  const { contender, memoryBytes, order } = series;
  const versions = axis === "versions" ? at : versionsWhileEntriesGrow;
  const keys = keysFor(axis === "entries" ? at : options.entriesAtVersions, versions);
  const samples = await runAll({
    scale: { dataset: { keys, versions, valueBytes, order }, seconds: options.seconds, memoryBytes },
    groups: growthWorkloads.map((workload) => ({ workloads: [workload], order: [contender], once: false })),
    runs: options.runs,
    directory,
    measured: () => {},
  });
  const figures = metrics.flatMap(({ id }): [string, number][] => {
    const values = samples.of(contender, id);
    return values.length === 0 ? [] : [[id, median(values)]];
  });
  return { axis, series, at, figures: Object.fromEntries(figures) };
}
