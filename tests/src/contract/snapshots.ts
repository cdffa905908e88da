import { json, type Store } from "@kvts/common";
import { expect, test } from "vitest";
import { fails, listed, manyItems, type Subject, uniqueKey } from "./subject.ts";

/** Views fixed at a seq. */
export function snapshotTests(subject: Subject): void {
  const shared = (): Store => subject.shared.store;

  test("a snapshot sees the commits up to its seq, and none of those after, in every read", async () => {
    const store = shared();
    const prefix = uniqueKey();
    const [a, b] = [`${prefix}a`, `${prefix}b`];
    await store.put(a, "1", { timestamp: 100 });
    const { seq } = await store.put(b, "2", { timestamp: 200 });
    await using snapshot = await store.snapshot();
    expect(snapshot.seq).toBeGreaterThanOrEqual(seq);
    await store.write([
      { op: "put", key: a, value: "backdated", timestamp: 50 },
      { op: "put", key: a, value: "same moment", timestamp: 100 },
      { op: "delete", key: b },
      { op: "retract", key: b, timestamp: 200 },
      { op: "put", key: `${prefix}c`, value: "new" },
    ]);
    expect((await snapshot.get(a))?.text()).toBe("1");
    expect(await snapshot.get(a, { asOf: 60 })).toBeUndefined();
    expect((await snapshot.get(b))?.text()).toBe("2");
    const many = await snapshot.getMany([`${prefix}c`, b, a], { asOf: 150 });
    expect(many.map((entry) => entry?.text())).toEqual([undefined, undefined, "1"]);
    expect(await listed(snapshot.scan({ prefix }))).toEqual([`${a}@100=1`, `${b}@200=2`]);
    expect(await listed(snapshot.scan({ prefix }, { reverse: true, limit: 1, asOf: 150 }))).toEqual([`${a}@100=1`]);
    expect(await listed(snapshot.scan({ prefix }, { includeDeleted: true }))).toHaveLength(2);
    expect(await listed(snapshot.history(a))).toEqual([`${a}@100=1`]);
    expect(await snapshot.aggregate(a, { step: 100 }).toArray()).toMatchObject([{ timestamp: 100, count: 1, last: 1 }]);
    const changes = await snapshot.diff({ prefix }, { from: 0, to: 1000 }).toArray();
    expect(changes.map(({ kind, after }) => [kind, after?.text()])).toEqual([
      ["added", "1"],
      ["added", "2"],
    ]);
    expect(await listed(snapshot.at(150).scan({ prefix }))).toEqual([`${a}@100=1`]);
    expect((await store.get(a))?.text()).toBe("same moment");
  });

  test("a list in a snapshot goes on over many pages, whatever is written meanwhile", async () => {
    const store = shared();
    const prefix = uniqueKey();
    await store.write(
      Array.from({ length: manyItems }, (_, at) => ({ op: "put", key: `${prefix}${at}`, value: "old" })),
    );
    await using snapshot = await store.snapshot();
    let count = 0;
    for await (const entry of snapshot.scan({ prefix })) {
      if (count % 1000 === 0) await store.put(`${prefix}${count}!`, "new");
      expect(entry.text()).toBe("old");
      count++;
    }
    expect(count).toBe(manyItems);
    const keys = Array.from({ length: manyItems }, (_, at) => `${prefix}${at}`);
    await store.put(keys.at(-1)!, "new");
    expect((await snapshot.getMany(keys)).every((entry) => entry?.text() === "old")).toBe(true);
  });

  test("one of an earlier seq, held by another, sees that seq", async () => {
    const store = shared();
    const key = uniqueKey();
    await store.put(key, "1");
    await using holder = await store.snapshot();
    await store.put(key, "2");
    await using earlier = await store.snapshot({ seq: holder.seq });
    await using later = await store.snapshot();
    expect(earlier.seq).toBe(holder.seq);
    expect((await earlier.get(key))?.text()).toBe("1");
    expect((await later.get(key))?.text()).toBe("2");
  });

  test("a snapshot of a view has its keys and types", async () => {
    const { store, bytes } = subject.shared;
    const key = uniqueKey();
    const numbers = store.with({ value: json<{ n: number }>() });
    await numbers.put(key, { n: 1 });
    await using typed = await numbers.snapshot();
    await using binary = await bytes.snapshot();
    await numbers.put(key, { n: 2 });
    expect(typed.seq).toBeLessThanOrEqual(binary.seq);
    expect((await typed.get(key))?.value).toEqual({ n: 1 });
    expect(await typed.scan({ prefix: key }).toArray()).toMatchObject([{ value: { n: 1 } }]);
    expect((await binary.get(key))?.key).toBeInstanceOf(Uint8Array);
    expect((await binary.get(key))?.text()).toBe('{"n":1}');
    await typed.close();
    await fails(() => typed.get(key), "CLOSED");
  });

  test("a closed one is CLOSED, in the middle of a list too", async () => {
    const store = shared();
    const prefix = uniqueKey();
    await store.write(Array.from({ length: manyItems }, (_, at) => ({ op: "put", key: `${prefix}${at}`, value: "v" })));
    const snapshot = await store.snapshot();
    const list = snapshot.scan({ prefix });
    await list.nextv(1);
    await snapshot.close();
    await snapshot.close();
    await fails(() => snapshot.get("k"), "CLOSED");
    await fails(() => snapshot.getMany(["k"]), "CLOSED");
    await fails(() => snapshot.scan().toArray(), "CLOSED");
    await fails(() => snapshot.history("k").toArray(), "CLOSED");
    await fails(() => snapshot.aggregate("k", { step: 1 }).toArray(), "CLOSED");
    await fails(() => snapshot.diff({}, { from: 0, to: 1 }).toArray(), "CLOSED");
    await list.close();
  });

  test("those that are open close with their store", async () => {
    await using opened = await subject.fresh();
    const snapshot = await opened.store.snapshot();
    const other = await opened.bytes.snapshot();
    await opened.store.close();
    await fails(() => snapshot.get("k"), "CLOSED");
    await fails(() => other.get("k"), "CLOSED");
    await snapshot.close();
    await fails(async () => opened.store.snapshot(), "CLOSED");
  });

  test("bad seqs and options are refused", async () => {
    const { seq } = await shared().put(uniqueKey(), "v");
    for (const bad of [-1, 1.5, Number.NaN, seq + 1_000_000_000, "5" as unknown as number]) {
      await fails(async () => shared().snapshot({ seq: bad }), "INVALID_ARGUMENT");
    }
    await fails(async () => shared().snapshot({ asOf: 5 } as never), "INVALID_ARGUMENT");
    await fails(async () => shared().snapshot({ signal: AbortSignal.abort() }), "CANCELLED");
  });

  test("stats tell how old the oldest is", async () => {
    const store = shared();
    await using _snapshot = await store.snapshot();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const { snapshots, model } = await store.stats();
    if (model === undefined) expect((snapshots as { oldestAgeMs: number }).oldestAgeMs).toBeGreaterThanOrEqual(15);
  });
}
