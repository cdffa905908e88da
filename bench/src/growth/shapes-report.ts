import { formatFigure } from "../report/format.ts";
import type { Table } from "../report/table.ts";
import { barPanel } from "../svg/bar-panel.ts";
import { drawing } from "../svg/drawing.ts";
import type { Unit } from "../workloads/metric.ts";
import type { ShapePoint } from "./shapes.ts";

interface Column {
  readonly id: string;
  readonly title: string;
  readonly unit: Unit;
}

const columns: readonly Column[] = [
  { id: "W3", title: "gets of the newest version a second", unit: "per second" },
  { id: "W4", title: "gets as of a random moment a second", unit: "per second" },
  { id: "half-absent", title: "gets a second, half of the keys absent", unit: "per second" },
  { id: "load-rate", title: "puts and gets a second while it compacts", unit: "per second" },
  { id: "W1-settled", title: "loaded a second, compaction included", unit: "per second" },
  { id: "loop-delay-p99", title: "event-loop delay while it compacts, p99", unit: "ms" },
  { id: "own-write-amplification", title: "bytes written for a byte loaded", unit: "times" },
  { id: "space-amplification", title: "bytes on disk for a byte loaded", unit: "times" },
];

const panelWidth = 380;
const barHeight = 18;
const titleHeight = 29;
const labelWidth = 250;

/** A row for each shape. */
export function shapesTable(points: readonly ShapePoint[]): Table {
  return {
    header: ["shape", ...columns.map(({ title }) => title)],
    rows: points.map(({ shape, figures }) => [
      shape.name,
      ...columns.map(({ id, unit }) => (figures[id] === undefined ? "–" : formatFigure(figures[id], unit))),
    ]),
  };
}

/** A panel for each figure, in it a bar for each shape; the first, which is the usual one, stands out. */
export function shapesDrawing(points: readonly ShapePoint[]): string {
  return drawing({
    title: "kvts with data of many shapes",
    legend: ["as usual", "of another shape"],
    panels: columns.map(({ id, title, unit }) =>
      barPanel({
        title,
        labelWidth,
        bars: points.flatMap(({ shape, figures }, at) => {
          const value = figures[id];
          if (value === undefined) return [];
          return [{ colour: at === 0 ? 0 : 1, value, label: `${formatFigure(value, unit)}, ${shape.name}` }];
        }),
      }),
    ),
    panelWidth,
    panelHeight: titleHeight + barHeight * points.length,
  });
}

/** By name of the shape. */
export function shapesJson(points: readonly ShapePoint[]): object {
  return Object.fromEntries(points.map(({ shape, figures }) => [shape.name, figures]));
}
