import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Dataset } from "./dataset/dataset.ts";
import { machineText } from "./report/circumstances.ts";
import { writeSection } from "./report/document.ts";
import { tableMarkdown, tableText } from "./report/table.ts";
import { runProgram } from "./run/program.ts";
import { scratchDirectory } from "./run/scratch.ts";
import type { Contender, Running } from "./server/contender.ts";
import { drive } from "./server/drive.ts";
import { foreignWorkloads } from "./server/foreign.ts";
import { type KvtsRunning, kvts } from "./server/kvts.ts";
import { parseServerOptions, type ServerBenchOptions, serverUsage } from "./server/options.ts";
import { Figures, serverJson, serverTable } from "./server/report.ts";
import { workloads } from "./server/workloads.ts";

type Note = (text: string) => void;

/**
 * Measures servers, each in a process of its own, under load from this one; kvts and its peers take turns in each run.
 * Progress and table go to stderr, what programs read to stdout.
 */
runProgram(serverUsage, async (args, note) => {
  const options = parseServerOptions(args);
  const dataset = new Dataset({ ...options, order: "random" });
  const directory = scratchDirectory(options.directory);
  const figures = new Figures();
  for (let run = 1; run <= options.runs; run++) {
    for (const contender of [kvts, ...options.peers]) {
      await measure(contender, dataset, join(directory, `${contender.name}-${run}`), options, figures, note);
    }
  }
  const table = serverTable(figures);
  note(`\n${tableText(table)}`);
  const circumstances = `${machineText()}  \n${dataset.keys} keys × ${dataset.versions} versions × ${dataset.valueBytes} B over loopback, ${options.seconds} s a measurement, median of ${options.runs}`;
  if (options.docs !== undefined) {
    await writeSection(join(options.docs, "performance.md"), "servers", `${circumstances}\n\n${tableMarkdown(table)}`);
  }
  if (options.json) process.stdout.write(`${JSON.stringify(serverJson(figures), null, 2)}\n`);
});

async function measure(
  contender: Contender,
  dataset: Dataset,
  directory: string,
  options: ServerBenchOptions,
  figures: Figures,
  note: Note,
): Promise<void> {
  let running: Running;
  await mkdir(directory, { recursive: true });
  try {
    running = await contender.start(directory);
  } catch (error) {
    if (contender === kvts) throw error;
    note(`without ${contender.name}: ${(error as Error).message.split("\n", 1)[0]}\n`);
    return;
  }
  try {
    await running.load(dataset);
    const client = await running.connect();
    for (const workload of workloads) {
      const driven = await drive(workload, client, dataset, options.seconds);
      if (driven === undefined) continue;
      figures.add(workload.metric, contender.name, driven.perSecond);
      const { perSecond, p99Ms } = driven;
      note(`${contender.name}: ${workload.metric.title}: ${Math.round(perSecond)}/s, p99 ${p99Ms.toFixed(2)} ms\n`);
    }
    await client.close();
    if (contender === kvts && options.foreign)
      await measureForeign(running as KvtsRunning, dataset, directory, options, figures, note);
  } finally {
    await running.stop();
  }
}

async function measureForeign(
  server: KvtsRunning,
  dataset: Dataset,
  directory: string,
  { seconds }: ServerBenchOptions,
  figures: Figures,
  note: Note,
): Promise<void> {
  for (const { metric, measure } of foreignWorkloads) {
    try {
      const perSecond = await measure(server, dataset, `${directory}-load`, seconds);
      figures.add(metric, kvts.name, perSecond);
      note(`kvts: ${metric.title}: ${Math.round(perSecond)}/s\n`);
    } catch (error) {
      note(`without ${metric.title}: ${(error as Error).message.split("\n", 1)[0]}\n`);
    }
  }
}
