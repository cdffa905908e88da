import { formatTime } from "@kvts/common";
import { Dots } from "./dots.ts";

export interface PlotPoint {
  /** Microseconds. */
  readonly timestamp: number;
  readonly value: number;
}

export interface PlotArea {
  /** Microseconds, both inclusive: the ends of the time axis. */
  readonly from: number;
  readonly to: number;
  /** In characters, axes included. */
  readonly columns: number;
  readonly rows: number;
}

/** Least size that has room for axes, labels and a line. */
export const plotColumnsMin = 40;
export const plotRowsMin = 8;

/** Rows between two labels of the value axis. */
const labelEvery = 4;

/**
 * The lines of a plot of at least one point, in the order of their timestamps: each value holds until the next, as the
 * values of a key do.
 */
export function plotLines(points: readonly PlotPoint[], area: PlotArea): string[] {
  const rows = area.rows - 2;
  const scale = scaleOf(points);
  const labels = Array.from({ length: rows }, (_, row) => {
    if (row % labelEvery !== 0 && row !== rows - 1) return "";
    const share = row / (rows - 1);
    return scale.label(scale.top * (1 - share) + scale.bottom * share);
  });
  const margin = Math.max(...labels.map((label) => label.length));
  const dots = new Dots(area.columns - margin - 2, rows);
  drawSteps(points, area, scale, dots);
  const lines = dots.lines().map((line, row) => {
    const label = labels[row]!;
    return `${label.padStart(margin)} ${label === "" ? "│" : "┤"}${line}`;
  });
  const width = dots.width / 2;
  return [...lines, `${" ".repeat(margin)} └${"─".repeat(width)}`, ...timeLabels(area, margin + 2, width)];
}

interface Scale {
  readonly top: number;
  readonly bottom: number;
  label(value: number): string;
}

/** From the least value to the greatest; a little around a value that never changes. */
function scaleOf(points: readonly PlotPoint[]): Scale {
  let [bottom, top] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { value } of points) {
    bottom = Math.min(bottom, value);
    top = Math.max(top, value);
  }
  if (bottom === top) {
    const around = Math.abs(top) * 0.1 || 1;
    [bottom, top] = [bottom - around, top + around];
  }
  return { top, bottom, label: labelFor(top / 2 - bottom / 2, Math.max(Math.abs(top), Math.abs(bottom))) };
}

/** Writes values with the decimals that tell neighbouring labels apart, or where those are many, with an exponent. */
function labelFor(halfSpan: number, largest: number): (value: number) => string {
  const decimals = Math.max(0, 1 - Math.floor(Math.log10(halfSpan)));
  if (largest >= 1e9 || decimals > 9) return (value) => value.toExponential(3);
  return (value) => value.toFixed(decimals).replace(/^-(?=0(?:\.0*)?$)/, "");
}

function drawSteps(points: readonly PlotPoint[], { from, to }: PlotArea, { top, bottom }: Scale, dots: Dots): void {
  const rowOf = (value: number): number =>
    // Halved, so that the span of the greatest numbers is one too.
    Math.round(((top / 2 - value / 2) / (top / 2 - bottom / 2)) * (dots.height - 1));
  const columnOf = (timestamp: number): number => {
    const share = to === from ? 0 : (timestamp - from) / (to - from);
    return Math.min(Math.max(0, Math.round(share * (dots.width - 1))), dots.width - 1);
  };
  let x = columnOf(points[0]!.timestamp);
  let y = rowOf(points[0]!.value);
  for (const { timestamp, value } of points) {
    const nextX = columnOf(timestamp);
    const nextY = rowOf(value);
    for (; x < nextX; x++) dots.vertical(x, y, y);
    dots.vertical(x, y, nextY);
    y = nextY;
  }
  for (; x < dots.width; x++) dots.vertical(x, y, y);
}

const daySeconds = 86_400;

/** The two ends of the time axis below it, as precise as their distance asks for; on two lines where one is too short. */
function timeLabels({ from, to }: PlotArea, indent: number, width: number): string[] {
  const seconds = (to - from) / 1e6;
  const length = seconds >= 10 * daySeconds ? 10 : seconds >= 600 ? 16 : seconds >= 10 ? 19 : 26;
  const label = (time: number): string => `${formatTime(time).slice(0, length)}${length > 10 ? "Z" : ""}`;
  const [left, right] = [label(from), label(to)];
  const space = " ".repeat(indent);
  if (left.length + right.length >= width) return [space + left, space + right.padStart(width)];
  return [space + left + right.padStart(width - left.length)];
}
