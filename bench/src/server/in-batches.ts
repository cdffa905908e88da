import type { Dataset } from "../dataset/dataset.ts";
import type { Written } from "./contender.ts";

/** How many batches are under way while a server is loaded. */
const underWay = 4;

/** Hands all entries of a dataset to `write`, in the order of loading. */
export async function inBatches(
  dataset: Dataset,
  size: number,
  write: (batch: readonly Required<Written>[]) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const loader = async (): Promise<void> => {
    while (next < dataset.entries) {
      const from = next;
      next = Math.min(dataset.entries, from + size);
      await write(Array.from({ length: next - from }, (_, at) => entryAt(dataset, from + at)));
    }
  };
  await Promise.all(Array.from({ length: underWay }, loader));
}

function entryAt(dataset: Dataset, place: number): Required<Written> {
  const { index, version } = dataset.loaded(place);
  return {
    key: dataset.key(index),
    value: dataset.value(index, version),
    timestamp: dataset.timestamp(index, version),
  };
}
