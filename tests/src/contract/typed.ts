import { json, type LiveScanOptions, type TuplePrefix, type TypedRange, text, tuple } from "@kvts/common";
import { expect, test } from "vitest";
import { z } from "zod";
import { fails, type Subject, uniqueKey } from "./subject.ts";

const User = z.object({ name: z.string() });

/** Views with types of their own. */
export function typedTests(subject: Subject): void {
  test("a typed view writes and reads values of its type, by every call", async () => {
    const users = subject.shared.store.with({ value: json<{ name: string }>() });
    const key = uniqueKey();
    const [ada, bob, cyd] = ["Ada", "Bob", "Cyd"].map((name) => ({ name }));
    await users.put(key, ada!, { timestamp: 100 });
    await users.write([
      { op: "put", key, value: bob!, timestamp: 200, expiresAt: 9e15 },
      { op: "put", key: `${key}2`, value: cyd!, timestamp: 150 },
      { op: "delete", key: `${key}2`, timestamp: 300 },
    ]);
    expect(await users.get(key)).toMatchObject({ key, value: bob, timestamp: 200, expiresAt: 9e15 });
    expect(await users.get(key, { asOf: 150 })).toMatchObject({ key, value: ada, timestamp: 100 });
    expect(await users.getMany([`${key}2`, key], { asOf: 250 })).toMatchObject([{ value: cyd }, { value: bob }]);
    expect(await users.get(`${key}2`)).toBeUndefined();
    expect(await users.history(`${key}2`).toArray()).toMatchObject([{ deleted: true, timestamp: 300 }, { value: cyd }]);
    const values = [];
    for await (const entry of users.scan({ prefix: key }, { asOf: 250 })) values.push(entry.value);
    expect(values).toEqual([bob, cyd]);
    expect(await users.scan({ start: key, end: `${key}2` }).toArray()).toMatchObject([{ value: bob }]);
    await users.delete(key);
    expect(await users.get(key)).toBeUndefined();
    // The bytes are JSON, for everybody else.
    expect((await subject.shared.store.get(key, { asOf: 150 }))?.text()).toBe('{"name":"Ada"}');
  });

  test("a value that its validator refuses changes nothing, in a batch too", async () => {
    const { store } = subject.shared;
    const users = store.with({ value: json(User) });
    const key = uniqueKey();
    const bad = { name: 5 } as never;
    await fails(() => users.put(key, bad), "INVALID_ARGUMENT");
    const batch = [
      { op: "put", key, value: { name: "Ada" } },
      { op: "put", key, value: bad },
    ] as const;
    await expect(users.write(batch)).rejects.toMatchObject({ code: "INVALID_ARGUMENT", details: { operation: 1 } });
    expect(await store.get(key)).toBeUndefined();
    await store.put(key, "no JSON");
    await fails(() => users.get(key), "INVALID_ARGUMENT");
    await fails(() => users.scan({ prefix: key }).toArray(), "INVALID_ARGUMENT");
  });

  test("tuple keys order by their parts, and a prefix is whole parts", async () => {
    const first = uniqueKey();
    const prices = subject.shared.store.with({ keys: tuple<[string, string, number]>(), value: text() });
    for (const [stock, day] of [
      ["b", 1],
      ["a", 10],
      ["a", -1],
      ["a", 9],
      ["ab", 0],
    ] as const) {
      await prices.put([first, stock, day], `${stock}${day}`);
    }
    type Prices = TypedRange<[string, string, number], TuplePrefix<[string, string, number]>>;
    const scanned = async (range: Prices, options?: LiveScanOptions) =>
      (await prices.scan(range, options).toArray()).map(({ value }) => value);
    expect(await scanned({ prefix: [first] })).toEqual(["a-1", "a9", "a10", "ab0", "b1"]);
    expect(await scanned({ prefix: [first, "a"] })).toEqual(["a-1", "a9", "a10"]);
    expect(await scanned({ start: [first, "a", 9], end: [first, "b"] })).toEqual(["a9", "a10", "ab0"]);
    expect(await scanned({ prefix: [first, "a"] }, { reverse: true, limit: 1 })).toEqual(["a10"]);
    expect((await prices.get([first, "a", 9]))?.key).toEqual([first, "a", 9]);
  });

  test("a watch brings values and keys of the types, until it is closed", async () => {
    const first = uniqueKey();
    const keys = tuple<[string, number]>();
    const users = subject.shared.store.with({ keys, value: json<{ name: string }>() });
    const { seq } = await users.put([first, 1], { name: "Ada" }, { timestamp: 100 });
    const watch = users.watch({ prefix: [first] }, { afterSeq: seq - 1 });
    await users.delete([first, 2], { timestamp: 200 });
    const { seq: last } = await users.retract([first, 1], 100);
    expect([...(await watch.nextv(1)), ...(await watch.nextv(1)), ...(await watch.nextv(1))]).toMatchObject([
      { seq, items: [{ key: [first, 1], value: { name: "Ada" }, timestamp: 100 }] },
      { items: [{ key: [first, 2], deleted: true }] },
      { seq: last, items: [{ op: "retract", key: [first, 1], timestamp: 100 }] },
    ]);
    const waiting = watch.nextv(1);
    await watch.close();
    expect(await waiting).toEqual([]);
    // One after the other as they come: iterating waits for no more than the next.
    await users.put([first, 3], { name: "Cyd" });
    for await (const { items, initial } of users.watch({ prefix: [first] }, { initial: true })) {
      expect([initial, items]).toMatchObject([true, [{ key: [first, 3], value: { name: "Cyd" } }]]);
      break;
    }
    const abort = new AbortController();
    const aborted = users.watch({ prefix: [first] }, { signal: abort.signal }).nextv(1);
    abort.abort();
    await fails(() => aborted, "CANCELLED");
  });

  test("settings that are no types are refused", () => {
    const { store } = subject.shared;
    for (const bad of [{ value: {} }, { value: json }, { keys: {}, value: text() }, { value: text(), format: 1 }]) {
      expect(() => store.with(bad as never)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    }
  });
}
