import { expect, it } from "vitest";
import { shapesOf } from "./shapes.ts";
import { shapesDrawing, shapesJson, shapesTable } from "./shapes-report.ts";

const MIB = 2 ** 20;
const shapes = shapesOf(1_000_000, 256 * MIB);

it("are of a million entries each, long values apart, and no two alike", () => {
  const entries = shapes.map(({ dataset }) => dataset.keys * dataset.versions);
  expect(entries.filter((count) => count === 1_000_000)).toHaveLength(shapes.length - 1);
  expect(Math.min(...entries)).toBe(5000);
  expect(new Set(shapes.map(({ dataset, memoryBytes }) => JSON.stringify([dataset, memoryBytes]))).size).toBe(
    shapes.length,
  );
  expect(new Set(shapes.map(({ name }) => name)).size).toBe(shapes.length);
});

it("have no more versions than entries in a small run", () => {
  for (const { dataset } of shapesOf(1000, 256 * MIB)) expect(dataset.versions).toBeLessThanOrEqual(1000);
});

it("are reported in a table, a drawing and an object for programs", () => {
  const points = shapes.slice(0, 2).map((shape, at) => ({ shape, figures: { W3: 600_000 - at * 100_000 } }));
  expect(shapesTable(points).rows.map((row) => row.slice(0, 3))).toEqual([
    ["10 versions, any order", "600 k/s", "–"],
    ["1 version", "500 k/s", "–"],
  ]);
  expect(shapesDrawing(points)).toContain("500 k/s, 1 version");
  expect(shapesDrawing(points).match(/<rect[^>]*height="17"|<rect[^>]*height="15"/g)).not.toBeNull();
  expect(shapesJson(points)).toEqual({ "10 versions, any order": { W3: 600_000 }, "1 version": { W3: 500_000 } });
});
