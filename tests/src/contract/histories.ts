import type { Operation } from "@kvts/common";
import { expect, test } from "vitest";
import { manyItems as many, read, type Subject, shown, uniqueKey } from "./subject.ts";

export function historyTests(subject: Subject): void {
  const store = () => subject.shared.store;
  const timestampsOf = (versions: readonly { readonly timestamp: number }[]): number[] =>
    versions.map(({ timestamp }) => timestamp);

  test("history takes bounds, a direction and a limit", async () => {
    const key = uniqueKey();
    for (const timestamp of [30, 10, 50, 20, 40]) await store().put(key, `v${timestamp}`, { timestamp });
    await store().delete(key, { timestamp: 35 });
    const timestamps = async (options: object): Promise<number[]> =>
      timestampsOf(await store().history(key, options).toArray());
    expect(await timestamps({})).toEqual([50, 40, 35, 30, 20, 10]);
    expect(await timestamps({ reverse: true })).toEqual([10, 20, 30, 35, 40, 50]);
    expect(await timestamps({ from: 20, to: 40 })).toEqual([40, 35, 30, 20]);
    expect(await timestamps({ from: 21 })).toEqual([50, 40, 35, 30]);
    expect(await timestamps({ to: 34 })).toEqual([30, 20, 10]);
    expect(await timestamps({ to: 40, limit: 2 })).toEqual([40, 35]);
    expect(await timestamps({ from: 20, limit: 2, reverse: true })).toEqual([20, 30]);
    expect(await timestamps({ from: 35, to: 35 })).toEqual([35]);
    expect(await timestamps({ from: 36, to: 39 })).toEqual([]);
    expect(await timestamps({ from: 40, to: 20 })).toEqual([]);
  });

  test(`a history of ${many} versions is whole, both ways, and readable as of every moment`, async () => {
    const key = uniqueKey();
    // Written in an order that is neither up nor down; 2,003 is prime to the number of versions.
    const order = Array.from({ length: many }, (_, i) => (i * 2_003) % many);
    for (let start = 0; start < many; start += 500) {
      await store().write(
        order
          .slice(start, start + 500)
          .map((n): Operation => ({ op: "put", key, value: `v${n}`, timestamp: 1_000 + 10 * n })),
      );
    }
    const ascending = Array.from({ length: many }, (_, i) => 1_000 + 10 * i);
    expect(timestampsOf(await store().history(key, { reverse: true }).toArray())).toEqual(ascending);
    const versions = await store().history(key).toArray();
    expect(timestampsOf(versions)).toEqual(ascending.toReversed());
    expect(shown(versions[17]!)).toBe(`${key}@${1_000 + 10 * (many - 18)}=v${many - 18}`);
    const middle = await store().history(key, { from: 6_005, to: 26_005, limit: 1_500 }).toArray();
    expect(timestampsOf(middle)).toEqual(
      ascending
        .filter((t) => t >= 6_005 && t <= 26_005)
        .toReversed()
        .slice(0, 1_500),
    );
    for (const n of [0, 1, 127, 128, 129, 1_234, many - 1]) {
      expect(await read(store(), key, 1_000 + 10 * n)).toBe(`v${n}`);
      expect(await read(store(), key, 1_009 + 10 * n)).toBe(`v${n}`);
    }
    expect(await read(store(), key, 999)).toBeUndefined();
    expect(await store().scan({ prefix: key }, { asOf: 15_555 }).toArray()).toMatchObject([{ timestamp: 15_550 }]);
    expect(timestampsOf(await store().scan({ prefix: key }).toArray())).toEqual([ascending.at(-1)]);
  });

  test("a history reads one moment of the store", async () => {
    const key = uniqueKey();
    const operations = Array.from(
      { length: many },
      (_, i): Operation => ({ op: "put", key, value: "", timestamp: 2 * i }),
    );
    await store().write(operations);
    const entries = store().history(key);
    const seen = await entries.nextv(1);
    await store().write([1, 3, 5].map((timestamp): Operation => ({ op: "put", key, value: "", timestamp })));
    await store().delete(key, { timestamp: 0 });
    seen.push(...(await entries.toArray()));
    expect(seen).toHaveLength(many);
    expect(seen.at(-1)?.deleted).toBeUndefined();
  });
}
