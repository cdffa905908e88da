import type { CompactionJob, CompactionResult, CompactionRunner } from "../../compaction/job.ts";
import type { Scheduler } from "../../env/scheduler.ts";
import type { Random } from "../random.ts";
import type { ActivityWatch } from "./activity.ts";

/** Milliseconds at most that a job waits for the worker, and its answer for the store. */
const WAITS_MS_MAX: readonly number[] = [0, 0, 1, 50];

export interface SimulatedRunnerOptions {
  readonly scheduler: Scheduler;
  readonly watch: ActivityWatch;
  /** How often a worker dies with a job: before it has begun, or when all is written and nobody has been told. */
  readonly deathShare: number;
  /** Told of a death. */
  readonly died: () => void;
}

/** Runs jobs as a worker does: some time after they were asked for, and now and then to no avail. */
export class SimulatedRunner implements CompactionRunner {
  readonly #inner: CompactionRunner;
  readonly #random: Random;
  readonly #options: SimulatedRunnerOptions;
  readonly #waitMsMax: number;

  constructor(inner: CompactionRunner, random: Random, options: SimulatedRunnerOptions) {
    this.#inner = inner;
    this.#random = random.fork();
    this.#options = options;
    this.#waitMsMax = this.#random.pick(WAITS_MS_MAX);
  }

  async run(job: CompactionJob): Promise<CompactionResult> {
    const { watch } = this.#options;
    const end = watch.begin(job);
    try {
      await this.#wait();
      this.#mayDie();
      const result = await this.#inner.run(job);
      this.#mayDie();
      await this.#wait();
      return result;
    } finally {
      end();
    }
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #wait(): Promise<void> {
    return this.#options.scheduler.delay(this.#random.below(this.#waitMsMax + 1));
  }

  #mayDie(): void {
    if (!this.#random.chance(this.#options.deathShare)) return;
    this.#options.died();
    throw new Error("the compaction worker ended");
  }
}
