import type { Dataset } from "../dataset/dataset.ts";
import { Answers } from "./answers.ts";
import { checkStored } from "./check-stored.ts";
import type { Bench, Workload } from "./workload.ts";

export const reopenClean: Workload = {
  id: "W7",
  stage: "loaded",
  metrics: [{ id: "W7", title: "import, open and first get after a clean close", unit: "ms", target: { bound: 25 } }],
  run: async (bench) => ({ W7: await openAndGet(bench, bench.dataset.entries) }),
};

export const reopenKilled: Workload = {
  id: "W7-killed",
  stage: "killed",
  metrics: [
    {
      id: "W7-killed",
      title: "open and first get after SIGKILL with two full logs",
      unit: "ms",
      target: { bound: 1_500 },
    },
  ],
  run: async (bench) => ({ "W7-killed": await openAndGet(bench, filledEntries(bench.dataset)) }),
};

const memtableBytes = 32 * 1024 * 1024;
/** Of a memtable, beside each value. */
const besideValueBytes = 100;
const fullness = 0.95;

/** As many entries as fill two memtables of kvts and their logs, a little short of it. */
export function filledEntries({ entries, valueBytes }: Dataset): number {
  return Math.min(entries, Math.floor((2 * memtableBytes * fullness) / (valueBytes + besideValueBytes)));
}

/** `bench.open` loads the store's package, so the clock runs from before that. */
async function openAndGet(bench: Bench, stored: number): Promise<number> {
  const { dataset, keys } = bench;
  const { index, version } = dataset.loaded(0);
  const key = keys[index]!;
  const moment = dataset.timestamp(index, version);
  const start = performance.now();
  const store = await bench.open({ durability: "buffered" });
  const reads = store.sync ?? store.async!;
  const found = await reads.asOf(key, moment);
  const elapsedMs = performance.now() - start;
  new Answers(dataset).expect(found, index, version);
  await checkStored(bench, store, stored);
  await store.close();
  return elapsedMs;
}
