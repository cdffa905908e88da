import { expect, it } from "vitest";
import { Dataset } from "../dataset/dataset.ts";
import { PutChunk } from "./put-chunk.ts";

const dataset = new Dataset({ keys: 5, versions: 2, valueBytes: 32, order: "random" });
const keys = Array.from({ length: 5 }, (_, index) => dataset.key(index));

it("holds the entries at the places asked for, beginning again at the end", () => {
  const chunk = new PutChunk(dataset, keys, 4);
  const puts = chunk.prepare(8);
  expect(puts).toHaveLength(4);
  for (const [at, put] of puts.entries()) {
    const { index, version } = dataset.loaded((8 + at) % 10);
    expect(put.key).toBe(keys[index]);
    expect(put.timestamp).toBe(dataset.timestamp(index, version));
    expect(put.value).toEqual(dataset.value(index, version));
  }
});

it("holds fewer where fewer are asked for", () => {
  expect(new PutChunk(dataset, keys, 4).prepare(0, 3)).toHaveLength(3);
});
