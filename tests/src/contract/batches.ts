import { limits, type Operation } from "@kvts/common";
import { expect, test } from "vitest";
import { fails, listed, read, type Subject, uniqueKey } from "./subject.ts";

export function batchTests(subject: Subject): void {
  const store = () => subject.shared.store;

  test("operations without a timestamp share one, and have consecutive seqs up to the result's", async () => {
    const prefix = uniqueKey();
    const operations = ["a", "b", "c"].map((k): Operation => ({ op: "put", key: prefix + k, value: k }));
    const { timestamp, seq } = await store().write(operations);
    expect(await store().scan({ prefix }).toArray()).toMatchObject([
      { key: `${prefix}a`, timestamp, seq: seq - 2 },
      { key: `${prefix}b`, timestamp, seq: seq - 1 },
      { key: `${prefix}c`, timestamp, seq },
    ]);
    expect((await store().put(prefix, "next")).seq).toBeGreaterThan(seq);
  });

  test("a result's timestamp is the assigned one where one was, and the last operation's otherwise", async () => {
    const key = uniqueKey();
    const mixed = await store().write([
      { op: "put", key, value: "now" },
      { op: "put", key, value: "then", timestamp: 5 },
    ]);
    expect(await store().get(key)).toMatchObject({ timestamp: mixed.timestamp, seq: mixed.seq - 1 });
    expect(mixed.timestamp).toBeGreaterThan(5);
    const given = await store().write([
      { op: "put", key, value: "a", timestamp: 7 },
      { op: "delete", key, timestamp: 6 },
    ]);
    expect(given).toEqual({ timestamp: 6, seq: expect.any(Number) });
  });

  test("puts and deletes at times of their own, expiries too", async () => {
    const prefix = uniqueKey();
    await store().write([
      { op: "put", key: `${prefix}a`, value: "1", timestamp: 10 },
      { op: "put", key: `${prefix}a`, value: "2", timestamp: 20, expiresAt: 25 },
      { op: "delete", key: `${prefix}b`, timestamp: 15 },
      { op: "put", key: `${prefix}b`, value: "", timestamp: new Date(1) },
    ]);
    expect(await listed(store().history(`${prefix}a`))).toEqual([`${prefix}a@20=2 until 25`, `${prefix}a@10=1`]);
    expect(await listed(store().history(`${prefix}b`))).toEqual([`${prefix}b@1000=`, `${prefix}b@15 deleted`]);
  });

  test("on one key and timestamp the later operation wins", async () => {
    const key = uniqueKey();
    const put = (value: string, timestamp: number): Operation => ({ op: "put", key, value, timestamp });
    const remove = (timestamp: number): Operation => ({ op: "delete", key, timestamp });
    await store().write([put("a", 1), put("b", 1), put("c", 2), remove(2), remove(3), put("d", 3)]);
    expect(await listed(store().history(key))).toEqual([`${key}@3=d`, `${key}@2 deleted`, `${key}@1=b`]);
    const same: Operation[] = [
      { op: "put", key, value: "x" },
      { op: "delete", key },
      { op: "put", key, value: "y" },
    ];
    const { seq } = await store().write(same);
    expect(await store().get(key)).toMatchObject({ seq });
    expect(await read(store(), key)).toBe("y");
    expect(await store().history(key).toArray()).toHaveLength(4);
  });

  test("one bad operation, and nothing of the batch happens", async () => {
    const key = uniqueKey();
    const good: Operation = { op: "put", key, value: "v" };
    const bad: unknown[] = [
      { op: "put", key: "", value: "v" },
      { op: "put", key: `${key}\ud800`, value: "v" },
      { op: "put", key, value: "v", timestamp: -1 },
      { op: "put", key, value: "v", timestamp: 5, expiresAt: 5 },
      { op: "put", key, value: "v", expiresAt: 5 },
      { op: "put", key },
      { op: "merge", key, value: "v" },
      { op: "delete", key, timestmp: 5 },
      { op: "retract", key },
      undefined,
    ];
    const { seq } = await store().stats();
    for (const each of bad) {
      await fails(() => store().write([good, each as Operation, good]), "INVALID_ARGUMENT");
    }
    expect(await store().history(key).toArray()).toEqual([]);
    expect((await store().stats()).seq).toBe(seq);
  });

  test("a batch has at least one operation and at most 10,000", async () => {
    const prefix = uniqueKey();
    await fails(() => store().write([]), "INVALID_ARGUMENT");
    const count = limits.batchOperationsMax;
    const operations = Array.from(
      { length: count },
      (_, i): Operation => ({ op: "put", key: `${prefix}${i}`, value: `${i}`, timestamp: 1 }),
    );
    await fails(() => store().write([...operations, operations[0]!]), "TOO_LARGE");
    expect(await store().scan({ prefix }, { limit: 1 }).toArray()).toEqual([]);
    const { seq } = await store().write(operations);
    expect(await store().get(`${prefix}${count - 1}`)).toMatchObject({ seq });
    expect(await store().get(`${prefix}0`)).toMatchObject({ seq: seq - count + 1 });
  });

  test("a batch above 64 MiB is refused", async () => {
    const key = uniqueKey();
    const value = new Uint8Array(limits.batchBytesMax / 2);
    const operations = ["a", "b"].map((k): Operation => ({ op: "put", key: key + k, value }));
    await fails(() => store().write(operations), "TOO_LARGE");
    expect(await store().scan({ prefix: key }).toArray()).toEqual([]);
  });

  test("readers see all of a batch or nothing of it", async () => {
    const prefix = uniqueKey();
    const keys = ["a", "b", "c"].map((k) => prefix + k);
    let writing = true;
    const writer = (async () => {
      for (let i = 0; i < 60; i++) {
        await store().write(keys.map((key): Operation => ({ op: "put", key, value: String(i) })));
      }
      writing = false;
    })();
    let reads = 0;
    while (writing) {
      const together = [await store().getMany(keys), await store().scan({ prefix }).toArray()];
      for (const entries of together) {
        expect(new Set(entries.map((entry) => entry?.text())).size).toBeLessThanOrEqual(1);
      }
      reads++;
    }
    await writer;
    expect(reads).toBeGreaterThan(0);
    expect(await read(store(), keys[2]!)).toBe("59");
  });
}
