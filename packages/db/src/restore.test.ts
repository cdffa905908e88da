import { isKvtsError, type RestoreResult, utf8 } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { readWholeFile } from "./manifest/whole-file.ts";
import { CRASH_SHARES } from "./testing/crash-images.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { openPlainStore } from "./testing/plain-store.ts";
import { Random } from "./testing/random.ts";
import type { TestStore } from "./testing/test-store.ts";
import type { StoreSettings } from "./testing/tiny-options.ts";

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

describe.each(["sync", "buffered"] as const)("the change feed with %s writes", (durability) => {
  const openKept = (): Promise<TestStore> =>
    openPlainStore({ durability, feedBytes: 1 << 20, tuning: { restoreOperationsMax: 1 } });
  const range = { start: utf8("user:"), end: utf8("user;") };

  test("has the operations of one batch, and of an ingest its range, in its place", async () => {
    const store = await openKept();
    const { db } = store;
    await db.put("user:1", "ann", { timestamp: 100 });
    await db.put("user:1", "anna", { timestamp: 200 });
    await db.put("user:2", "bob", { timestamp: 150 });
    const { seq: afterSeq } = await db.stats();
    const [all, part, other] = [{}, { start: "user:1x", end: "z" }, { prefix: "x" }].map((watched) =>
      db.watch(watched),
    );
    const live = all!.nextv(3);
    const small = await db.restore(USERS, 150);
    const ingest = await db.restore(USERS, 120);
    expect(ingest).toMatchObject({ restored: 1, deleted: 1 });
    const { seq: last } = await db.put("x", "after", { timestamp: 300 });
    const { timestamp, seq } = ingest;
    const restored = { op: "restored", range, to: 120, timestamp, seq };
    const told = [{ seq: small.seq }, { seq, items: [restored] }, { seq: last, items: [{ timestamp: 300 }] }];
    const events = await live;
    while (events.length < 3) events.push(...(await all!.nextv(3 - events.length)));
    expect(events).toMatchObject(told);
    expect(events[1]).toEqual({ seq, items: [restored] });
    const clipped = { ...restored, range: { start: utf8("user:1x"), end: utf8("user;") } };
    expect(await part!.nextv(1)).toEqual([{ seq, items: [clipped] }]);
    expect(await other!.nextv(1)).toMatchObject([{ seq: last }]);
    for (const watch of [all!, part!, other!]) await watch.close();
    for (const reopen of [false, true, true]) {
      if (reopen) {
        await store.close();
        await store.open();
      }
      for (const [from, expected] of [
        [afterSeq, told],
        [small.seq!, told.slice(1)],
        [seq!, told.slice(2)],
      ] as const) {
        expect(await store.db.watch({}, { afterSeq: from }).nextv(expected.length)).toMatchObject(expected);
      }
      expect(await store.db.watch({ prefix: "x" }, { afterSeq }).nextv(1)).toMatchObject([{ seq: last }]);
    }
    await store.close();
  });

  test("ends with an ingest where nothing is written after it, one after the other", async () => {
    const store = await openKept();
    await store.db.put("user:1", "ann", { timestamp: 100 });
    await store.db.put("user:2", "bob", { timestamp: 100 });
    await store.db.put("user:1", "anna", { timestamp: 200 });
    await store.db.put("user:2", "bobby", { timestamp: 200 });
    await store.db.flush();
    const { seq: afterSeq } = await store.db.stats();
    const seqs: number[] = [];
    for (const to of [150, 250, 150]) seqs.push((await store.db.restore(USERS, to)).seq!);
    for (let boot = 0; boot < 3; boot++) {
      const watch = store.db.watch({ prefix: "user:2" }, { afterSeq });
      expect((await watch.nextv(3 + boot)).map(({ seq }) => seq).slice(0, 3)).toEqual(seqs);
      const next = watch.nextv(1);
      const { seq } = await store.db.put("user:2", `${boot}`, { timestamp: 300 + boot });
      expect(await next).toMatchObject([{ seq }]);
      await watch.close();
      const last = store.db.watch({}, { afterSeq: seqs[1]! });
      expect(await last.nextv(2)).toMatchObject([{ seq: seqs[2] }, { seq: seqs[2]! + 1 }]);
      await store.close();
      await store.open();
    }
    await store.close();
  });

  test("forgets an ingest with what it is erased with, in the manifest too", async () => {
    const fileSystem = new MemoryFileSystem();
    const store = await openPlainStore({ durability, tuning: { restoreOperationsMax: 0 } }, { fileSystem });
    const { db } = store;
    await db.put("user:secret", "ann", { timestamp: 100 });
    await db.put("user:secret", "anna", { timestamp: 200 });
    const { seq } = await db.restore({ start: "user:secret", end: "user:secret~" }, 150);
    const manifests = () =>
      fileSystem
        .list("d")
        .filter((name) => name.startsWith("MANIFEST"))
        .map((name) => {
          const bytes = readWholeFile(fileSystem, `d/${name}`);
          return Buffer.from(bytes).includes("user:secret~");
        });
    expect(manifests()).toContain(true);
    const erased = await db.erase({ prefix: "user:" });
    expect(manifests()).toEqual([false]);
    for (const reopen of [false, true]) {
      if (reopen) {
        await store.close();
        await store.open();
      }
      await expect(store.db.watch({}, { afterSeq: seq! - 1 }).nextv(1)).rejects.toMatchObject({
        code: "FEED_TRIMMED",
        message: expect.stringMatching(
          reopen ? "is no longer in the change feed" : "^an erasure has changed the store",
        ),
      });
      const watch = store.db.watch({}, reopen ? {} : { afterSeq: erased.seq });
      const next = watch.nextv(1);
      await store.db.put("x", "y");
      expect(await next).toMatchObject([{ items: [{}] }]);
      await watch.close();
      if (!reopen) await store.db.flush();
    }
    await store.close();
  });
});

test("the feed tells of an ingest whose log is gone, or that it begins behind", async () => {
  const store = await openPlainStore({ feedBytes: 1, tuning: { restoreOperationsMax: 0 } });
  const { db } = store;
  await db.put("user:1", "ann", { timestamp: 100 });
  await db.put("user:1", "anna", { timestamp: 200 });
  await db.flush();
  await store.nextTurn();
  const { seq } = await db.restore(USERS, 150);
  expect((await db.stats()).feed).toMatchObject({ oldestSeq: seq! - 1 });
  for (let boot = 0; boot < 3; boot++) {
    const { oldestSeq } = (await store.db.stats()).feed as { oldestSeq: number };
    const watch = store.db.watch({}, { afterSeq: oldestSeq });
    const next = watch.nextv(1);
    if (oldestSeq >= seq!) await store.db.put("x", "y");
    expect(await next).toMatchObject([{ seq: oldestSeq + 1 }]);
    await watch.close();
    await store.close();
    await store.open();
  }
  await store.close();
});

test("an ingest is in the feed just where it has happened, wherever the power is cut", async () => {
  const settings: StoreSettings = { feedBytes: 1 << 20, tuning: { restoreOperationsMax: 0 } };
  const fileSystem = new MemoryFileSystem();
  const store = await openPlainStore(settings, { fileSystem });
  await store.db.put("user:1", "ann", { timestamp: 100 });
  await store.db.put("user:1", "anna", { timestamp: 200 });
  const { seq: afterSeq } = await store.db.stats();
  const images: MemoryFileSystem[] = [];
  const random = new Random(7);
  fileSystem.onCall = () => {
    for (const share of CRASH_SHARES) images.push(fileSystem.crash(random.fork().coin(share)));
  };
  const { timestamp } = await store.db.restore(USERS, 150);
  await store.db.put("user:2", "bob", { timestamp: 300 });
  fileSystem.onCall = undefined;
  await store.close();
  const outcomes = new Set<string>();
  for (const image of images) {
    const crashed = await openPlainStore(settings, { fileSystem: image });
    const isRestored = crashed.db.getSync("user:1")!.text() === "ann";
    const { seq } = await crashed.db.put("end", "");
    const watch = crashed.db.watch({}, { afterSeq });
    const told: (string | undefined)[] = [];
    for (let at = afterSeq; at < seq; ) {
      const [event] = await watch.nextv(1);
      told.push(...event!.items.map((item) => (item.op === "restored" ? `to ${item.to}, ${item.timestamp}` : item.op)));
      at = event!.seq;
    }
    await watch.close();
    expect(told.slice(0, -1).filter((line) => line !== undefined)).toEqual(isRestored ? [`to 150, ${timestamp}`] : []);
    outcomes.add(`${isRestored} ${told.length}`);
    await crashed.close();
  }
  // Before it, behind it, and behind the write that follows.
  expect([...outcomes].sort()).toEqual(["false 1", "true 2", "true 3"]);
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
