import { json, type Store } from "@kvts/common";
import { expect, test } from "vitest";
import { fails, manyItems, type Subject, uniqueKey } from "./subject.ts";

const hour = 3_600_000_000;

/** A key's history in numbers. */
export function aggregateTests(subject: Subject): void {
  const written = async (store: Store, values: readonly (readonly [number, string])[]): Promise<string> => {
    const key = uniqueKey();
    await store.write(values.map(([timestamp, value]) => ({ op: "put", key, value, timestamp })));
    return key;
  };

  test("each step has the figures of its numbers; steps without are left out", async () => {
    const { store } = subject.shared;
    const key = await written(store, [
      [3 * hour, "7"],
      [0, "1.5"],
      [hour - 1, "-2e2"],
      [1, "n/a"],
      [hour, "5"],
      [2 * hour, "text"],
      [9 * hour, "5"],
    ]);
    await store.delete(key, { timestamp: hour + 1 });
    await store.put(key, "8", { timestamp: 9 * hour, expiresAt: 10 * hour });
    expect(await store.aggregate(key, { step: "1h" }).toArray()).toEqual([
      { timestamp: 0, count: 2, skipped: 1, first: 1.5, last: -200, min: -200, max: 1.5, mean: -99.25 },
      { timestamp: hour, count: 1, skipped: 0, first: 5, last: 5, min: 5, max: 5, mean: 5 },
      { timestamp: 3 * hour, count: 1, skipped: 0, first: 7, last: 7, min: 7, max: 7, mean: 7 },
      { timestamp: 9 * hour, count: 1, skipped: 0, first: 8, last: 8, min: 8, max: 8, mean: 8 },
    ]);
    await store.retract(key, 3 * hour);
    const rest = await store.aggregate(key, { step: 2 * hour, from: 1, to: 9 * hour - 1 }).toArray();
    expect(rest).toEqual([
      { timestamp: 0, count: 2, skipped: 1, first: -200, last: 5, min: -200, max: 5, mean: -97.5 },
    ]);
  });

  test("from and to are inclusive, and do not move where steps begin", async () => {
    const { store } = subject.shared;
    const key = await written(store, [
      [14, "1"],
      [15, "2"],
      [25, "3"],
      [26, "4"],
    ]);
    const buckets = await store.aggregate(key, { step: 10, from: 15, to: 25 }).toArray();
    expect(buckets.map(({ timestamp, count, last }) => [timestamp, count, last])).toEqual([
      [10, 1, 2],
      [20, 1, 3],
    ]);
    expect(await store.aggregate(key, { step: 10, from: 25, to: 15 }).toArray()).toEqual([]);
    expect(await store.aggregate(uniqueKey(), { step: "1d" }).toArray()).toEqual([]);
  });

  test("more steps than a page holds come in order, each once", async () => {
    const { store } = subject.shared;
    const key = uniqueKey();
    await store.write(
      Array.from({ length: manyItems * 2 }, (_, at) => ({ op: "put", key, value: String(at), timestamp: at * 5 })),
    );
    const means: number[] = [];
    for await (const { mean } of store.aggregate(key, { step: 10 })) means.push(mean);
    expect(means).toEqual(Array.from({ length: manyItems }, (_, at) => 2 * at + 0.5));
    const some = await store.aggregate(key, { step: 10, limit: 1500 }).toArray();
    expect(some.map(({ mean }) => mean)).toEqual(means.slice(0, 1500));
  });

  test("figures arrive as they are, however large or small", async () => {
    const { store } = subject.shared;
    const numbers = ["-1.7976931348623157e308", "5e-324", "0.1", "-0", "9007199254740993", "1e400"];
    const key = await written(
      store,
      numbers.map((text, at) => [at, text]),
    );
    const buckets = await store.aggregate(key, { step: 1 }).toArray();
    expect(buckets.map(({ last }) => last)).toEqual([-1.7976931348623157e308, 5e-324, 0.1, 0, 9007199254740992]);
  });

  test("views of a moment show nothing later, and typed views look at the bytes", async () => {
    const { store } = subject.shared;
    const numbers = store.with({ value: json<number>() });
    const key = uniqueKey();
    for (const [timestamp, value] of [
      [10, 1],
      [20, 2],
      [30, 3],
    ] as const) {
      await numbers.put(key, value, { timestamp });
    }
    const lasts = async (list: { toArray(): Promise<{ last: number }[]> }) =>
      (await list.toArray()).map(({ last }) => last);
    expect(await lasts(store.at(29).aggregate(key, { step: 10 }))).toEqual([1, 2]);
    expect(await lasts(store.at(29).aggregate(key, { step: 10, to: 1000, from: 20 }))).toEqual([2]);
    expect(await lasts(numbers.aggregate(key, { step: 10 }))).toEqual([1, 2, 3]);
    expect(await lasts(numbers.at(10).aggregate(key, { step: "1s" }))).toEqual([1]);
    expect(await lasts(subject.shared.bytes.aggregate(key, { step: "1s" }))).toEqual([3]);
  });

  test("what is no step, limit, time, key or option is refused", async () => {
    const { store } = subject.shared;
    const key = uniqueKey();
    for (const step of [0, -1, 1.5, "", "soon", "0s", undefined, null, Number.NaN]) {
      await fails(async () => store.aggregate(key, { step: step as number }).toArray(), "INVALID_ARGUMENT");
    }
    await fails(async () => store.aggregate(key, undefined as never).toArray(), "INVALID_ARGUMENT");
    await fails(async () => store.aggregate(key, { step: 1, limit: 0 }).toArray(), "INVALID_ARGUMENT");
    await fails(async () => store.aggregate(key, { step: 1, from: "soon" }).toArray(), "INVALID_ARGUMENT");
    await fails(async () => store.aggregate(key, { step: 1, reverse: true } as never).toArray(), "INVALID_ARGUMENT");
    await fails(async () => store.aggregate("", { step: 1 }).toArray(), "INVALID_ARGUMENT");
    await fails(async () => store.aggregate(7 as never, { step: 1 }).toArray(), "INVALID_ARGUMENT");
  });
}
