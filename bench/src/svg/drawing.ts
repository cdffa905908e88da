import { element, escapeText, text } from "./element.ts";
import type { Panel } from "./panel.ts";

export interface DrawingOptions {
  /** What the drawing says, for those who do not see it. */
  readonly title: string;
  /** Names of the colours 0, 1, …, for the legend. */
  readonly legend: readonly string[];
  /** Words behind the legend. */
  readonly note?: string;
  readonly panels: readonly Panel[];
  readonly panelWidth: number;
  readonly panelHeight: number;
}

const columns = 2;
const padding = 16;
const legendHeight = 36;
const swatchWidth = 14;
const characterWidth = 7;

/** Told apart by those who are colour-blind too (Okabe and Ito, 2008). */
const colours = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#999999"];

/** Colours and type that read on a light page and on a dark one. */
const style = [
  "text{font:12px system-ui,sans-serif;fill:#7a7f87}.title{font-weight:600;font-size:13px}",
  ".x{text-anchor:middle}.y{text-anchor:end}.grid{stroke:#7a7f87;stroke-opacity:.25}",
  ".line{fill:none;stroke-width:2}.label{font-size:11px}",
  ...colours.map((colour, at) => `.line.c${at}{stroke:${colour}}.dot.c${at},.bar.c${at}{fill:${colour}}`),
].join("");

/** Panels in two columns under a legend, as a file of its own. */
export function drawing({ title, legend, note, panels, panelWidth, panelHeight }: DrawingOptions): string {
  const width = columns * panelWidth + (columns + 1) * padding;
  const rows = Math.ceil(panels.length / columns);
  const height = legendHeight + rows * (panelHeight + padding);
  const placed = panels.map((panel, at) =>
    panel({
      x: padding + (at % columns) * (panelWidth + padding),
      y: legendHeight + Math.floor(at / columns) * (panelHeight + padding),
      width: panelWidth,
      height: panelHeight,
    }),
  );
  const attributes = {
    xmlns: "http://www.w3.org/2000/svg",
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    role: "img",
  };
  const head = [element("title", {}, escapeText(title)), element("style", {}, style)];
  return `${element("svg", attributes, ...head, legendRow(legend, note), ...placed)}\n`;
}

function legendRow(names: readonly string[], note = ""): string {
  let x = padding;
  const entries = names.map((name, at) => {
    const swatch = element("rect", { x, y: 12, width: swatchWidth, height: swatchWidth - 2, class: `bar c${at}` });
    const label = text(x + swatchWidth + 6, 23, "label", name);
    x += swatchWidth + 24 + name.length * characterWidth;
    return swatch + label;
  });
  return entries.join("") + text(x, 23, "label", note);
}
