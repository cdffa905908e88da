import { utf8 } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { openPlainStore } from "../testing/plain-store.ts";
import type { TestStore } from "../testing/test-store.ts";

/** Ten keys that hold a value for ten microseconds from now on. */
async function storeWithShortLives(): Promise<{ store: TestStore; keys: Uint8Array[]; end: number }> {
  const store = await openPlainStore();
  const now = store.clock.now();
  const keys = Array.from({ length: 10 }, (_, i) => utf8(`key ${i}`));
  for (const key of keys) await store.submit([{ op: "put", key, value: key, timestamp: now, expiresAt: now + 10 }]);
  return { store, keys, end: now + 10 };
}

describe("the clock for expiry is taken once a call", () => {
  test("a value is there until the moment it expires", async () => {
    const { store, keys, end } = await storeWithShortLives();
    store.clock.advance(9);
    expect(store.db.getSync(keys[0]!)?.expiresAt).toBe(end);
    store.clock.advance(1);
    expect(store.db.getSync(keys[0]!)).toBeUndefined();
    expect(store.db.getSync(keys[0]!, { asOf: end - 1 })?.expiresAt).toBe(end);
    await store.close();
  });

  test("for a scan, when it begins: not when it first meets something that expires", async () => {
    const { store, keys } = await storeWithShortLives();
    await store.submit([{ op: "put", key: utf8("a lasting one"), value: utf8("first of all") }]);
    const early = store.db.scan();
    const late = store.db.scan();
    expect(await early.nextv(1)).toHaveLength(1);
    store.clock.advance(10);
    expect(await early.toArray()).toHaveLength(keys.length);
    expect(await late.toArray()).toHaveLength(1);
    await store.close();
  });

  test("for getMany, once for all keys", async () => {
    const { store, keys } = await storeWithShortLives();
    await store.db.flush();
    const found = store.db.getMany(keys);
    store.clock.advance(10);
    expect((await found).filter((entry) => entry !== undefined)).toHaveLength(keys.length);
    expect((await store.db.getMany(keys)).filter((entry) => entry !== undefined)).toHaveLength(0);
    await store.close();
  });

  test("for a snapshot, when it is taken, for all its reads", async () => {
    const { store, keys } = await storeWithShortLives();
    const snapshot = store.db.snapshot();
    store.clock.advance(10);
    expect(snapshot.getSync(keys[0]!)).toBeDefined();
    expect(await snapshot.scan().toArray()).toHaveLength(keys.length);
    expect([...store.db.scan()]).toHaveLength(0);
    await snapshot.close();
    await store.close();
  });
});
