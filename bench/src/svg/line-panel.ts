import { element, text } from "./element.ts";
import type { Area, Panel } from "./panel.ts";
import { linearTicks, shortNumber } from "./ticks.ts";

export interface LineSeries {
  /** Which of the drawing's colours. */
  readonly colour: number;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

export interface LinePanelOptions {
  readonly title: string;
  readonly series: readonly LineSeries[];
}

const margin = { left: 52, right: 14, top: 34, bottom: 26 };
const yTicks = 4;
const dotRadius = 3;

/** Lines over a logarithmic axis that has a tick where something was measured; upwards from 0. */
export function linePanel({ title, series }: LinePanelOptions): Panel {
  const points = series.flatMap((one) => one.points);
  const xs = [...new Set(points.map(({ x }) => x))].sort((a, b) => a - b);
  const ticks = linearTicks(Math.max(...points.map(({ y }) => y)), yTicks);
  return (area) => {
    const plot = inner(area);
    const toX = logScale(xs, plot);
    const toY = (y: number) => plot.y + plot.height * (1 - y / ticks.at(-1)!);
    return element(
      "g",
      {},
      text(area.x + margin.left, area.y + 18, "title", title),
      ...ticks.map((tick) => horizontal(plot, toY(tick), shortNumber(tick))),
      ...xs.map((x) => text(toX(x), plot.y + plot.height + 16, "x", shortNumber(x))),
      ...series.map((one) => line(one, toX, toY)),
    );
  };
}

function inner({ x, y, width, height }: Area): Area {
  return {
    x: x + margin.left,
    y: y + margin.top,
    width: width - margin.left - margin.right,
    height: height - margin.top - margin.bottom,
  };
}

/** A single place lies in the middle. */
function logScale(xs: readonly number[], { x: left, width }: Area): (x: number) => number {
  const first = Math.log(xs[0]!);
  const range = Math.log(xs.at(-1)!) - first;
  return (x) => left + width * (range === 0 ? 0.5 : (Math.log(x) - first) / range);
}

function horizontal({ x, width }: Area, y: number, label: string): string {
  return element("line", { x1: x, x2: x + width, y1: y, y2: y, class: "grid" }) + text(x - 8, y + 4, "y", label);
}

function line({ colour, points }: LineSeries, toX: (x: number) => number, toY: (y: number) => number): string {
  const places = points.toSorted((a, b) => a.x - b.x).map(({ x, y }) => ({ x: round(toX(x)), y: round(toY(y)) }));
  const path = element("polyline", {
    points: places.map(({ x, y }) => `${x},${y}`).join(" "),
    class: `line c${colour}`,
  });
  const dots = places.map(({ x, y }) => element("circle", { cx: x, cy: y, r: dotRadius, class: `dot c${colour}` }));
  return path + dots.join("");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
