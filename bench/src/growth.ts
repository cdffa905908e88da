import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { measurePoint, type Point } from "./growth/measure.ts";
import { type GrowthOptions, growthUsage, parseGrowthOptions } from "./growth/options.ts";
import { growthDrawing, growthJson, growthTable } from "./growth/report.ts";
import type { Axis } from "./growth/series.ts";
import { machineText } from "./report/circumstances.ts";
import { writeSection } from "./report/document.ts";
import { tableMarkdown, tableText } from "./report/table.ts";
import { runProgram } from "./run/program.ts";
import { scratchDirectory } from "./run/scratch.ts";

const axes: readonly Axis[] = ["entries", "versions"];

/** Measures kvts as it grows: progress and tables go to stderr, what programs read to stdout. */
runProgram(growthUsage, async (args, note) => {
  const options = parseGrowthOptions(args);
  const directory = scratchDirectory(options.directory);
  const all: Point[] = [];
  for (const axis of axes) {
    const points = await measureAxis(axis, options, join(directory, axis), note);
    if (points.length === 0) continue;
    note(`\n${tableText(growthTable(axis, points))}\n`);
    if (options.docs !== undefined) await document(options.docs, axis, points);
    all.push(...points);
  }
  if (options.json) process.stdout.write(`${JSON.stringify(growthJson(all), null, 2)}\n`);
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

async function document(docs: string, axis: Axis, points: readonly Point[]): Promise<void> {
  const plot = `growth-${axis}.svg`;
  const text = `${machineText()}\n\n![Growth by ${axis}](${plot})\n\n${tableMarkdown(growthTable(axis, points))}`;
  await writeSection(join(docs, "performance.md"), `growth by ${axis}`, text);
  await writeFile(join(docs, plot), growthDrawing(axis, points));
}
