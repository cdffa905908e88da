import { limits } from "@kvts/common";
import { expect, test } from "vitest";
import { listed, permutations, read, type Subject, uniqueKey } from "./subject.ts";

export function versionTests(subject: Subject): void {
  const store = () => subject.shared.store;

  test("100 → value1, 101 → value2: nothing at 99, value1 at 100, value2 at 101 and later", async () => {
    const key = uniqueKey();
    await store().put(key, "value1", { timestamp: 100 });
    await store().put(key, "value2", { timestamp: 101 });
    expect(await read(store(), key, 99)).toBeUndefined();
    expect(await read(store(), key, 100)).toBe("value1");
    expect(await read(store(), key, 101)).toBe("value2");
    expect(await read(store(), key, 102)).toBe("value2");
    expect(await read(store(), key, Date.now() * 1000)).toBe("value2");
    expect(await read(store(), key)).toBe("value2");
  });

  test("an entry is complete", async () => {
    const key = uniqueKey();
    const { seq } = await store().put(key, '{"a":1}', { timestamp: 7, expiresAt: limits.timestampMax });
    const entry = await store().get(key);
    expect(entry).toMatchObject({ key, timestamp: 7, seq, expiresAt: limits.timestampMax });
    expect(entry?.value).toBeInstanceOf(Uint8Array);
    expect(entry?.text()).toBe('{"a":1}');
    expect(entry?.json()).toEqual({ a: 1 });
    await store().put(key, "for ever", { timestamp: 8 });
    expect(Object.keys((await store().get(key))!)).not.toContain("expiresAt");
  });

  test("an absent key is undefined, newest and as of any time", async () => {
    const key = uniqueKey();
    expect(await store().get(key)).toBeUndefined();
    expect(await store().get(key, { asOf: 0 })).toBeUndefined();
    expect(await store().get(key, { asOf: limits.timestampMax })).toBeUndefined();
    expect(await store().history(key).toArray()).toEqual([]);
  });

  test("the order of arrival does not matter", async () => {
    for (const order of permutations([10, 20, 30, 40])) {
      const key = uniqueKey();
      for (const timestamp of order) {
        if (timestamp === 30) await store().delete(key, { timestamp });
        else await store().put(key, `v${timestamp}`, { timestamp });
      }
      expect(await listed(store().history(key))).toEqual([
        `${key}@40=v40`,
        `${key}@30 deleted`,
        `${key}@20=v20`,
        `${key}@10=v10`,
      ]);
      expect(await read(store(), key, 25)).toBe("v20");
      expect(await read(store(), key, 35)).toBeUndefined();
      expect(await read(store(), key)).toBe("v40");
    }
  });

  test("timestamps on both sides of 32-bit boundaries are in order", async () => {
    const key = uniqueKey();
    const timestamps = [2 ** 31, 2 ** 32, 2 ** 33, 2 ** 44, 2 ** 48].flatMap((edge) => [edge - 1, edge, edge + 1]);
    const shuffled = timestamps.map((_, i) => timestamps[(i * 7) % timestamps.length]!);
    for (const timestamp of shuffled) await store().put(key, String(timestamp), { timestamp });
    for (const timestamp of timestamps) expect(await read(store(), key, timestamp)).toBe(String(timestamp));
    expect(await read(store(), key, 2 ** 32 + 2)).toBe(String(2 ** 32 + 1));
    expect((await store().history(key).toArray()).map(({ timestamp }) => timestamp)).toEqual(timestamps.toReversed());
  });

  test("timestamp 0 is a moment like any other", async () => {
    const key = uniqueKey();
    await store().put(key, "first", { timestamp: 0 });
    expect(await read(store(), key, 0)).toBe("first");
    expect(await listed(store().history(key, { from: 0, to: 0 }))).toEqual([`${key}@0=first`]);
  });

  if (subject.farFuture === true) {
    test("the greatest timestamp is a moment like any other", async () => {
      const key = uniqueKey();
      await store().put(key, "last", { timestamp: limits.timestampMax });
      expect(await read(store(), key, limits.timestampMax - 1)).toBeUndefined();
      expect(await read(store(), key, limits.timestampMax)).toBe("last");
      expect(await read(store(), key)).toBe("last");
      expect(await store().history(key, { from: limits.timestampMax }).toArray()).toHaveLength(1);
    });
  }

  test("for one timestamp the later write wins, and the earlier is not listed", async () => {
    const key = uniqueKey();
    await store().put(key, "a", { timestamp: 50 });
    const { seq } = await store().put(key, "b", { timestamp: 50 });
    expect(await store().get(key)).toMatchObject({ seq });
    expect(await listed(store().history(key))).toEqual([`${key}@50=b`]);
  });

  test("put and delete at one timestamp: the last one counts", async () => {
    const key = uniqueKey();
    await store().put(key, "old", { timestamp: 10 });
    await store().put(key, "v", { timestamp: 50 });
    await store().delete(key, { timestamp: 50 });
    expect(await read(store(), key)).toBeUndefined();
    await store().put(key, "again", { timestamp: 50 });
    expect(await read(store(), key)).toBe("again");
    expect(await listed(store().history(key))).toEqual([`${key}@50=again`, `${key}@10=old`]);
  });

  test("a delete ends a value, and the history stays readable", async () => {
    const key = uniqueKey();
    await store().put(key, "v", { timestamp: 100 });
    const { timestamp, seq } = await store().delete(key, { timestamp: 200 });
    expect(timestamp).toBe(200);
    expect(await read(store(), key)).toBeUndefined();
    expect(await read(store(), key, 200)).toBeUndefined();
    expect(await read(store(), key, 199)).toBe("v");
    const [newest] = await store().history(key, { to: 250, limit: 1 }).toArray();
    expect(newest).toEqual({ key, timestamp: 200, seq, deleted: true });
    await store().put(key, "back", { timestamp: 300 });
    expect(await read(store(), key)).toBe("back");
    expect(await read(store(), key, 299)).toBeUndefined();
  });

  test("deleting an absent key is acknowledged, and listed", async () => {
    const key = uniqueKey();
    await store().delete(key, { timestamp: 5 });
    expect(await listed(store().history(key))).toEqual([`${key}@5 deleted`]);
    expect(await read(store(), key)).toBeUndefined();
  });

  test("a put below a tombstone holds up to it, and does not bring the key back", async () => {
    const key = uniqueKey();
    await store().delete(key, { timestamp: 100 });
    await store().put(key, "below", { timestamp: 50 });
    expect(await read(store(), key)).toBeUndefined();
    expect(await read(store(), key, 99)).toBe("below");
    expect(await read(store(), key, 100)).toBeUndefined();
  });

  test("an expired value reads as deleted: nothing older reappears, and history lists it", async () => {
    const key = uniqueKey();
    await store().put(key, "old", { timestamp: 10 });
    await store().put(key, "short", { timestamp: 20, expiresAt: 30 });
    expect(await read(store(), key, 19)).toBe("old");
    expect(await read(store(), key, 20)).toBe("short");
    expect(await read(store(), key, 29)).toBe("short");
    expect(await read(store(), key, 30)).toBeUndefined();
    expect(await read(store(), key)).toBeUndefined();
    expect(await store().scan({ prefix: key }).toArray()).toEqual([]);
    expect(await listed(store().scan({ prefix: key }, { asOf: 25 }))).toEqual([`${key}@20=short until 30`]);
    expect(await listed(store().history(key))).toEqual([`${key}@20=short until 30`, `${key}@10=old`]);
    await store().put(key, "new", { timestamp: 40 });
    expect(await read(store(), key)).toBe("new");
    expect(await read(store(), key, 35)).toBeUndefined();
  });

  test("a value expires by the clock while it is the newest", async () => {
    const key = uniqueKey();
    await store().put(key, "v", { timestamp: "-10s", expiresAt: "-1s" });
    expect(await read(store(), key)).toBeUndefined();
    await store().put(key, "w", { timestamp: "-500ms", expiresAt: "+1h" });
    expect(await read(store(), key)).toBe("w");
  });

  test("a version of the future hides a write of now, which is acknowledged", async () => {
    const key = uniqueKey();
    const future = await store().put(key, "future", { timestamp: "+2m" });
    const now = await store().put(key, "now");
    expect(now.timestamp).toBeLessThan(future.timestamp);
    expect(now.seq).toBeGreaterThan(future.seq);
    expect(await read(store(), key)).toBe("future");
    expect((await store().get(key, { asOf: "+1m" }))?.text()).toBe("now");
    await store().delete(key);
    expect(await read(store(), key)).toBe("future");
  });
}
