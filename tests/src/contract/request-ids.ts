import { expect, test } from "vitest";
import { fails, inParallel, read, type Subject, uniqueKey } from "./subject.ts";

export function requestIdTests(subject: Subject): void {
  const store = () => subject.shared.store;

  test("a write sent again under its id happens once, with the first one's answer", async () => {
    const key = uniqueKey();
    const put = () => store().put(key, "a", { requestId: `${key}put`, ifAbsent: true });
    const first = await put();
    await store().put(key, "b");
    expect(await put()).toEqual(first);
    expect(await read(store(), key)).toBe("b");
    const remove = () => store().delete(key, { requestId: `${key}é漢`, timestamp: 5 });
    expect(await remove()).toEqual(await remove());
    const batch = () =>
      store().write(
        [
          { op: "put", key: `${key}1`, value: "x" },
          { op: "put", key: `${key}2`, value: "y", timestamp: 7, expiresAt: 9 },
        ],
        { requestId: `${key}batch`, preconditions: [{ key: `${key}1`, ifAbsent: true }] },
      );
    expect(await batch()).toEqual(await batch());
    expect(await store().history(key).toArray()).toHaveLength(3);
    expect(await store().history(`${key}1`).toArray()).toHaveLength(1);
  });

  test("sent many times at once, it happens once", async () => {
    const key = uniqueKey();
    const results = await inParallel(50, () => store().put(key, "v", { requestId: key }));
    expect(new Set(results.map(({ seq, timestamp }) => `${seq}@${timestamp}`)).size).toBe(1);
    expect(await store().history(key).toArray()).toHaveLength(1);
  });

  test("an id with other content is INVALID_ARGUMENT, and changes nothing", async () => {
    const key = uniqueKey();
    await store().put(key, "v", { requestId: key, timestamp: 5 });
    const others = [
      () => store().put(key, "w", { requestId: key, timestamp: 5 }),
      () => store().put(key, "v", { requestId: key, timestamp: 6 }),
      () => store().put(key, "v", { requestId: key }),
      () => store().put(key, "v", { requestId: key, timestamp: 5, ifAbsent: true }),
      () => store().put(`${key}2`, "v", { requestId: key, timestamp: 5 }),
      () => store().delete(key, { requestId: key, timestamp: 5 }),
    ];
    for (const other of others) await fails(other, "INVALID_ARGUMENT");
    expect(await store().history(key).toArray()).toHaveLength(1);
    expect(await store().get(`${key}2`)).toBeUndefined();
  });

  if (subject.reopens !== true) return;
  test("ids are remembered when the store is opened again", async () => {
    const first = await subject.fresh();
    const put = (to: typeof first.store) => to.put("k", "v", { requestId: "r", ifAbsent: true });
    const answer = await put(first.store);
    const second = await first.reopen!();
    try {
      expect(await put(second.store)).toEqual(answer);
      await fails(() => second.store.put("k", "w", { requestId: "r", ifAbsent: true }), "INVALID_ARGUMENT");
      expect(await second.store.history("k").toArray()).toHaveLength(1);
    } finally {
      await second.close();
    }
  });
}
