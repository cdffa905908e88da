import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { measurePoint, type Point } from "./growth/measure.ts";
import { type GrowthOptions, growthUsage, parseGrowthOptions } from "./growth/options.ts";
import { growthDrawing, growthJson, growthTable } from "./growth/report.ts";
import type { Axis } from "./growth/series.ts";
import { measureShape, type ShapePoint } from "./growth/shapes.ts";
import { shapesDrawing, shapesJson, shapesTable } from "./growth/shapes-report.ts";
import { machineText } from "./report/circumstances.ts";
import { writeSection } from "./report/document.ts";
import { type Table, tableMarkdown, tableText } from "./report/table.ts";
import { runProgram } from "./run/program.ts";
import { scratchDirectory } from "./run/scratch.ts";

const axes: readonly Axis[] = ["entries", "versions"];

/** Measures kvts as it grows, and with data of many shapes: progress and tables go to stderr, what programs read to stdout. */
runProgram(growthUsage, async (args, note) => {
  const options = parseGrowthOptions(args);
  const directory = scratchDirectory(options.directory);
  const all: Point[] = [];
  for (const axis of axes) {
    const points = await measureAxis(axis, options, join(directory, axis), note);
    if (points.length === 0) continue;
    note(`\n${tableText(growthTable(axis, points))}\n`);
    if (options.docs !== undefined)
      await writePart(options.docs, `growth-${axis}`, growthTable(axis, points), growthDrawing(axis, points));
    all.push(...points);
  }
  const shapes = await measureShapes(options, join(directory, "shapes"), note);
  if (shapes.length > 0) {
    const table = shapesTable(shapes);
    note(`\n${tableText(table)}\n`);
    if (options.docs !== undefined) await writePart(options.docs, "shapes", table, shapesDrawing(shapes));
  }
  const figures = { ...growthJson(all), ...(shapes.length > 0 && { shapes: shapesJson(shapes) }) };
  if (options.json) process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
});

async function measureAxis(
  axis: Axis,
  options: GrowthOptions,
  directory: string,
  note: (text: string) => void,
): Promise<readonly Point[]> {
  const points: Point[] = [];
  for (const at of options.steps[axis]) {
    for (const series of options.series[axis]) {
      const start = performance.now();
      points.push(await measurePoint(axis, series, at, options, directory));
      note(`${axis} ${at}, ${series.name}: measured in ${Math.round((performance.now() - start) / 1000)} s\n`);
    }
  }
  return points;
}

async function measureShapes(
  { shapes, seconds, runs }: GrowthOptions,
  directory: string,
  note: (text: string) => void,
): Promise<readonly ShapePoint[]> {
  const points: ShapePoint[] = [];
  for (const shape of shapes) {
    const start = performance.now();
    points.push(await measureShape(shape, { seconds, runs, directory }));
    note(`${shape.name}: measured in ${Math.round((performance.now() - start) / 1000)} s\n`);
  }
  return points;
}

/** Writes a table and its plot, between the page's markers for this part. */
async function writePart(docs: string, name: string, table: Table, plot: string): Promise<void> {
  const text = `${machineText()}\n\n![${name}](${name}.svg)\n\n${tableMarkdown(table)}`;
  await writeSection(join(docs, "performance.md"), name, text);
  await writeFile(join(docs, `${name}.svg`), plot);
}
