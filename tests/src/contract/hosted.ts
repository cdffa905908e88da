import type { HostedStore, Operation } from "@kvts/common";
import { expect, test } from "vitest";
import { fails, listed, type Subject, uniqueKey } from "./subject.ts";

/** What servers need beyond `Store`: snapshots, flush and compact. */
export function hostedTests(subject: Subject): void {
  const store = (): HostedStore => subject.shared.hosted!;

  test("a snapshot sees the commits up to its seq, and none of those after, backdated ones too", async () => {
    const prefix = uniqueKey();
    await store().put(`${prefix}a`, "1", { timestamp: 100 });
    const { seq } = await store().put(`${prefix}b`, "1", { timestamp: 100 });
    await using snapshot = store().snapshot();
    expect(snapshot.seq).toBe(seq);
    await store().write([
      { op: "put", key: `${prefix}a`, value: "backdated", timestamp: 50 },
      { op: "put", key: `${prefix}a`, value: "same moment", timestamp: 100 },
      { op: "delete", key: `${prefix}b` },
      { op: "put", key: `${prefix}c`, value: "new" },
    ]);
    const seen = async (): Promise<void> => {
      expect(await listed(snapshot.scan({ prefix }))).toEqual([`${prefix}a@100=1`, `${prefix}b@100=1`]);
      expect(await listed(snapshot.scan({ prefix }, { reverse: true, limit: 1 }))).toEqual([`${prefix}b@100=1`]);
      expect(await listed(snapshot.history(`${prefix}a`))).toEqual([`${prefix}a@100=1`]);
      expect(await snapshot.get(`${prefix}a`, { asOf: 60 })).toBeUndefined();
      expect((await snapshot.getMany([`${prefix}c`, `${prefix}b`])).map((entry) => entry?.text())).toEqual([
        undefined,
        "1",
      ]);
    };
    await seen();
    await store().flush();
    await seen();
    await store().compact();
    await seen();
  });

  test("a snapshot of an earlier seq, held by another, sees that seq", async () => {
    const key = uniqueKey();
    const first = await store().put(key, "1");
    await using holder = store().snapshot();
    await store().put(key, "2");
    await store().compact();
    await using earlier = store().snapshot({ seq: first.seq });
    expect(earlier.seq).toBe(first.seq);
    expect((await earlier.get(key))?.text()).toBe("1");
    expect((await holder.get(key))?.text()).toBe("1");
    expect((await store().with({ keys: "bytes" }).snapshot().get(key))?.text()).toBe("2");
  });

  test("bad seqs are refused", async () => {
    const { seq } = await store().put(uniqueKey(), "v");
    for (const bad of [-1, 1.5, Number.NaN, seq + 1_000_000_000]) {
      await fails(async () => store().snapshot({ seq: bad }), "INVALID_ARGUMENT");
    }
  });

  test("a closed snapshot is CLOSED", async () => {
    const snapshot = store().snapshot();
    await snapshot.close();
    await snapshot.close();
    await fails(() => snapshot.get("k"), "CLOSED");
    await fails(() => snapshot.scan().toArray(), "CLOSED");
  });

  test("flush and compact change no answer", async () => {
    const prefix = uniqueKey();
    const ask = async (): Promise<unknown> => [
      await listed(store().scan({ prefix })),
      await listed(store().scan({ prefix }, { asOf: 75, includeDeleted: true })),
      await listed(store().history(`${prefix}5`)),
      await listed(store().history(`${prefix}deleted`)),
    ];
    for (let round = 0; round < 4; round++) {
      const operations = Array.from({ length: 50 }, (_, i): Operation => {
        const key = `${prefix}${i % 10}`;
        const timestamp = ((i + round * 17) * 37) % 100;
        return i % 7 === 0 ? { op: "delete", key, timestamp } : { op: "put", key, value: `${round}-${i}`, timestamp };
      });
      await store().write([...operations, { op: "delete", key: `${prefix}deleted`, timestamp: 50 + round }]);
      const before = await ask();
      await store().flush();
      expect(await ask()).toEqual(before);
      await store().compact();
      expect(await ask()).toEqual(before);
    }
    await store().put(`${prefix}deleted`, "below", { timestamp: 40 });
    expect(await store().get(`${prefix}deleted`)).toBeUndefined();
    expect((await store().get(`${prefix}deleted`, { asOf: 45 }))?.text()).toBe("below");
  });
}
