import type { OpenContender } from "../stores/contender.ts";
import { Answers } from "./answers.ts";
import type { Bench } from "./workload.ts";

const samples = 1000;

/** Whether the first `count` entries of the order of loading can be read back, by a sample of them. */
export async function checkStored({ dataset, keys }: Bench, store: OpenContender, count: number): Promise<void> {
  const answers = new Answers(dataset);
  const reads = store.sync ?? store.async!;
  const step = Math.max(1, Math.floor(count / samples));
  for (let place = 0; place < Math.min(count, dataset.entries); place += step) {
    const { index, version } = dataset.loaded(place);
    answers.expect(await reads.asOf(keys[index]!, dataset.timestamp(index, version)), index, version);
  }
}
