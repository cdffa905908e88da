import { fileURLToPath } from "node:url";
import { type BenchOptions, parseOptions, usage } from "./options.ts";
import { machineText, peersText, scaleText } from "./report/circumstances.ts";
import { compare, type Line } from "./report/compare.ts";
import { writeSection } from "./report/document.ts";
import { formatFigure } from "./report/format.ts";
import { comparisonJson } from "./report/json.ts";
import { comparisonTable, tableMarkdown, tableText } from "./report/table.ts";
import { findPeers } from "./run/find-peers.ts";
import { planGroups, planTrial } from "./run/plan.ts";
import { runAll } from "./run/run-all.ts";
import { scratchDirectory } from "./run/scratch.ts";
import type { PeerName } from "./stores/registry.ts";
import { workloads } from "./workloads/catalogue.ts";
import type { Figures } from "./workloads/workload.ts";

const page = fileURLToPath(new URL("../../docs/performance.md", import.meta.url));

/** Compares kvts with its peers: progress and the table go to stderr, what programs read to stdout. */
async function main(): Promise<void> {
  if (process.argv.includes("--help")) return void process.stdout.write(usage);
  const options = parseOptions(process.argv.slice(2));
  const directory = scratchDirectory(options.directory);
  const peers = await choosePeers(options, directory);
  const metrics = options.workloads.flatMap((workload) => workload.metrics);
  note(`${circumstances(options, peers).join("\n")}\n`);
  const samples = await runAll({
    scale: options.scale,
    groups: (options.smoke ? planTrial : planGroups)(options.workloads, peers),
    runs: options.runs,
    directory,
    measured: (run, contender, figures) => note(progress(`${run}/${options.runs} ${contender}`, figures)),
  });
  await report(options, compare(samples, metrics, peers), peers);
}

async function choosePeers({ peers, scale }: BenchOptions, directory: string): Promise<readonly PeerName[]> {
  const { present, absent } = await findPeers(peers, scale, directory);
  for (const { name, reason } of absent) note(`SKIPPED: ${name} does not work here: ${reason}\n`);
  return present;
}

async function report(options: BenchOptions, lines: readonly Line[], peers: readonly PeerName[]): Promise<void> {
  const table = comparisonTable(lines, peers);
  note(`\n${tableText(table)}`);
  if (options.smoke) note("This was a trial run: its figures mean nothing.\n");
  if (options.json) process.stdout.write(`${JSON.stringify(comparisonJson(lines), null, 2)}\n`);
  if (options.docs) {
    const text = `${circumstances(options, peers).join("  \n")}\n\n${tableMarkdown(table)}`;
    await writeSection(page, "peers", text);
    note(`written to ${page}\n`);
  }
}

function circumstances({ scale, runs }: BenchOptions, peers: readonly PeerName[]): readonly string[] {
  return [machineText(), scaleText(scale, runs), `peers: ${peersText(peers) || "none"}`];
}

function progress(who: string, figures: Figures): string {
  const known = workloads.flatMap(({ metrics }) => metrics).filter(({ id }) => figures[id] !== undefined);
  return `${who}: ${known.map(({ id, unit }) => `${id} ${formatFigure(figures[id]!, unit)}`).join(", ")}\n`;
}

function note(text: string): void {
  process.stderr.write(text);
}

main().catch((error: unknown) => {
  note(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
