import { expect, test } from "vitest";
import { inParallel, read, type Subject, uniqueKey } from "./subject.ts";

const increasing = (numbers: readonly number[]): boolean => numbers.every((n, i) => i === 0 || n > numbers[i - 1]!);

export function writeTests(subject: Subject): void {
  const store = () => subject.shared.store;

  test("results one after the other: seqs and assigned timestamps grow, near the clock", async () => {
    const key = uniqueKey();
    const results = [];
    for (let i = 0; i < 20; i++) {
      results.push(i % 5 === 4 ? await store().delete(key) : await store().put(key, String(i)));
    }
    expect(increasing(results.map(({ seq }) => seq))).toBe(true);
    expect(increasing(results.map(({ timestamp }) => timestamp))).toBe(true);
    expect(Math.abs(results[0]!.timestamp / 1000 - Date.now())).toBeLessThan(60_000);
    const versions = await store().history(key, { reverse: true }).toArray();
    expect(versions.map(({ timestamp, seq }) => ({ timestamp, seq }))).toEqual(results);
  });

  test("a given timestamp is the result's, and does not move the assigned ones", async () => {
    const key = uniqueKey();
    const before = await store().put(key, "a");
    expect((await store().put(key, "b", { timestamp: 5 })).timestamp).toBe(5);
    const { timestamp } = await store().put(key, "c", { timestamp: "+3m" });
    const after = await store().put(key, "d");
    expect(after.timestamp).toBeGreaterThan(before.timestamp);
    expect(after.timestamp).toBeLessThan(timestamp);
  });

  test("a write is seen by the reads that begin after it", async () => {
    const key = uniqueKey();
    for (let i = 0; i < 50; i++) {
      await store().put(key, String(i));
      expect(await read(store(), key)).toBe(String(i));
    }
  });

  test("writes made together have seqs and assigned timestamps of their own", async () => {
    const prefix = uniqueKey();
    const results = await inParallel(300, (i) => store().put(`${prefix}${i % 7}`, String(i)));
    expect(new Set(results.map(({ seq }) => seq)).size).toBe(300);
    expect(new Set(results.map(({ timestamp }) => timestamp)).size).toBe(300);
    for (let k = 0; k < 7; k++) {
      const own = results.map((result, i) => ({ ...result, i })).filter(({ i }) => i % 7 === k);
      const newest = own.reduce((a, b) => (b.timestamp > a.timestamp ? b : a));
      expect(await store().get(`${prefix}${k}`)).toMatchObject({ timestamp: newest.timestamp, seq: newest.seq });
      expect(await read(store(), `${prefix}${k}`)).toBe(String(newest.i));
      expect(await store().history(`${prefix}${k}`).toArray()).toHaveLength(own.length);
    }
  });

  test("of writes made together to one key and timestamp, the one with the highest seq stays", async () => {
    const key = uniqueKey();
    const results = await inParallel(50, (i) => store().put(key, String(i), { timestamp: 9 }));
    const seqs = results.map(({ seq }) => seq);
    const last = seqs.indexOf(Math.max(...seqs));
    expect(await store().get(key)).toMatchObject({ timestamp: 9, seq: seqs[last] });
    expect(await read(store(), key)).toBe(String(last));
    expect(await store().history(key).toArray()).toHaveLength(1);
  });

  test("a request id is taken with every write", async () => {
    const key = uniqueKey();
    await store().put(key, "a", { requestId: "r" });
    await store().delete(key, { requestId: "x".repeat(128) });
    await store().write([{ op: "put", key, value: "b" }], { requestId: "é" });
    expect(await read(store(), key)).toBe("b");
  });

  test("bytes belong to the caller, before and after", async () => {
    const key = uniqueKey();
    const value = Buffer.from("value");
    const keyBytes = Buffer.from(key);
    await subject.shared.bytes.put(keyBytes, value, { timestamp: 1 });
    value.fill(0x2a);
    keyBytes.fill(0x2a);
    const entry = (await subject.shared.bytes.get(key))!;
    expect(entry.text()).toBe("value");
    entry.value.fill(0);
    entry.key.fill(0);
    const [version] = await subject.shared.bytes.history(key).toArray();
    version!.key.fill(0);
    if (version?.deleted !== true) version?.value.fill(0);
    expect(await read(store(), key)).toBe("value");
    expect((await store().scan({ prefix: key }).toArray()).map((each) => each.key)).toEqual([key]);
  });
}
