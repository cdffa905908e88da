import type { DatasetOptions } from "../dataset/dataset.ts";
import type { ContenderName } from "../stores/registry.ts";
import type { Figures } from "../workloads/workload.ts";

/** How much is measured, for all stores alike. */
export interface Scale {
  readonly dataset: DatasetOptions;
  readonly seconds: number;
  /** The memory budget that every store is given. */
  readonly memoryBytes: number;
}

/** What a child process is to do with one store. */
export interface Task extends Scale {
  readonly contender: ContenderName;
  /** `measure`: the workload. `probe`: see that the store works here. `fill`: fill its logs and wait to be killed. */
  readonly jobs: readonly Job[];
}

export type Job = { readonly directory: string } & (
  | { readonly kind: "measure"; readonly workload: string }
  | { readonly kind: "probe" }
  | { readonly kind: "fill" }
);

export type Reply =
  | { readonly kind: "done"; readonly figures: Figures }
  | { readonly kind: "failed"; readonly reason: string };
