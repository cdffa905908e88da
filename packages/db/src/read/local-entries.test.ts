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
