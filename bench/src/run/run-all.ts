import type { ContenderName } from "../stores/registry.ts";
import type { Figures, Workload } from "../workloads/workload.ts";
import type { Group } from "./plan.ts";
import { runTask } from "./run-task.ts";
import { Samples } from "./samples.ts";
import type { Job, Scale } from "./task.ts";
import { Workspace } from "./workspace.ts";

export interface RunOptions {
  readonly scale: Scale;
  readonly groups: readonly Group[];
  readonly runs: number;
  /** Where stores are made, on the disk that is to be measured. It is removed in the end. */
  readonly directory: string;
  measured(run: number, contender: ContenderName, figures: Figures): void;
}

/**
 * Every workload with every store, as often as asked for.
 * @throws where a store fails or answers wrong: then nothing that was measured counts
 */
export async function runAll(options: RunOptions): Promise<Samples> {
  const samples = new Samples();
  await using workspace = new Workspace(options.directory, options.scale);
  for (let run = 1; run <= options.runs; run++) {
    for (const { workloads, order, once } of options.groups) {
      if (once && run > 1) continue;
      for (const contender of order) {
        const figures = await runGroup(workloads, contender, workspace, options.scale);
        samples.add(contender, figures);
        options.measured(run, contender, figures);
      }
    }
  }
  return samples;
}

async function runGroup(
  group: readonly Workload[],
  contender: ContenderName,
  workspace: Workspace,
  scale: Scale,
): Promise<Figures> {
  const ids = group.map(({ id }) => id).join(", ");
  try {
    const jobs: Job[] = [];
    for (const workload of group) {
      const directory = await workspace.prepare(workload, contender);
      jobs.push({ kind: "measure", workload: workload.id, directory });
    }
    const figures = await runTask({ ...scale, contender, jobs });
    for (const [at, workload] of group.entries()) await workspace.release(workload, contender, jobs[at]!.directory);
    return figures;
  } catch (error) {
    throw new Error(`${contender} failed at ${ids}: ${(error as Error).message}`, { cause: error });
  }
}
