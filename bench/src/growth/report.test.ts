import { expect, it } from "vitest";
import type { Point } from "./measure.ts";
import { growthDrawing, growthJson, growthTable } from "./report.ts";
import type { Series } from "./series.ts";

const small: Series = { name: "kvts, 256 MiB", contender: "kvts", memoryBytes: 2 ** 28, order: "random" };
const large: Series = { name: "kvts, 1 GiB", contender: "kvts", memoryBytes: 2 ** 30, order: "random" };
const points: readonly Point[] = [
  { axis: "entries", series: small, at: 1_000_000, figures: { W3: 600_000, "write-amplification": 2.5 } },
  { axis: "entries", series: large, at: 1_000_000, figures: { W3: 610_000, "write-amplification": 2.4 } },
  { axis: "entries", series: small, at: 5_000_000, figures: { W3: 300_000, "write-amplification": 4 } },
];

it("has a row for each point, with what was not measured left open", () => {
  const { header, rows } = growthTable("entries", points);
  expect(header.slice(0, 3)).toEqual(["entries", "store", "gets of the newest version a second"]);
  expect(rows.map((row) => row.slice(0, 3))).toEqual([
    ["1 M", "kvts, 256 MiB", "600 k/s"],
    ["1 M", "kvts, 1 GiB", "610 k/s"],
    ["5 M", "kvts, 256 MiB", "300 k/s"],
  ]);
  for (const row of rows) {
    expect(row).toHaveLength(header.length);
    expect(row[3]).toBe("–");
  }
});

it("names every series in the drawing, and draws only what was measured", () => {
  const svg = growthDrawing("entries", points);
  expect(svg).toContain("kvts, 256 MiB");
  expect(svg).toContain("kvts, 1 GiB");
  // Two metrics, three points each.
  expect(svg.match(/<circle/g)).toHaveLength(6);
});

it("is an object by axis, series and step for programs", () => {
  expect(growthJson(points)).toEqual({
    entries: {
      "kvts, 256 MiB": { 1000000: points[0]!.figures, 5000000: points[2]!.figures },
      "kvts, 1 GiB": { 1000000: points[1]!.figures },
    },
  });
});
