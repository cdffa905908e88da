import type { PeerName } from "../stores/registry.ts";
import type { Line } from "./compare.ts";
import { formatFigure, formatRatio, formatTarget } from "./format.ts";

/** A header and rows of text. The first column is a name, the rest are figures. */
export interface Table {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A column for each store, one for the ratio to the best of them, and what was to be reached. */
export function comparisonTable(lines: readonly Line[], peers: readonly PeerName[]): Table {
  return {
    header: ["workload", "kvts", ...peers, "ratio", "must reach", ""],
    rows: lines.map(({ metric, kvts, peers: figures, ratio, isMet }) => [
      metric.id.startsWith("W") ? `${metric.id} ${metric.title}` : metric.title,
      formatFigure(kvts, metric.unit),
      ...peers.map((peer) => {
        const figure = figures[peer];
        return figure === undefined ? "–" : formatFigure(figure, metric.unit);
      }),
      ratio === undefined ? "–" : formatRatio(ratio),
      formatTarget(metric),
      isMet === undefined ? "" : isMet ? "met" : "MISSED",
    ]),
  };
}

/** For a terminal: columns of equal width. */
export function tableText({ header, rows }: Table): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join("  ");
  return `${all.map((row) => line(row).trimEnd()).join("\n")}\n`;
}

export function tableMarkdown({ header, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = header.map((_, column) => (column === 0 ? "---" : "--:"));
  return `${[header, rule, ...rows].map(line).join("\n")}\n`;
}
