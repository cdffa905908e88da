import { describe, expect, it } from "vitest";
import { barPanel } from "./bar-panel.ts";
import { drawing } from "./drawing.ts";
import { element, escapeText } from "./element.ts";
import { linePanel } from "./line-panel.ts";

const area = { x: 0, y: 0, width: 200, height: 100 };

/** Elements of one kind, as their attributes. */
function found(svg: string, name: string): Record<string, string>[] {
  return [...svg.matchAll(new RegExp(`<${name}( [^>]*?)/?>`, "g"))].map(([, attributes]) =>
    Object.fromEntries([...attributes!.matchAll(/ ([\w-]+)="([^"]*)"/g)].map(([, key, value]) => [key!, value!])),
  );
}

it("escapes what would end an attribute or begin an element", () => {
  expect(escapeText('a<b>&"c"')).toBe("a&lt;b&gt;&amp;&quot;c&quot;");
  expect(element("g", { id: '"' })).toBe('<g id="&quot;"/>');
});

describe("a line panel", () => {
  const svg = linePanel({
    title: "gets",
    series: [
      {
        colour: 0,
        points: [
          { x: 100, y: 50 },
          { x: 1, y: 100 },
          { x: 10, y: 0 },
        ],
      },
    ],
  })(area);
  const dots = found(svg, "circle");

  it("puts equal ratios at equal distances, from left to right", () => {
    const [first, second, third] = dots.map(({ cx }) => Number(cx));
    expect(first).toBeLessThan(second!);
    expect(second! - first!).toBeCloseTo(third! - second!, 0);
  });

  it("puts more higher, and everything inside", () => {
    const [most, none, half] = dots.map(({ cy }) => Number(cy));
    expect(most! + none!).toBeCloseTo(2 * half!, 0);
    expect(most).toBeLessThan(half!);
    for (const { cx, cy } of dots) {
      expect(Number(cx) >= 0 && Number(cx) <= area.width).toBe(true);
      expect(Number(cy) >= 0 && Number(cy) <= area.height).toBe(true);
    }
  });

  it("joins what it marks", () => {
    expect(found(svg, "polyline")[0]!.points).toBe(dots.map(({ cx, cy }) => `${cx},${cy}`).join(" "));
  });

  it("puts a single place in the middle", () => {
    const single = linePanel({ title: "", series: [{ colour: 0, points: [{ x: 5, y: 1 }] }] })(area);
    const [tick] = found(single, "text").filter((label) => label.class === "x");
    expect(found(single, "circle")[0]!.cx).toBe(tick!.x);
  });
});

it("draws bars as long as their values", () => {
  const bars = [10, 5, 0].map((value, colour) => ({ colour, value, label: `${value}` }));
  const widths = found(barPanel({ title: "", bars })(area), "rect").map(({ width }) => Number(width));
  expect(widths[0]).toBeGreaterThan(0);
  expect(widths[1]! * 2).toBeCloseTo(widths[0]!, 0);
  expect(widths[2]).toBe(0);
});

it("places panels in two columns, all of them on the page", () => {
  const areas: { x: number; y: number }[] = [];
  const svg = drawing({
    title: "a & b",
    legend: ["one", "two"],
    panels: Array.from({ length: 3 }, () => (place) => {
      areas.push(place);
      return "";
    }),
    panelWidth: 100,
    panelHeight: 50,
  });
  expect(areas[0]!.y).toBe(areas[1]!.y);
  expect(areas[2]).toMatchObject({ x: areas[0]!.x, width: 100, height: 50 });
  const [{ height, width }] = found(svg, "svg") as [Record<string, string>];
  expect(areas[2]!.y + 50).toBeLessThanOrEqual(Number(height));
  expect(areas[1]!.x + 100).toBeLessThanOrEqual(Number(width));
  expect(svg).toContain("<title>a &amp; b</title>");
});
