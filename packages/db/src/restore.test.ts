import { isKvtsError, type RestoreResult, utf8 } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { openPlainStore } from "./testing/plain-store.ts";
import type { TestStore } from "./testing/test-store.ts";

const USERS = { prefix: "user:" };

/** What the range holds, key by key. */
function contents({ db }: TestStore, asOf?: number): string[] {
  return [...db.scan(USERS, { asOf })].map(({ key, value, expiresAt }) =>
    [Buffer.from(key).toString(), Buffer.from(value).toString(), ...(expiresAt === undefined ? [] : [expiresAt])].join(
      " ",
    ),
  );
}

function counts({ restored, deleted }: RestoreResult<Uint8Array>): { restored: number; deleted: number } {
  return { restored, deleted };
}

/** Operations that one batch of a restore may hold: with few of them it is an ingest. */
const WAYS: readonly [string, number][] = [
  ["as a batch", 10_000],
  ["as an ingest", 0],
];

describe.each(WAYS)("a restore %s", (_, restoreOperationsMax) => {
  const open = (): Promise<TestStore> =>
    openPlainStore({
      tuning: { restoreOperationsMax, tables: { tableBytesMax: 64, compression: "none" } },
    });

  test("brings back what was deleted and changed, and takes away what was added", async () => {
    const store = await open();
    const { db } = store;
    await db.put("user:1", "ann", { timestamp: 100 });
    await db.put("user:2", "bob", { timestamp: 100 });
    await db.put("user:4", "dan", { timestamp: 100 });
    await db.put("use", "not in the range", { timestamp: 100 });
    await db.delete("user:1", { timestamp: 200 });
    await db.put("user:2", "bill", { timestamp: 200 });
    await db.put("user:3", "cleo", { timestamp: 200 });
    await db.put("use", "still not", { timestamp: 200 });
    const result = await db.restore(USERS, 150);
    expect(counts(result)).toEqual({ restored: 2, deleted: 1 });
    expect(result.to).toBe(150);
    expect(contents(store)).toEqual(["user:1 ann", "user:2 bob", "user:4 dan"]);
    expect(db.getSync("use")!.text()).toBe("still not");
    expect(db.getSync("user:4")!.timestamp).toBe(100);
    expect(db.getSync("user:1")!.timestamp).toBe(result.timestamp);
    expect(db.getSync("user:2")!.timestamp).toBe(result.timestamp);
    expect(contents(store, result.timestamp! - 1)).toEqual(["user:2 bill", "user:3 cleo", "user:4 dan"]);
    await store.close();
    await store.open();
    expect(contents(store)).toEqual(["user:1 ann", "user:2 bob", "user:4 dan"]);
    await store.db.compact();
    expect(contents(store)).toEqual(["user:1 ann", "user:2 bob", "user:4 dan"]);
    expect(await store.db.verify()).toMatchObject({ problems: [] });
    await store.close();
  });

  test("is undone by another one", async () => {
    const store = await open();
    const { db } = store;
    await db.put("user:1", "ann", { timestamp: 100 });
    await db.put("user:1", "anna", { timestamp: 200 });
    await db.put("user:2", "bob", { timestamp: 300 });
    const before = contents(store);
    const { timestamp } = await db.restore(USERS, 100);
    expect(contents(store)).toEqual(["user:1 ann"]);
    const undone = await db.restore(USERS, timestamp! - 1);
    expect(counts(undone)).toEqual({ restored: 2, deleted: 0 });
    expect(contents(store)).toEqual(before);
    expect(undone.timestamp).toBeGreaterThan(timestamp!);
    await store.close();
  });

  test("is newer than any version in the range, those of the future too, and only those", async () => {
    const store = await open();
    const { db, clock } = store;
    const future = clock.now() + 10 ** 9;
    await db.put("user:1", "ann", { timestamp: 100 });
    await db.put("user:1", "anna", { timestamp: future });
    await db.delete("user:0", { timestamp: future + 5 });
    await db.put("other", "far away", { timestamp: future * 2 });
    const { timestamp } = await db.restore(USERS, 100);
    expect(timestamp).toBe(future + 6);
    expect(contents(store)).toEqual(["user:1 ann"]);
    const { timestamp: next } = await db.put("x", "y");
    expect(next).toBeLessThan(future);
    await store.close();
  });

  test("does nothing where nothing has changed", async () => {
    const store = await open();
    const { db } = store;
    await db.put("user:1", "ann", { timestamp: 100 });
    const { seq } = await db.stats();
    expect(await db.restore(USERS, 150)).toEqual({ to: 150, restored: 0, deleted: 0, bytes: 0 });
    expect((await db.stats()).seq).toBe(seq);
    await store.close();
  });

  test("cannot be newer than the greatest timestamp", async () => {
    const store = await open();
    const { db } = store;
    await db.put("user:1", "ann", { timestamp: Number.MAX_SAFE_INTEGER });
    await expect(db.restore(USERS, 150)).rejects.toThrow("retract it, then restore");
    expect(contents(store)).toEqual(["user:1 ann"]);
    await store.close();
  });

  test("brings a value back that has expired since, for as long as it had left", async () => {
    const store = await open();
    const { db, clock } = store;
    const start = clock.now();
    await db.put("user:1", "short", { timestamp: start, expiresAt: start + 1000 });
    await db.put("user:2", "long", { timestamp: start, expiresAt: start + 10 ** 9 });
    await db.put("user:3", "deleted", { timestamp: start, expiresAt: start + 10 ** 9 });
    clock.advance(5000);
    await db.delete("user:3");
    const now = clock.now();
    expect(contents(store)).toEqual([`user:2 long ${start + 10 ** 9}`]);
    expect(counts(await db.restore(USERS, start + 300))).toEqual({ restored: 2, deleted: 0 });
    expect(contents(store)).toEqual([
      `user:1 short ${now + 700}`,
      `user:2 long ${start + 10 ** 9}`,
      `user:3 deleted ${start + 10 ** 9}`,
    ]);
    await store.close();
  });

  test("brings back long values", async () => {
    const store = await open();
    const { db } = store;
    const value = new Uint8Array(100_000).map((_, index) => index * 7);
    await db.put("user:1", value, { timestamp: 100 });
    await db.flush();
    await db.delete("user:1", { timestamp: 200 });
    await db.restore(USERS, 100);
    expect(Buffer.compare(db.getSync("user:1")!.value, value)).toBe(0);
    await db.compact();
    expect(Buffer.compare((await db.get("user:1"))!.value, value)).toBe(0);
    await store.close();
  });

  test("is not seen by a snapshot taken before", async () => {
    const store = await open();
    const { db } = store;
    await db.put("user:1", "ann", { timestamp: 100 });
    await db.put("user:1", "anna", { timestamp: 200 });
    const snapshot = db.snapshot();
    await db.restore(USERS, 100);
    expect(snapshot.getSync("user:1")!.text()).toBe("anna");
    expect(db.getSync("user:1")!.text()).toBe("ann");
    await snapshot.close();
    await store.close();
  });

  test("dry: tells what it would do, and does nothing", async () => {
    const store = await open();
    const { db } = store;
    for (let i = 0; i < 12; i++) await db.put(`user:${10 + i}`, `${i}`, { timestamp: 200 });
    await db.put("user:10", "old", { timestamp: 100 });
    await db.delete("user:30", { timestamp: 200 });
    await db.put("user:30", "gone", { timestamp: 100 });
    const { seq } = await db.stats();
    const { sample, ...rest } = await db.restore(USERS, 150, { dryRun: true });
    expect(rest).toEqual({ to: 150, restored: 2, deleted: 11, bytes: 13 * 7 + 3 + 4 });
    expect(sample!.map(({ kind, before, after }) => `${kind} ${before?.text()} ${after?.text()}`)).toEqual([
      "changed 0 old",
      ...Array.from({ length: 9 }, (_, i) => `removed ${i + 1} undefined`),
    ]);
    expect((await db.stats()).seq).toBe(seq);
    const { timestamp, seq: last, ...done } = await db.restore(USERS, 150);
    expect(done).toEqual(rest);
    expect([timestamp! > 200, last! > seq]).toEqual([true, true]);
    await store.close();
  });

  test("and writes at the same time: each is before it, and undone, or after it, and stands", async () => {
    const store = await open();
    const { db } = store;
    for (let i = 0; i < 300; i++) await db.put(`user:${1000 + i}`, "old", { timestamp: 100 });
    for (let i = 0; i < 300; i++) await db.put(`user:${1000 + i}`, "new", { timestamp: 200 });
    const writes: { key: string; seq: number; kind: string }[] = [];
    let isDone = false;
    const write = async (from: number): Promise<void> => {
      for (let i = from, after = 0; after < 20; i += 7, after += isDone ? 1 : 0) {
        const key = `user:${1000 + (i % 400)}`;
        const kind = ["put", "delete", "backdated", "retract"][i % 4]!;
        const written =
          kind === "put"
            ? db.put(key, `${i}`)
            : kind === "delete"
              ? db.delete(key)
              : kind === "retract"
                ? db.retract(key, 200)
                : db.put(key, "backdated", { timestamp: 100 });
        writes.push({ key, kind, seq: (await written).seq });
        if (i % 3 === 0) await store.nextTurn();
      }
    };
    const writers = [0, 1, 2].map((from) => write(from));
    const result = await db.restore(USERS, 150);
    isDone = true;
    await Promise.all(writers);
    expect(writes.some(({ seq }) => seq < result.seq!)).toBe(true);
    expect(writes.some(({ seq }) => seq > result.seq!)).toBe(true);
    await using snapshot = db.snapshot({ seq: result.seq! });
    for (let i = 0; i < 400; i++) {
      const key = `user:${1000 + i}`;
      // What was visible at 150, of all that was committed before.
      const then = snapshot.getSync(key, { asOf: 150 })?.text();
      expect([key, snapshot.getSync(key)?.text()]).toEqual([key, then]);
    }
    await store.close();
  });

  test("and ranges that are deleted at the same time: each is before it, and undone, or after it, and stands", async () => {
    const store = await open();
    const { db } = store;
    for (let i = 0; i < 300; i++) await db.put(`user:${1000 + i}`, "old", { timestamp: 100 });
    for (let i = 0; i < 300; i += 2) await db.put(`user:${1000 + i}`, "new", { timestamp: 200 });
    const seqs: number[] = [];
    let isDone = false;
    const remove = async (): Promise<void> => {
      for (let i = 0, after = 0; after < 5; i++, after += isDone ? 1 : 0) {
        const [start, end] = [`user:${1000 + ((i * 37) % 300)}`, `user:${1010 + ((i * 37) % 300)}`];
        // Before what it goes back to, which changes what was there then, and behind it.
        seqs.push((await db.deleteRange({ start, end }, { timestamp: [120, 180, undefined][i % 3] })).seq);
        if (i % 4 === 0) await store.nextTurn();
      }
    };
    const removing = remove();
    const result = await db.restore(USERS, 150);
    isDone = true;
    await removing;
    expect(seqs.some((seq) => seq < result.seq!)).toBe(true);
    expect(seqs.some((seq) => seq > result.seq!)).toBe(true);
    await using snapshot = db.snapshot({ seq: result.seq! });
    for (let i = 0; i < 300; i++) {
      const key = `user:${1000 + i}`;
      const then = snapshot.getSync(key, { asOf: 150 })?.text();
      expect([key, snapshot.getSync(key)?.text()]).toEqual([key, then]);
    }
    await store.close();
  });

  test("takes its turn after another one, and leaves nothing when it is abandoned", async () => {
    const store = await open();
    const { db } = store;
    for (let i = 0; i < 50; i++) {
      await db.put(`user:${i}`, "old", { timestamp: 100 });
      await db.put(`user:${i}`, "new", { timestamp: 200 });
    }
    const { seq } = await db.stats();
    const abandon = new AbortController();
    const restores = [1, 2].map(() => db.restore(USERS, 150, { signal: abandon.signal }));
    abandon.abort();
    for (const { status, ...rest } of await Promise.allSettled(restores)) {
      expect(status).toBe("rejected");
      expect(isKvtsError((rest as { reason: unknown }).reason, "CANCELLED")).toBe(true);
    }
    expect((await db.stats()).seq).toBe(seq);
    const [first, second] = await Promise.all([db.restore(USERS, 150), db.restore(USERS, 250)]);
    expect([first!.restored, second!.restored]).toEqual([50, 50]);
    expect(contents(store)[0]).toBe("user:0 new");
    await store.close();
  });

  test("goes back no further than the horizon", async () => {
    const store = await open();
    const { db, clock } = store;
    await db.put("user:1", "ann", { timestamp: 100 });
    await db.setRetention("user:", "10m");
    await expect(db.restore(USERS, 50)).rejects.toMatchObject({ code: "HISTORY_TRIMMED" });
    await expect(db.restore({}, 50, { dryRun: true })).rejects.toMatchObject({ code: "HISTORY_TRIMMED" });
    expect(counts(await db.restore(USERS, clock.now()))).toEqual({ restored: 0, deleted: 0 });
    await store.close();
  });

  test("is refused where it cannot be understood", async () => {
    const store = await open();
    const { db } = store;
    await expect(db.restore(undefined as never, 100)).rejects.toThrow("restore needs a range; {} is every key");
    await expect(db.restore(USERS, "yesterday")).rejects.toThrow("yesterday");
    await expect(db.restore(USERS, 100, { dryRun: "yes" as never })).rejects.toThrow("dryRun is true or false");
    await expect(db.restore(USERS, 100, { dry: true } as never)).rejects.toThrow("restore has no option");
    await store.close();
  });
});

test("one batch is one event of the change feed; an ingest is none, and the feed begins behind it", async () => {
  const store = await openPlainStore({ tuning: { restoreOperationsMax: 1 } });
  const { db } = store;
  await db.put("user:1", "ann", { timestamp: 100 });
  await db.put("user:1", "anna", { timestamp: 200 });
  await db.put("user:2", "bob", { timestamp: 150 });
  const { seq: afterSeq } = await db.stats();
  const watched = db.watch({})[Symbol.asyncIterator]();
  const event = watched.next();
  const small = await db.restore(USERS, 150);
  expect((await event).value).toMatchObject({ seq: small.seq, items: [{ seq: small.seq }] });
  const ended = expect(watched.next()).rejects.toThrow(
    /^a large restore, or an erasure, has changed the store up to seq \d+ without the change feed.* begin again with initial/,
  );
  const ingest = await db.restore(USERS, 120);
  expect(ingest).toMatchObject({ restored: 1, deleted: 1 });
  await ended;
  for (const reopen of [false, true]) {
    if (reopen) {
      await store.close();
      await store.open();
    }
    const since = store.db.watch({}, { afterSeq })[Symbol.asyncIterator]();
    const message = expect.stringMatching(reopen ? "is no longer in the change feed" : "^a large restore");
    await expect(since.next()).rejects.toMatchObject({ code: "FEED_TRIMMED", message });
    const newest = reopen ? (await store.db.stats()).seq : ingest.seq!;
    const after = store.db.watch({}, { afterSeq: newest })[Symbol.asyncIterator]();
    const next = after.next();
    const { seq } = await store.db.put("user:3", "c");
    expect((await next).value).toMatchObject({ seq });
    await after.return?.();
  }
  await store.close();
});

test("a large restore is an ingest of several tables, of whose keys none is written that has not changed", async () => {
  const store = await openPlainStore({
    tuning: { tables: { tableBytesMax: 16 * 1024, compression: "lz4" } },
    blockCacheBytes: 1024 * 1024,
  });
  const { db } = store;
  const keys = Array.from({ length: 60_000 }, (_, i) => `user:${String(i).padStart(6, "0")}`);
  for (let from = 0; from < keys.length; from += 5000) {
    const part = keys.slice(from, from + 5000);
    await db.write(part.map((key) => ({ op: "put", key, value: `${key} old`, timestamp: 100 })));
    await db.write(
      part.map((key, i) =>
        i % 2 ? { op: "delete", key, timestamp: 200 } : { op: "put", key, value: "new", timestamp: i % 3 ? 200 : 50 },
      ),
    );
  }
  await db.flush();
  const { seq } = await db.stats();
  const result = await db.restore(USERS, 150);
  const changed = keys.filter((_, i) => (i % 5000) % 2 === 1 || (i % 5000) % 3 !== 0).length;
  expect(counts(result)).toEqual({ restored: changed, deleted: 0 });
  // One seq for all of it.
  expect(result.seq).toBe(seq + 1);
  expect((await db.stats()).seq).toBe(seq + 1);
  let read = 0;
  for (const { key, value } of db.scan(USERS)) {
    expect(Buffer.from(value).toString()).toBe(`${Buffer.from(key).toString()} old`);
    read++;
  }
  expect(read).toBe(keys.length);
  expect((await db.verify()).problems).toEqual([]);
  await store.close();
  await store.open();
  expect(store.db.getSync(utf8(keys[1]!))!.seq).toBe(result.seq);
  await store.close();
}, 60_000);
