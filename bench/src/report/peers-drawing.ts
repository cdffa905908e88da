import type { PeerName } from "../stores/registry.ts";
import { type BarPanelOptions, barPanel } from "../svg/bar-panel.ts";
import { drawing } from "../svg/drawing.ts";
import { isMoreBetter } from "../workloads/metric.ts";
import type { Line } from "./compare.ts";
import { formatFigure } from "./format.ts";

const panelWidth = 380;
const barHeight = 18;
const titleHeight = 29;

/** Bars for every workload that has both a target and a peer to compare with. */
export function peersDrawing(lines: readonly Line[], peers: readonly PeerName[]): string {
  const shown = lines.filter(({ metric, ratio }) => metric.target !== undefined && ratio !== undefined);
  const stores = ["kvts", ...peers] as const;
  return drawing({
    title: "kvts beside other stores",
    legend: stores,
    note: "↓ less is better",
    panels: shown.map((line) => barPanel(panelOf(line, stores))),
    panelWidth,
    panelHeight: titleHeight + barHeight * stores.length,
  });
}

function panelOf({ metric, kvts, peers }: Line, stores: readonly ("kvts" | PeerName)[]): BarPanelOptions {
  return {
    title: `${metric.title}${isMoreBetter(metric.unit) ? "" : " ↓"}`,
    bars: stores.flatMap((store, colour) => {
      const value = store === "kvts" ? kvts : peers[store];
      return value === undefined ? [] : [{ colour, value, label: formatFigure(value, metric.unit) }];
    }),
  };
}
