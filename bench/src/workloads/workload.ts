import type { Dataset } from "../dataset/dataset.ts";
import type { Durability, OpenContender } from "../stores/contender.ts";
import type { Metric } from "./metric.ts";

/**
 * What a workload finds in its directory: nothing; nothing, and it leaves a loaded store there; that loaded store, not to
 * be changed; a copy of it, to do with as it likes; a store whose process was killed with full logs.
 */
export type Stage = "empty" | "load" | "loaded" | "copied" | "killed";

/** One kind of work, measured in a process of its own. */
export interface Workload {
  readonly id: string;
  readonly stage: Stage;
  readonly metrics: readonly Metric[];
  /** @throws WrongAnswer */
  run(bench: Bench): Promise<Figures>;
}

/** Values by metric id; a store need not have all of them. */
export type Figures = Readonly<Record<string, number>>;

/** What a workload has to work with. */
export interface Bench {
  readonly directory: string;
  readonly dataset: Dataset;
  /** The dataset's keys by index. */
  readonly keys: readonly string[];
  /** How long to measure what can go on for any time. */
  readonly seconds: number;
  /** Opens the store to be measured, in the directory or in a new one below it. */
  open(options: BenchOpenOptions): Promise<OpenContender>;
}

export interface BenchOpenOptions {
  readonly durability: Durability;
  readonly below?: string;
  /** As in `ContenderOptions`. */
  readonly keepsLogs?: boolean;
}
