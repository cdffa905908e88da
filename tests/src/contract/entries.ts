import type { Operation } from "@kvts/common";
import { beforeAll, expect, test } from "vitest";
import { manyItems as many, type Subject, uniqueKey } from "./subject.ts";

/** Lists read in pieces, together, side by side, and left before their end. */
export function entriesTests(subject: Subject): void {
  const store = () => subject.shared.store;
  const prefix = uniqueKey();
  const keys = Array.from({ length: many }, (_, i) => prefix + String(i).padStart(6, "0"));

  beforeAll(async () => {
    await store().write(keys.map((key): Operation => ({ op: "put", key, value: "v", timestamp: 5 })));
  });

  test("a loop can be left at any item, and the list is then at its end", async () => {
    for (const stop of [0, 1, 300]) {
      const entries = store().scan({ prefix });
      const seen: string[] = [];
      for await (const { key } of entries) {
        seen.push(key);
        if (seen.length > stop) break;
      }
      expect(seen).toEqual(keys.slice(0, stop + 1));
      expect(await entries.nextv(10)).toEqual([]);
      expect(await entries.toArray()).toEqual([]);
    }
  });

  test("a closed list is at its end, read before or not", async () => {
    for (const count of [0, 1, 1_000]) {
      const entries = store().scan({ prefix });
      if (count > 0) expect((await entries.nextv(count)).length).toBeGreaterThan(0);
      await entries.close();
      await entries.close();
      expect(await entries.nextv(1)).toEqual([]);
    }
    await using disposed = store().history(keys[0]!);
    expect(await disposed.nextv(5)).toHaveLength(1);
    expect(await disposed.nextv(5)).toEqual([]);
  });

  test("pieces asked for together are given each item once, in order", async () => {
    const entries = store().scan({ prefix });
    const pieces = await Promise.all([900, 1, 700, 2_000].map((count) => entries.nextv(count)));
    const rest = await entries.toArray();
    expect([...pieces.flat(), ...rest].map(({ key }) => key)).toEqual(keys);
  });

  test("two lists run side by side", async () => {
    const [forward, backward] = [store().scan({ prefix }), store().scan({ prefix }, { reverse: true })];
    const [up, down] = await Promise.all([forward.toArray(), backward.toArray()]);
    expect(up.map(({ key }) => key)).toEqual(down.map(({ key }) => key).reverse());
  });

  test("an empty store lists nothing", async () => {
    await using fresh = await subject.fresh();
    expect(await fresh.store.scan().toArray()).toEqual([]);
    expect(await fresh.store.scan({}, { reverse: true, includeDeleted: true }).toArray()).toEqual([]);
    expect(await fresh.store.history("k").toArray()).toEqual([]);
    expect(await fresh.store.getMany(["a", "b"])).toEqual([undefined, undefined]);
    for await (const _ of fresh.store.scan()) expect.unreachable();
  });
}
