import { element, text } from "./element.ts";
import type { Panel } from "./panel.ts";

export interface Bar {
  readonly colour: number;
  readonly value: number;
  /** Written behind it. */
  readonly label: string;
}

export interface BarPanelOptions {
  readonly title: string;
  readonly bars: readonly Bar[];
  /** Room for the label of the longest bar. */
  readonly labelWidth?: number;
}

const titleHeight = 26;
const labelWidthUsual = 72;
const gap = 3;

/** Bars from left to right, the longest over the whole width. */
export function barPanel({ title, bars, labelWidth = labelWidthUsual }: BarPanelOptions): Panel {
  const most = Math.max(...bars.map(({ value }) => value));
  return ({ x, y, width, height }) => {
    const pitch = (height - titleHeight - gap) / Math.max(1, bars.length);
    return element(
      "g",
      {},
      text(x, y + 18, "title", title),
      ...bars.map(({ colour, value, label }, at) => {
        const top = y + titleHeight + at * pitch;
        const length = most === 0 ? 0 : ((width - labelWidth) * value) / most;
        const shape = { x, y: top, width: length, height: pitch - gap, class: `bar c${colour}` };
        return element("rect", shape) + text(x + length + 6, top + pitch / 2 + 2, "label", label);
      }),
    );
  };
}
