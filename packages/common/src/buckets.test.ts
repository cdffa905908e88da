import { expect, test } from "vitest";
import { aggregateEntries, aggregateSync, numberOf, parseStep } from "./buckets.ts";
import { utf8 } from "./bytes.ts";
import { entriesOf } from "./entries.ts";
import { makeEntry, makeTombstone } from "./entry.ts";
import type { AggregateOptions, Bucket, HistoryOptions, Version } from "./store.ts";

const put = (timestamp: number, value: string): Version =>
  makeEntry({ key: "k", value: utf8(value), timestamp, seq: timestamp });

/** Both ways to aggregate, which have to agree. */
async function aggregated(versions: readonly Version[], options: AggregateOptions): Promise<readonly Bucket[]> {
  const buckets = await aggregateEntries(() => entriesOf(versions), options).toArray();
  expect([...aggregateSync(() => versions, options)]).toEqual(buckets);
  return buckets;
}

test.each([
  ["0", 0],
  ["-0", 0],
  ["12.50", 12.5],
  [" \n1e3\t", 1000],
  ["-1.5E-2", -0.015],
  ["5e-324", 5e-324],
])("%j is a number", (text, number) => {
  expect(Object.is(numberOf(utf8(text)), number)).toBe(true);
});

test.each([
  ["", "+1", ".5", "1.", "007", "0x10", "1e400", "NaN", "Infinity", "true", '"5"', "1 2", "1_000", "\ufeff1"],
])("%j is none", (text) => {
  expect(numberOf(utf8(text))).toBeUndefined();
});

test("bytes that are no text, and texts without end, are no numbers", () => {
  expect(numberOf(Uint8Array.of(0xff))).toBeUndefined();
  expect(numberOf(utf8("1".repeat(1025)))).toBeUndefined();
});

test("buckets begin at multiples of the step; what is in none of them is left out", async () => {
  const versions = [
    put(9, "1"),
    put(10, "4"),
    makeTombstone("k", 11, 11),
    put(12, "no"),
    put(19, "2"),
    put(30, "x"),
    put(45, "7"),
  ];
  expect(await aggregated(versions, { step: 10 })).toEqual([
    { timestamp: 0, count: 1, skipped: 0, first: 1, last: 1, min: 1, max: 1, mean: 1 },
    { timestamp: 10, count: 2, skipped: 1, first: 4, last: 2, min: 2, max: 4, mean: 3 },
    { timestamp: 40, count: 1, skipped: 0, first: 7, last: 7, min: 7, max: 7, mean: 7 },
  ]);
});

test("the history is asked for oldest first, within the same moments", () => {
  let asked: HistoryOptions | undefined;
  const open = (options: HistoryOptions): Version[] => {
    asked = options;
    return [];
  };
  expect([...aggregateSync(open, { step: "1h", from: 5, to: "now", limit: 3 })]).toEqual([]);
  expect(asked).toEqual({ from: 5, to: "now", reverse: true });
});

test("a limit ends it with the bucket that is complete, however much comes after", async () => {
  const versions = Array.from({ length: 3000 }, (_, at) => put(at, String(at)));
  const buckets = await aggregated(versions, { step: 1000, limit: 2 });
  expect(buckets.map(({ timestamp, count, mean }) => [timestamp, count, mean])).toEqual([
    [0, 1000, 499.5],
    [1000, 1000, 1499.5],
  ]);
});

test("a mean loses no small numbers beside large ones, and does not overflow", async () => {
  const large = ["1e16", ...Array.from({ length: 100 }, () => "1"), "-1e16"].map((value, at) => put(at, value));
  expect((await aggregated(large, { step: 1000 }))[0]?.mean).toBe(100 / 102);
  const greatest = [put(1, "1.7e308"), put(2, "1.7e308")];
  expect((await aggregated(greatest, { step: 1000 }))[0]?.mean).toBeCloseTo(1.7e308, -300);
  const equal = [put(1, "0.1"), put(2, "0.1"), put(3, "0.1")];
  expect((await aggregated(equal, { step: 1000 }))[0]?.mean).toBe(0.1);
});

test("a step is a duration or microseconds", async () => {
  expect([parseStep("1h30m"), parseStep(1), parseStep("1us")]).toEqual([5_400_000_000, 1, 1]);
  for (const bad of [0, -1, 1.5, Number.NaN, "0s", "soon", "", undefined, null, {}, 2 ** 53]) {
    expect(() => parseStep(bad as number)).toThrow(/step must be a duration such as "1h"/);
  }
  const bad = [{ step: 0 }, { step: 1, limit: 0 }, { step: 1, every: 2 }, undefined] as unknown as AggregateOptions[];
  for (const options of bad) {
    await expect(aggregateEntries(() => entriesOf([]), options).toArray()).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    expect(() => [...aggregateSync(() => [], options)]).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  }
});

test("closing it closes the history", async () => {
  const closed: string[] = [];
  const history = Object.assign(entriesOf([put(1, "1"), put(20, "2")]), {
    close: async () => void closed.push("history"),
  });
  for await (const _ of aggregateEntries(() => history, { step: 10 })) break;
  expect(closed).toEqual(["history"]);
});
