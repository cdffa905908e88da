import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Dataset } from "../dataset/dataset.ts";
import type { Contender } from "../stores/contender.ts";
import { loadContender } from "../stores/registry.ts";
import { findWorkload } from "../workloads/catalogue.ts";
import { fillLogs } from "../workloads/fill-logs.ts";
import { probe } from "../workloads/probe.ts";
import type { Bench, Figures } from "../workloads/workload.ts";
import type { Job, Reply, Scale, Task } from "./task.ts";

/** The process in which one store is measured: its task comes as its only argument, its reply goes to its parent. */
async function main(task: Task): Promise<void> {
  const contender = await loadContender(task.contender);
  const figures: Record<string, number> = {};
  for (const job of task.jobs) Object.assign(figures, await perform(job, makeBench(job, task, contender)));
  reply({ kind: "done", figures });
  // A store whose logs have been filled stays open until it is killed.
  if (task.jobs.some(({ kind }) => kind === "fill")) process.once("disconnect", () => process.exit(1));
  else process.disconnect();
}

async function perform(job: Job, bench: Bench): Promise<Figures> {
  if (job.kind === "measure") return findWorkload(job.workload).run(bench);
  await (job.kind === "probe" ? probe(bench) : fillLogs(bench));
  return {};
}

function makeBench({ directory }: Job, scale: Scale, contender: Contender): Bench {
  const { seconds, memoryBytes } = scale;
  const dataset = new Dataset(scale.dataset);
  return {
    directory,
    dataset,
    keys: Array.from({ length: dataset.keys }, (_, index) => dataset.key(index)),
    seconds,
    async open({ below, ...options }) {
      const path = below === undefined ? directory : join(directory, below);
      await mkdir(path, { recursive: true });
      return contender.open({ ...options, directory: path, memoryBytes });
    },
  };
}

function reply(message: Reply): void {
  process.send?.(message);
}

main(JSON.parse(process.argv[2]!) as Task).catch((error: unknown) => {
  reply({ kind: "failed", reason: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  process.exitCode = 1;
  process.disconnect();
});
