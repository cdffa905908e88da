import type { Dataset } from "../dataset/dataset.ts";
import { Answers } from "../workloads/answers.ts";
import type { Metric } from "../workloads/metric.ts";
import type { Client } from "./contender.ts";
import { Random } from "./random.ts";

/** What one worker does again and again. Answers are held against the dataset as they come. */
export interface Workload {
  readonly metric: Metric;
  /** Workers that each wait for their answer before they ask again. */
  readonly inFlight: number;
  /** Puts or gets that one step stands for. */
  readonly perStep: number;
  /** Undefined where the server has no way to do it. */
  step(client: Client, dataset: Dataset): (() => Promise<void>) | undefined;
}

const batchSize = 100;

export const workloads: readonly Workload[] = [
  {
    metric: rate("put", "durable put, 64 in flight", 90_000),
    inFlight: 64,
    perStep: 1,
    step(client, dataset) {
      const random = new Random();
      return async () => {
        const index = random.below(dataset.keys);
        await client.put({ key: `put:${dataset.key(index)}`, value: dataset.value(index, 0) });
      };
    },
  },
  {
    metric: rate("batch", `durable puts in batches of ${batchSize}, 16 in flight`, 300_000),
    inFlight: 16,
    perStep: batchSize,
    step({ putBatch }, dataset) {
      if (putBatch === undefined) return undefined;
      const random = new Random();
      return async () => {
        const batch = Array.from({ length: batchSize }, () => {
          const index = random.below(dataset.keys);
          return { key: `batch:${dataset.key(index)}`, value: dataset.value(index, 0) };
        });
        await putBatch(batch);
      };
    },
  },
  {
    metric: rate("get", "get newest, 64 in flight", 150_000),
    inFlight: 64,
    perStep: 1,
    step(client, dataset) {
      const random = new Random();
      const answers = checkOf(dataset);
      return async () => {
        const index = random.below(dataset.keys);
        answers.expect(await client.newest(dataset.key(index)), index, dataset.versions - 1);
      };
    },
  },
  {
    metric: rate("as-of", "get as of a random moment, 64 in flight", 130_000),
    inFlight: 64,
    perStep: 1,
    step({ asOf }, dataset) {
      if (asOf === undefined) return undefined;
      const random = new Random();
      const answers = checkOf(dataset);
      return async () => {
        const index = random.below(dataset.keys);
        const moment = dataset.moment(random.next());
        answers.expect(await asOf(dataset.key(index), moment), index, dataset.versionAt(index, moment));
      };
    },
  },
  {
    metric: rate("history", "history of a key, 64 in flight", 40_000),
    inFlight: 64,
    perStep: 1,
    step({ history }, dataset) {
      if (history === undefined) return undefined;
      const random = new Random();
      const answers = checkOf(dataset);
      return async () => {
        const index = random.below(dataset.keys);
        const found = await history(dataset.key(index));
        answers.expectCount(found.length, dataset.versions, "versions");
        for (const [at, value] of found.entries()) answers.expect(value, index, dataset.versions - 1 - at);
      };
    },
  },
];

function rate(id: string, title: string, bound: number): Metric {
  return { id, title, unit: "per second", target: { bound } };
}

function checkOf(dataset: Dataset): Answers {
  const answers = new Answers(dataset);
  answers.isThorough = false;
  return answers;
}
