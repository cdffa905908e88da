import type { AsyncReads, SyncReads } from "../stores/contender.ts";
import { Answers } from "./answers.ts";
import type { Metric, Target } from "./metric.ts";
import { measureRate, type Stretch } from "./pace.ts";
import type { Bench, Workload } from "./workload.ts";

/** One read, whose arguments and right answer follow from its number. */
export interface ReadKind<Sync, Async> {
  sync(reads: SyncReads, number: number): Sync;
  async(reads: AsyncReads, number: number): Promise<Async>;
  /** @throws WrongAnswer */
  check(answers: Answers, number: number, answer: Sync | Async): void;
}

export interface ReadWorkloadOptions<Sync, Async> {
  readonly id: string;
  readonly title: string;
  readonly target: Target;
  read(bench: Bench): ReadKind<Sync, Async>;
}

/** The share of the synchronous figure that the same read with promises is to reach. */
const asyncShare = 0.7;

/**
 * A read of a loaded store, reopened and warm. A store's figure is that of its synchronous reads where it has them; what
 * the same reads with promises give is a line of its own.
 */
export function readWorkload<Sync, Async>(options: ReadWorkloadOptions<Sync, Async>): Workload {
  const { id, title, target } = options;
  const asyncId = `${id}-async`;
  const shareOf = { metric: id, share: asyncShare };
  const asyncMetric: Metric = { id: asyncId, title: `${title}, awaited`, unit: "per second", target: { shareOf } };
  return {
    id,
    stage: "loaded",
    metrics: [{ id, title, unit: "per second", target }, asyncMetric],
    async run(bench) {
      const store = await bench.open({ durability: "buffered" });
      const answers = new Answers(bench.dataset);
      const read = options.read(bench);
      const figures: Record<string, number> = {};
      if (store.sync !== undefined) {
        figures[id] = await measure(bench, answers, syncStretch(read, store.sync, answers));
      }
      if (store.async !== undefined) {
        const run = asyncStretch(read, store.async, answers);
        figures[store.sync === undefined ? id : asyncId] = await measure(bench, answers, run);
      }
      await store.close();
      return figures;
    },
  };
}

function syncStretch<Sync, Async>(read: ReadKind<Sync, Async>, reads: SyncReads, answers: Answers): Stretch {
  return (from, count) => {
    for (let number = from; number < from + count; number++) {
      read.check(answers, number, read.sync(reads, number));
    }
    return undefined;
  };
}

function asyncStretch<Sync, Async>(read: ReadKind<Sync, Async>, reads: AsyncReads, answers: Answers): Stretch {
  return async (from, count) => {
    for (let number = from; number < from + count; number++) {
      read.check(answers, number, await read.async(reads, number));
    }
  };
}

/** Every byte of every answer is compared while warming up, length and tag of every answer while measuring. */
function measure({ seconds }: Bench, answers: Answers, run: Stretch): Promise<number> {
  answers.isThorough = true;
  return measureRate(run, seconds, () => {
    answers.isThorough = false;
  });
}
