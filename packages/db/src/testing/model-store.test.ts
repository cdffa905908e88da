import { describe, expect, test } from "vitest";
import { createModelStore } from "./model-store.ts";

describe("the model store", () => {
  test("assigned timestamps follow the clock and never repeat", async () => {
    let now = 1_000;
    const store = createModelStore({ clock: { now: () => now } });
    const assigned = [];
    for (const time of [1_000, 1_000, 500, 2_000]) {
      now = time;
      assigned.push((await store.put("k", "v")).timestamp);
    }
    expect(assigned).toEqual([1_000, 1_001, 1_002, 2_000]);
  });

  test("a failed write uses up no timestamp and no seq", async () => {
    const store = createModelStore({ clock: { now: () => 1_000 } });
    await expect(store.put("k", "v", { expiresAt: 1_000 })).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(await store.put("k", "v", { expiresAt: 1_001 })).toEqual({ timestamp: 1_000, seq: 1 });
  });

  test("expiry of the newest value follows the clock; a snapshot keeps the clock of its opening", async () => {
    let now = 100;
    const store = createModelStore({ clock: { now: () => now } });
    await store.put("k", "v", { timestamp: 1, expiresAt: 150 });
    const snapshot = store.snapshot();
    now = 150;
    expect(await store.get("k")).toBeUndefined();
    expect((await snapshot.get("k"))?.text()).toBe("v");
  });

  test("a snapshot sees its seq alone, backdated writes included, until it is closed", async () => {
    const store = createModelStore();
    await store.put("a", "1", { timestamp: 10 });
    const { seq } = await store.put("b", "1", { timestamp: 10 });
    const snapshot = store.with({ keys: "bytes" }).snapshot();
    await store.put("a", "0", { timestamp: 5 });
    await store.delete("b");
    expect(snapshot.seq).toBe(seq);
    expect(await snapshot.get("a", { asOf: 7 })).toBeUndefined();
    expect(await snapshot.scan().toArray()).toHaveLength(2);
    expect(await snapshot.history("b").toArray()).toHaveLength(1);
    await using earlier = store.snapshot({ seq: 1 });
    expect(await earlier.scan().toArray()).toMatchObject([{ key: "a" }]);
    expect(() => store.snapshot({ seq: 100 })).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    await snapshot.close();
    await expect(snapshot.get("a")).rejects.toMatchObject({ code: "CLOSED" });
  });

  test("bytes are copied in and out, Buffers too", async () => {
    const store = createModelStore().with({ keys: "bytes" });
    const [key, value] = [Buffer.from("key"), Buffer.from("value")];
    await store.put(key, value);
    value.fill(0);
    const entry = (await store.get("key"))!;
    key.fill(0);
    entry.value.fill(0);
    entry.key.fill(0);
    expect((await store.get("key"))?.text()).toBe("value");
    expect((await store.scan().toArray()).map((each) => Buffer.from(each.key).toString())).toEqual(["key"]);
  });
});
