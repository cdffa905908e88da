import { isMoreBetter, type Metric, type Unit } from "../workloads/metric.ts";

const million = 1e6;
const thousand = 1e3;

/** A figure for people: three digits and the unit's letter. */
export function formatFigure(value: number, unit: Unit): string {
  switch (unit) {
    case "per second":
      return formatRate(value);
    case "ms":
      return `${threeDigits(value)} ms`;
    case "MB":
      return `${Math.round(value)} MB`;
    case "bytes":
      return `${value.toFixed(1)} B`;
    case "times":
      return formatRatio(value);
  }
}

export function formatRatio(ratio: number): string {
  return `${ratio.toFixed(2)}×`;
}

/** What a metric's target asks for; empty where it has none. */
export function formatTarget({ unit, target }: Metric): string {
  const { bound, timesBestPeer, shareOf } = target ?? {};
  const parts: string[] = [];
  if (bound !== undefined) parts.push(`${isMoreBetter(unit) ? "≥" : "≤"} ${formatFigure(bound, unit)}`);
  if (timesBestPeer !== undefined) parts.push(`≥ ${timesBestPeer}×`);
  if (shareOf !== undefined) parts.push(`≥ ${shareOf.share * 100} % of ${shareOf.metric}`);
  return parts.join(", ");
}

function formatRate(perSecond: number): string {
  if (perSecond >= million) return `${(perSecond / million).toFixed(2)} M/s`;
  if (perSecond >= thousand) return `${threeDigits(perSecond / thousand)} k/s`;
  return `${threeDigits(perSecond)}/s`;
}

function threeDigits(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(value < 1 ? 2 : 3);
}
