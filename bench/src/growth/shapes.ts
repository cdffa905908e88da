import { formatSize } from "@kvts/common";
import type { DatasetOptions, LoadOrder } from "../dataset/dataset.ts";
import { keysFor } from "../options.ts";
import { median } from "../report/statistics.ts";
import { runAll } from "../run/run-all.ts";
import { findWorkload } from "../workloads/catalogue.ts";
import type { Figures } from "../workloads/workload.ts";

/** A way in which data may be unlike the usual: all of them have to be as fast, or it is known how much slower they are. */
export interface Shape {
  readonly name: string;
  readonly dataset: DatasetOptions;
  readonly memoryBytes: number;
}

export interface ShapePoint {
  readonly shape: Shape;
  readonly figures: Figures;
}

export interface ShapesOptions {
  readonly seconds: number;
  readonly runs: number;
  /** Is made and removed. */
  readonly directory: string;
}

const KIB = 1024;
const longValueBytes = 100 * KIB;
/** Of the usual entries, so many fewer long values. */
const longValuesShare = 1 / 200;
/** Of the budget, for a working set that does not fit. */
const smallShare = 1 / 8;

/** What is measured, and what of it in one process: reads are warm anyway. */
const groups = [["W1"], ["W3", "W4", "half-absent"], ["under-load"]].map((ids) => ids.map(findWorkload));

/** @param entries versions in all, but of long values fewer */
export function shapesOf(entries: number, memoryBytes: number): readonly Shape[] {
  const usual = { versions: 10, valueBytes: 100, order: "random" as LoadOrder, entries, memoryBytes };
  const shape = (name: string, differences: Partial<typeof usual>): Shape => {
    const { entries: count, memoryBytes: memory, ...dataset } = { ...usual, ...differences };
    const versions = Math.min(dataset.versions, count);
    return { name, dataset: { ...dataset, versions, keys: keysFor(count, versions) }, memoryBytes: memory };
  };
  const smallBytes = Math.floor(memoryBytes * smallShare);
  return [
    shape("10 versions, any order", {}),
    shape("1 version", { versions: 1 }),
    shape("10,000 versions, by time", { versions: 10_000, order: "time" }),
    shape("10,000 versions, a tenth late", { versions: 10_000, order: "late" }),
    shape("10,000 versions, any order", { versions: 10_000 }),
    shape("key after key", { order: "keys" }),
    shape("values of 10 B", { valueBytes: 10 }),
    shape("values of 100 KiB", { valueBytes: longValueBytes, entries: Math.ceil(entries * longValuesShare) }),
    shape(`with ${formatSize(smallBytes)}`, { memoryBytes: smallBytes }),
  ];
}

/** Loads and reads one shape. */
export async function measureShape(shape: Shape, { seconds, runs, directory }: ShapesOptions): Promise<ShapePoint> {
  const { dataset, memoryBytes } = shape;
  const samples = await runAll({
    scale: { dataset, seconds, memoryBytes },
    groups: groups.map((workloads) => ({ workloads, order: ["kvts"], once: false })),
    runs,
    directory,
    measured: () => {},
  });
  const figures: Record<string, number> = {};
  for (const { id } of groups.flat().flatMap(({ metrics }) => metrics)) {
    const values = samples.of("kvts", id);
    if (values.length > 0) figures[id] = median(values);
  }
  return { shape, figures };
}
