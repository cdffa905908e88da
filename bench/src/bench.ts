import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type BenchOptions, parseOptions, usage } from "./options.ts";
import { machineText, peersText, scaleText } from "./report/circumstances.ts";
import { compare, type Line } from "./report/compare.ts";
import { writeSection } from "./report/document.ts";
import { formatFigure } from "./report/format.ts";
import { comparisonJson } from "./report/json.ts";
import { peersDrawing } from "./report/peers-drawing.ts";
import { comparisonTable, tableMarkdown, tableText } from "./report/table.ts";
import { findPeers } from "./run/find-peers.ts";
import { planGroups, planTrial } from "./run/plan.ts";
import { runProgram } from "./run/program.ts";
import { runAll } from "./run/run-all.ts";
import { scratchDirectory } from "./run/scratch.ts";
import type { PeerName } from "./stores/registry.ts";
import { workloads } from "./workloads/catalogue.ts";
import type { Figures } from "./workloads/workload.ts";

/** Compares kvts with its peers: progress and the table go to stderr, what programs read to stdout. */
runProgram(usage, async (args, note) => {
  const options = parseOptions(args);
  const { scale, runs } = options;
  const directory = scratchDirectory(options.directory);
  const { present: peers, absent } = await findPeers(options.peers, scale, directory);
  for (const { name, reason } of absent) note(`SKIPPED: ${name} does not work here: ${reason}\n`);
  note(`${circumstances(options, peers).join("\n")}\n`);
  const samples = await runAll({
    scale,
    groups: (options.smoke ? planTrial : planGroups)(options.workloads, peers),
    runs,
    directory,
    measured: (run, contender, figures) => note(`${run}/${runs} ${contender}: ${figuresText(figures)}\n`),
  });
  const metrics = options.workloads.flatMap((workload) => workload.metrics);
  const lines = compare(samples, metrics, peers);
  note(`\n${tableText(comparisonTable(lines, peers))}`);
  if (options.smoke) note("This was a trial run: its figures mean nothing.\n");
  if (options.docs !== undefined) await document(options.docs, options, lines, peers);
  if (options.json) process.stdout.write(`${JSON.stringify(comparisonJson(lines), null, 2)}\n`);
});

function circumstances({ scale, runs }: BenchOptions, peers: readonly PeerName[]): readonly string[] {
  return [machineText(), scaleText(scale, runs), `peers: ${peersText(peers) || "none"}`];
}

function figuresText(figures: Figures): string {
  const known = workloads.flatMap(({ metrics }) => metrics).filter(({ id }) => figures[id] !== undefined);
  return known.map(({ id, unit }) => `${id} ${formatFigure(figures[id]!, unit)}`).join(", ");
}

async function document(
  docs: string,
  options: BenchOptions,
  lines: readonly Line[],
  peers: readonly PeerName[],
): Promise<void> {
  const plot = "peers.svg";
  const head = circumstances(options, peers).join("  \n");
  const text = `${head}\n\n![kvts beside other stores](${plot})\n\n${tableMarkdown(comparisonTable(lines, peers))}`;
  await writeSection(join(docs, "performance.md"), "peers", text);
  await writeFile(join(docs, plot), peersDrawing(lines, peers));
}
