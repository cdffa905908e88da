import { utf8 } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { openPlainStore } from "../testing/plain-store.ts";
import type { TestStore } from "../testing/test-store.ts";

function put(store: TestStore, key: string, value: string): Promise<unknown> {
  return store.submit([{ op: "put", key: utf8(key), value: utf8(value), timestamp: 1000 }]);
}

describe("an iterator taken by hand, for reading at once", () => {
  test("reads what there is at its first step, whatever a merge has dropped since it was taken", async () => {
    const store = await openPlainStore();
    await put(store, "key", "before");
    const iterator = store.db.scan()[Symbol.iterator]();
    await put(store, "key", "after");
    await store.db.compact();
    expect(iterator.next().value?.text()).toBe("after");
    await store.close();
  });

  test("pins its seq from one batch to the next", async () => {
    const store = await openPlainStore();
    for (let i = 100; i < 300; i++) await put(store, `key ${i}`, "before");
    const iterator = store.db.scan()[Symbol.iterator]();
    iterator.next();
    for (let i = 100; i < 300; i++) await put(store, `key ${i}`, "after");
    await store.db.compact();
    let count = 1;
    for (let step = iterator.next(); step.done !== true; step = iterator.next(), count++) {
      expect(step.value.text()).toBe("before");
    }
    expect(count).toBe(200);
    expect((await store.db.stats()).snapshots).toMatchObject({ pins: 0 });
    await store.close();
  });

  test("is at its end once it is given back, before its first step as after it", async () => {
    const store = await openPlainStore();
    await put(store, "key 1", "value");
    await put(store, "key 2", "value");
    const unused = store.db.scan()[Symbol.iterator]();
    unused.return?.();
    expect(unused.next().done).toBe(true);
    const used = store.db.scan()[Symbol.iterator]();
    used.next();
    used.return?.();
    expect(used.next().done).toBe(true);
    await store.close();
  });
});

describe("an iteration that waits", () => {
  test("holds nothing once it has read all, with and without `close`", async () => {
    const store = await openPlainStore();
    for (let i = 0; i < 20; i++) await put(store, `key ${i}`, "value");
    expect(await store.db.scan().nextv(100)).toHaveLength(20);
    expect(await store.db.scan({}, { limit: 5 }).nextv(5)).toHaveLength(5);
    expect((await store.db.stats()).snapshots).toMatchObject({ pins: 0 });
    const held = store.db.scan();
    expect(await held.nextv(5)).toHaveLength(5);
    expect((await store.db.stats()).snapshots).toMatchObject({ pins: 1 });
    await held.close();
    expect((await store.db.stats()).snapshots).toMatchObject({ pins: 0 });
    await store.close();
  });

  test("gives the event loop its turns, although all is in memory", async () => {
    const store = await openPlainStore();
    for (let i = 0; i < 10; i++) await put(store, `key ${i}`, "value");
    let isFired = false;
    setTimeout(() => {
      isFired = true;
    });
    let reads = 0;
    for (; !isFired && reads < 20_000; reads++) for await (const _ of store.db.scan());
    expect(isFired).toBe(true);
    await store.close();
  });
});
