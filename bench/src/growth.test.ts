import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const growth = fileURLToPath(new URL("./growth.ts", import.meta.url));
const run = promisify(execFile);

it("measures both axes and all shapes, and writes tables and plots", async () => {
  const directory = await mkdtemp(join(tmpdir(), "kvts-growth-"));
  const steps = [
    "--entries",
    "1000",
    "--versions",
    "20",
    "--at",
    "1000",
    "--memory",
    "256MiB",
    "--seconds",
    "0.01",
    "--shapes",
    "200",
  ];
  const places = ["--directory", join(directory, "stores"), "--docs", join(directory, "docs")];
  const { stdout } = await run(process.execPath, [growth, ...steps, ...places, "--json"]);
  const measured = JSON.parse(stdout) as Record<string, Record<string, Record<string, Record<string, number>>>>;
  for (const figures of [
    measured.entries!["kvts, 256 MiB"]!["1000"]!,
    measured.versions!["kvts, random order"]!["20"]!,
    measured.versions!["kvts, time order"]!["20"]!,
  ]) {
    for (const id of ["W1", "W3", "W4", "W10", "W7", "space-amplification"]) expect(figures[id], id).toBeGreaterThan(0);
  }
  const page = await readFile(join(directory, "docs", "performance.md"), "utf8");
  const shapes = Object.values(measured.shapes as unknown as Record<string, Record<string, number>>);
  expect(shapes).toHaveLength(9);
  for (const figures of shapes) {
    for (const id of ["W3", "W4", "half-absent", "own-write-amplification"]) expect(figures[id], id).toBeGreaterThan(0);
  }
  for (const part of ["growth-entries", "growth-versions", "shapes"]) {
    expect(page).toContain(`![${part}](${part}.svg)`);
    expect(await readFile(join(directory, "docs", `${part}.svg`), "utf8")).toMatch(
      /^<svg .*<(circle|rect) .*<\/svg>\n$/s,
    );
  }
  await rm(directory, { recursive: true });
}, 300_000);
