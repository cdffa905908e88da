import { PutChunk } from "./put-chunk.ts";
import { filledEntries } from "./reopen.ts";
import type { Bench } from "./workload.ts";

const batchPuts = 1000;

/** Writes what two logs hold, keeps it in logs if the store lets itself be kept, and leaves the store open: to be killed. */
export async function fillLogs(bench: Bench): Promise<void> {
  const { dataset, keys } = bench;
  const store = await bench.open({ durability: "buffered", keepsLogs: true });
  const entries = filledEntries(dataset);
  const chunk = new PutChunk(dataset, keys, batchPuts);
  for (let from = 0; from < entries; from += chunk.size) {
    await store.load([chunk.prepare(from, Math.min(chunk.size, entries - from))]);
  }
}
