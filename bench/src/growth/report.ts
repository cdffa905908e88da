import { formatFigure } from "../report/format.ts";
import type { Table } from "../report/table.ts";
import { drawing } from "../svg/drawing.ts";
import { linePanel } from "../svg/line-panel.ts";
import { shortNumber } from "../svg/ticks.ts";
import { growthWorkloads, type Point } from "./measure.ts";
import type { Axis, Series } from "./series.ts";

/** What is worth a plot, in order, and the words above it. */
const plotted: Readonly<Record<string, string>> = {
  W3: "gets of the newest version a second",
  W4: "gets as of a random moment a second",
  W10: "gets of an absent key a second",
  "W1-settled": "loaded a second, compaction included",
  "write-amplification": "bytes written for a byte loaded",
  "space-amplification": "bytes on disk for a byte loaded",
  "load-memory": "peak resident memory of a load, MB",
  W7: "import, open and first get, ms",
};

const axisTitles: Readonly<Record<Axis, string>> = {
  entries: "kvts from few entries to many",
  versions: "kvts from few versions a key to many",
};

const panelWidth = 380;
const panelHeight = 190;

/** One panel for each metric, a line in each for every series. */
export function growthDrawing(axis: Axis, points: readonly Point[]): string {
  const series = seriesOf(points);
  return drawing({
    title: axisTitles[axis],
    legend: series.map(({ name }) => name),
    panels: Object.entries(plotted).map(([id, title]) =>
      linePanel({
        title,
        series: series.map((one, colour) => ({
          colour,
          points: points.flatMap(({ series: of, at, figures }) => {
            const y = figures[id];
            return of === one && y !== undefined ? [{ x: at, y }] : [];
          }),
        })),
      }),
    ),
    panelWidth,
    panelHeight,
  });
}

/** A row for each point. */
export function growthTable(axis: Axis, points: readonly Point[]): Table {
  const metrics = growthWorkloads.flatMap((workload) => workload.metrics);
  const shown = Object.keys(plotted).map((id) => metrics.find((metric) => metric.id === id)!);
  return {
    header: [axis === "entries" ? "entries" : "versions a key", "store", ...Object.values(plotted)],
    rows: points.map(({ series, at, figures }) => [
      shortNumber(at),
      series.name,
      ...shown.map(({ id, unit }) => (figures[id] === undefined ? "–" : formatFigure(figures[id], unit))),
    ]),
  };
}

/** By axis, series and step. */
export function growthJson(points: readonly Point[]): object {
  const json: Record<string, Record<string, Record<string, Point["figures"]>>> = {};
  for (const { axis, series, at, figures } of points) {
    json[axis] ??= {};
    json[axis][series.name] ??= {};
    json[axis][series.name]![at] = figures;
  }
  return json;
}

function seriesOf(points: readonly Point[]): readonly Series[] {
  return [...new Set(points.map(({ series }) => series))];
}
