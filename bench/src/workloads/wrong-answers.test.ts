import { expect, it } from "vitest";
import type { SyncReads } from "../stores/contender.ts";
import { memoryBench } from "../testing/memory-bench.ts";
import { MemoryStore } from "../testing/memory-store.ts";
import { WrongAnswer } from "./answers.ts";
import { findWorkload } from "./catalogue.ts";

const reading = ["W3", "W4", "W5", "W6", "W10", "W9"];

it.each(reading)("%s counts a store that answers right", async (id) => {
  const figures = await findWorkload(id).run(await memoryBench(new MemoryStore()));
  expect(figures[id]).toBeGreaterThan(0);
});

const flipped = (value: Uint8Array | undefined) => value?.map((byte, at) => (at === 20 ? byte ^ 1 : byte));

const lies: [string, string, (truth: SyncReads) => Partial<SyncReads>][] = [
  ["W3", "an older version", (truth) => ({ newest: (key) => truth.history(key)[1] })],
  ["W3", "nothing", () => ({ newest: () => undefined })],
  ["W3", "a damaged value", (truth) => ({ newest: (key) => flipped(truth.newest(key)) })],
  ["W4", "the newest version at any moment", (truth) => ({ asOf: (key) => truth.newest(key) })],
  ["W5", "a history without its end", (truth) => ({ history: (key) => truth.history(key).slice(0, -1) })],
  ["W5", "a history the other way round", (truth) => ({ history: (key) => truth.history(key).toReversed() })],
  ["W6", "a row too few", (truth) => ({ scan: (...range) => truth.scan(...range).slice(1) })],
  ["W6", "rows of another moment", (truth) => ({ scan: (start, end) => truth.scan(start, end, 2 ** 53 - 1) })],
  ["W10", "a neighbour", (truth) => ({ newest: (key) => truth.scan("user:", key, 2 ** 53 - 1).at(-1)?.value })],
  ["W9", "what was before the last puts", (truth) => ({ newest: (key) => truth.history(key).at(-1) })],
];

it.each(lies)("%s fails a store that answers with %s", async (id, _, lie) => {
  const bench = await memoryBench(new MemoryStore(lie));
  await expect(findWorkload(id).run(bench)).rejects.toThrow(WrongAnswer);
});
