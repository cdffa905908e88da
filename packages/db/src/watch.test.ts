import { type FeedItem, isKvtsError, type WatchEvent } from "@kvts/common";
import { describe, expect, test } from "vitest";
import type { Db } from "./db.ts";
import type { ReadableFile } from "./env/file-system.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { openPlainStore } from "./testing/plain-store.ts";
import type { TestStore } from "./testing/test-store.ts";

const KIB = 1024;
const text = (value: Uint8Array): string => new TextDecoder().decode(value);

/** An event in one line: `7: a=1 -b ~c@5`, with what marks it. */
function shown({ seq, items, initial, more }: WatchEvent<Uint8Array>): string {
  const parts = items.map((item) => {
    if (item.op === "deleteRange") return `-[${text(item.range.start)},${item.range.end && text(item.range.end)})`;
    if (item.op === "restored") {
      const { start, end } = item.range;
      return `[${text(start)},${end && text(end)})<${item.to}@${item.timestamp}`;
    }
    const key = text(item.key);
    if (item.op === "retract") return `~${key}@${item.timestamp}`;
    return item.deleted === true ? `-${key}` : `${key}=${text(item.value)}`;
  });
  return [`${seq}:`, ...parts, ...(initial ? ["initial"] : []), ...(more ? ["more"] : [])].join(" ");
}

function keyOf(item: FeedItem<Uint8Array>): Uint8Array {
  if (item.op === "deleteRange" || item.op === "restored") throw new Error("a range is of no one key");
  return item.key;
}

async function next(
  watch: { nextv(count: number): Promise<WatchEvent<Uint8Array>[]> },
  count: number,
): Promise<string[]> {
  return (await watch.nextv(count)).map(shown);
}

const put = (db: Db<Uint8Array>, key: string, value: string) => db.put(key, value);

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

/** Logs whose reads can be held up. */
class HeldLogs extends MemoryFileSystem {
  release: () => void = () => {};
  #held: Promise<void> = Promise.resolve();

  hold(): void {
    this.#held = new Promise((resolve) => {
      this.release = resolve;
    });
  }

  override open(path: string): ReadableFile {
    const file = super.open(path);
    if (!path.endsWith(".log")) return file;
    return {
      path,
      size: file.size,
      readSync: (...args) => file.readSync(...args),
      read: async (...args) => {
        await this.#held;
        return await file.read(...args);
      },
      close: () => file.close(),
    };
  }
}

/** Writes so much that memory is flushed several times, and logs are given up. */
async function churn(store: TestStore, rounds = 4): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await store.db.write(
      Array.from({ length: 20 }, (_, i) => ({ op: "put", key: `churn/${round}/${i}`, value: new Uint8Array(2000) })),
    );
    await store.db.flush();
  }
}

describe("a watch from now", () => {
  test("yields each batch whole, in order, as far as it lies in the range", async () => {
    const store = await openPlainStore();
    const { db } = store;
    await put(db, "user:0", "before");
    const watch = db.watch({ prefix: "user:" });
    await put(db, "user:1", "a");
    await put(db, "other", "b");
    await db.write([
      { op: "put", key: "user:1", value: "c", timestamp: 5 },
      { op: "put", key: "x", value: "no" },
      { op: "delete", key: "user:2" },
    ]);
    await db.retract("user:1", 5);
    expect(await next(watch, 3)).toEqual(["2: user:1=a", "6: user:1=c -user:2", "7: ~user:1@5"]);
    const waiting = next(watch, 1);
    await put(db, "user:9", "later");
    expect(await waiting).toEqual(["8: user:9=later"]);
    await watch.close();
    expect((await db.stats()).feed).toMatchObject({ watchers: 0, queuedBytes: 0 });
    await store.close();
  });

  test("ends at its close, at its signal, and with the store", async () => {
    const store = await openPlainStore();
    const closed = store.db.watch();
    const waiting = closed.nextv(1);
    await store.nextTurn();
    await closed.close();
    expect(await waiting).toEqual([]);
    const abort = new AbortController();
    const aborted = errorOf(store.db.watch({}, { signal: abort.signal }).nextv(1));
    await store.nextTurn();
    abort.abort();
    expect(isKvtsError(await aborted, "CANCELLED")).toBe(true);
    const open = errorOf(store.db.watch().nextv(1));
    await store.nextTurn();
    expect((await store.db.stats()).feed).toMatchObject({ watchers: 1 });
    await store.close();
    expect(isKvtsError(await open, "CLOSED")).toBe(true);
  });

  test("gives every watcher bytes of its own", async () => {
    const store = await openPlainStore();
    const watches = [store.db.watch(), store.db.watch()];
    const firsts = watches.map((watch) => watch.nextv(1));
    await put(store.db, "k", "value");
    const [first] = await firsts[0]!;
    const item = first!.items[0]!;
    if (item.op === undefined && item.deleted === undefined) item.value.fill(0);
    keyOf(item).fill(0);
    expect((await firsts[1]!).map(shown)).toEqual(["1: k=value"]);
    await store.close();
  });

  test("finds the ranges that hold a key, whatever they are made of", async () => {
    const store = await openPlainStore();
    const { db } = store;
    const ranges = [
      {},
      { prefix: "a" },
      { prefix: "ab" },
      { start: "aa", end: "ac" },
      { start: "b" },
      { end: "ab" },
      { start: "z", end: "a" },
    ];
    const watches = ranges.map((range) => db.watch(range));
    for (const key of ["a", "aa", "ab", "abc", "ac", "b", "\u{ff}"]) await put(db, key, "");
    const keys = await Promise.all(
      watches.map(async (watch, i) => {
        const count = [7, 5, 2, 3, 2, 2, 0][i]!;
        return count === 0 ? [] : (await watch.nextv(count)).map(({ items }) => text(keyOf(items[0]!))).join(" ");
      }),
    );
    expect(keys).toEqual(["a aa ab abc ac b \u{ff}", "a aa ab abc ac", "ab abc", "aa ab abc", "b \u{ff}", "a aa", []]);
    await store.close();
  });
});

describe("a watch from an earlier seq", () => {
  test("reads the log, also from within a batch, and goes on live", async () => {
    const store = await openPlainStore();
    const { db } = store;
    for (let i = 1; i <= 3; i++) await put(db, `k${i}`, `${i}`);
    await db.write([
      { op: "put", key: "a", value: "4" },
      { op: "put", key: "b", value: "5" },
    ]);
    const watch = db.watch({}, { afterSeq: 2 });
    expect(await next(watch, 2)).toEqual(["3: k3=3", "5: a=4 b=5"]);
    expect(await next(db.watch({}, { afterSeq: 4 }), 1)).toEqual(["5: b=5"]);
    const waiting = next(watch, 1);
    await put(db, "live", "6");
    expect(await waiting).toEqual(["6: live=6"]);
    await store.close();
  });

  test("is refused where it is still to come, or another store's", async () => {
    const store = await openPlainStore();
    await put(store.db, "k", "");
    expect(await errorOf(store.db.watch({}, { afterSeq: 2 }).nextv(1))).toMatchObject({
      code: "INVALID_ARGUMENT",
      details: { currentSeq: 1 },
    });
    const { incarnation } = await store.db.stats();
    expect(await next(store.db.watch({}, { afterSeq: 0, incarnation }), 1)).toEqual(["1: k="]);
    const error = await errorOf(store.db.watch({}, { afterSeq: 0, incarnation: "f".repeat(32) }).nextv(1));
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", details: { incarnation } });
    await store.close();
  });

  test("fails with FEED_TRIMMED where the log is gone, and says from where on it is there", async () => {
    const store = await openPlainStore();
    await put(store.db, "k", "");
    await churn(store);
    const error = await errorOf(store.db.watch({}, { afterSeq: 0 }).nextv(1));
    expect(error).toMatchObject({ code: "FEED_TRIMMED", details: { afterSeq: 0 } });
    const { oldestSeq } = (error as { details: { oldestSeq: number } }).details;
    expect((await store.db.stats()).feed).toMatchObject({ oldestSeq, bytes: 0 });
    const watch = store.db.watch({ prefix: "k" }, { afterSeq: oldestSeq });
    const waiting = next(watch, 1);
    const { seq } = await put(store.db, "k", "1");
    expect(await waiting).toEqual([`${seq}: k=1`]);
    await store.close();
  });
});

describe("the initial state", () => {
  test("comes in pages at one seq, and every batch after it follows", async () => {
    const store = await openPlainStore();
    const { db } = store;
    await db.write(Array.from({ length: 300 }, (_, i) => ({ op: "put", key: `k${i + 100}`, value: `${i}` })));
    await db.delete("k100");
    const watch = db.watch({ prefix: "k" }, { initial: true });
    const [first] = await watch.nextv(1);
    await put(db, "k101", "changed");
    const [second] = await watch.nextv(1);
    expect([first!.items.length, second!.items.length]).toEqual([256, 43]);
    expect([first, second]).toMatchObject([
      { seq: 301, initial: true, more: true },
      { seq: 301, initial: true },
    ]);
    expect(second).not.toHaveProperty("more");
    expect(await next(watch, 1)).toEqual(["302: k101=changed"]);
    await watch.close();
    expect((await db.stats()).snapshots).toMatchObject({ pins: 0 });
    await store.close();
  });

  test("of nothing is one empty page", async () => {
    const store = await openPlainStore();
    expect(await next(store.db.watch({ prefix: "x" }, { initial: true }), 1)).toEqual(["0: initial"]);
    await store.close();
  });
});

describe("progress", () => {
  test("is told at once, and while nothing happens in the range", async () => {
    const store = await openPlainStore();
    const watch = store.db.watch({ prefix: "x" }, { progress: true });
    expect(await next(watch, 1)).toEqual(["0:"]);
    const waiting = next(watch, 1);
    await put(store.db, "y", "");
    expect(await waiting).toEqual(["1:"]);
    await store.close();
  });
});

describe("a slow watcher", () => {
  const small = { tuning: { watchQueueBytesMax: 4 * KIB } };

  test("goes on from the log, and lacks nothing", async () => {
    const store = await openPlainStore(small);
    const { db } = store;
    const watch = db.watch({ prefix: "k" });
    const first = watch.nextv(1);
    for (let i = 1; i <= 50; i++) await put(db, `k${i}`, "x".repeat(1000));
    const keys = [...(await first), ...(await watch.nextv(49))].flatMap(({ items }) =>
      items.map((item) => text(keyOf(item))),
    );
    expect(keys).toEqual(Array.from({ length: 50 }, (_, i) => `k${i + 1}`));
    expect((await db.stats()).feed).toMatchObject({ queuedBytes: 0 });
    const waiting = watch.nextv(1);
    await put(db, "klast", "");
    expect((await waiting).map(({ items }) => text(keyOf(items[0]!)))).toEqual(["klast"]);
    await store.close();
  });

  test("is closed with its last seq once the log is gone", async () => {
    const store = await openPlainStore(small);
    const watch = store.db.watch();
    const first = watch.nextv(1);
    await put(store.db, "k", "1");
    expect((await first).map(shown)).toEqual(["1: k=1"]);
    await churn(store);
    const error = await errorOf(watch.nextv(1));
    expect(error).toMatchObject({ code: "OVERLOADED", details: { lastSeq: 1 } });
    await store.close();
  });

  test("does not lose its place where others' batches are many", async () => {
    const store = await openPlainStore(small);
    const watch = store.db.watch({ prefix: "k" });
    const first = watch.nextv(1);
    await put(store.db, "k", "1");
    await first;
    await churn(store);
    const waiting = next(watch, 1);
    const { seq } = await put(store.db, "k", "2");
    expect(await waiting).toEqual([`${seq}: k=2`]);
    await store.close();
  });

  test("gets a batch that is larger than its buffer in parts, between which it may resume", async () => {
    const store = await openPlainStore(small);
    const { db } = store;
    const watch = db.watch({ prefix: "k" });
    const first = watch.nextv(1);
    await db.write(
      Array.from({ length: 20 }, (_, i) => ({
        op: "put",
        key: `${i % 2 === 0 ? "k" : "x"}${i}`,
        value: "v".repeat(900),
      })),
    );
    const parts = [...(await first), ...(await watch.nextv(2))];
    expect(parts.map(({ items, more }) => [items.length, more])).toEqual([
      [3, true],
      [3, true],
      [3, true],
    ]);
    const whole = [...parts, ...(await watch.nextv(1))];
    expect(whole.at(-1)).toMatchObject({ seq: 20 });
    expect(whole.at(-1)).not.toHaveProperty("more");
    const keys = whole.flatMap(({ items }) => items.map((item) => text(keyOf(item))));
    const again = db.watch({ prefix: "k" }, { afterSeq: parts[1]!.seq });
    const rest = (await again.nextv(2)).flatMap(({ items }) => items.map((item) => text(keyOf(item))));
    expect(rest).toEqual(keys.slice(6));
    await store.close();
  });
});

describe("log that is kept for the feed", () => {
  const kept = { feedBytes: 1024 * KIB, feedAgeMs: 3600_000 };

  test("lets a watch go on after flushes and after a restart", async () => {
    const store = await openPlainStore(kept);
    await put(store.db, "k", "1");
    await churn(store);
    const all = (await store.db.watch({}, { afterSeq: 0 }).nextv(5)).map(({ seq, items }) => [seq, items.length]);
    expect(all).toEqual([
      [1, 1],
      [21, 20],
      [41, 20],
      [61, 20],
      [81, 20],
    ]);
    expect((await store.db.stats()).feed).toMatchObject({ oldestSeq: 0 });
    for (let boot = 0; boot < 3; boot++) {
      await store.close();
      await store.open();
      expect((await store.db.watch({}, { afterSeq: 0 }).nextv(5)).map(({ seq, items }) => [seq, items.length])).toEqual(
        all,
      );
    }
    await churn(store, 1);
    expect(await store.db.watch({ prefix: "churn/0" }, { afterSeq: 80 }).nextv(1)).toMatchObject([
      { items: { length: 20 } },
    ]);
    const { problems } = await store.db.verify();
    expect(problems).toEqual([]);
    await store.close();
  });

  test("goes when the budget in bytes is used up", async () => {
    const store = await openPlainStore({ feedBytes: 100 * KIB });
    await put(store.db, "k", "1");
    await churn(store, 8);
    await store.nextTurn();
    const { oldestSeq, bytes: used } = (await store.db.stats()).feed as { oldestSeq: number; bytes: number };
    expect(used).toBeLessThanOrEqual(100 * KIB);
    expect(oldestSeq).toBeGreaterThan(1);
    expect(await errorOf(store.db.watch({}, { afterSeq: oldestSeq - 1 }).nextv(1))).toMatchObject({
      code: "FEED_TRIMMED",
      details: { oldestSeq },
    });
    const [first] = await store.db.watch({}, { afterSeq: oldestSeq }).nextv(1);
    expect(first!.seq).toBe(oldestSeq + 20);
    await store.close();
    await store.open();
    expect((await store.db.stats()).feed).toMatchObject({ oldestSeq });
    await store.close();
  });

  test("goes with its age", async () => {
    const store = await openPlainStore(kept);
    await put(store.db, "k", "1");
    await churn(store, 2);
    store.clock.advance(2 * 3600 * 1_000_000);
    await churn(store, 2);
    await store.nextTurn();
    const { oldestSeq } = (await store.db.stats()).feed as { oldestSeq: number };
    expect(oldestSeq).toBe(41);
    await store.close();
  });

  test("goes with its age though nobody writes, also what an earlier opening kept", async () => {
    const store = await openPlainStore(kept);
    // Each turn in which nobody has anything to do takes the scheduler to the next hour that somebody waits for.
    const minutesPass = async () => {
      for (let i = 0; i < 50; i++) await store.nextTurn();
    };
    await put(store.db, "k", "1");
    await churn(store, 2);
    await store.close();
    await store.open();
    const logs = () => (store.fileSystem as MemoryFileSystem).list("d").filter((name) => name.endsWith(".log")).length;
    const before = logs();
    expect((await store.db.stats()).feed).toMatchObject({ oldestSeq: 0 });
    await minutesPass();
    expect((await store.db.stats()).feed).toMatchObject({ oldestSeq: 0 });
    store.clock.advance(2 * 3600 * 1_000_000);
    await minutesPass();
    expect((await store.db.stats()).feed).toMatchObject({ oldestSeq: 41, bytes: 0 });
    expect(logs()).toBeLessThan(before);
    const { problems } = await store.db.verify();
    expect(problems).toEqual([]);
    await store.close();
    await store.open();
    expect((await store.db.stats()).feed).toMatchObject({ oldestSeq: 41 });
    await store.close();
  });

  test("is removed where the next opening keeps none", async () => {
    const fileSystem = new MemoryFileSystem();
    const store = await openPlainStore(kept, { fileSystem });
    await churn(store);
    const files = () => fileSystem.list("d").filter((name) => name.endsWith(".log")).length;
    expect(files()).toBeGreaterThan(3);
    await store.close();
    const plain = await openPlainStore({}, { fileSystem, batches: store.batches });
    expect(files()).toBe(1);
    await plain.close();
  });

  test("that is damaged is where the feed ends, and the store opens all the same", async () => {
    const fileSystem = new MemoryFileSystem();
    const store = await openPlainStore(kept, { fileSystem });
    await put(store.db, "k", "1");
    await churn(store);
    await store.close();
    const logs = fileSystem.list("d").filter((name) => name.endsWith(".log"));
    fileSystem.replace(`d/${logs[1]}`, new Uint8Array(100));
    await store.open();
    expect(await errorOf(store.db.watch({}, { afterSeq: 1 }).nextv(1))).toMatchObject({ code: "FEED_TRIMMED" });
    const { oldestSeq } = (await store.db.stats()).feed as { oldestSeq: number };
    expect(await store.db.watch({}, { afterSeq: oldestSeq }).nextv(1)).toMatchObject([{ items: { length: 20 } }]);
    await store.close();
  });
});

describe("a restore past the log", () => {
  test("has its place for a watch that reads the log meanwhile", async () => {
    const fileSystem = new HeldLogs();
    const store = await openPlainStore({ tuning: { restoreOperationsMax: 0 } }, { fileSystem });
    await store.db.put("a", "1", { timestamp: 100 });
    await store.db.put("a", "2", { timestamp: 200 });
    const watch = store.db.watch({}, { afterSeq: 0 });
    fileSystem.hold();
    const first = next(watch, 2);
    const { timestamp } = await store.db.restore({ prefix: "a" }, 100);
    await store.db.put("b", "3");
    fileSystem.release();
    expect(await first).toEqual(["1: a=1", "2: a=2"]);
    expect(await next(watch, 1)).toEqual([`3: [a,b)<100@${timestamp}`]);
    expect(await next(watch, 1)).toEqual(["4: b=3"]);
    await watch.close();
    await store.close();
  });
});

describe("buffered writes", () => {
  test("are shown once they are on disk, and not before", async () => {
    const fileSystem = new MemoryFileSystem();
    const store = await openPlainStore({ durability: "buffered" }, { fileSystem });
    let syncs = 0;
    fileSystem.onCall = ({ kind, path }) => {
      if (kind === "sync" && path.endsWith(".log")) syncs++;
    };
    await put(store.db, "k0", "");
    expect(syncs).toBe(0);
    const watch = store.db.watch({ prefix: "k" }, { afterSeq: 0 });
    const first = await next(watch, 1);
    expect(first).toEqual(["1: k0="]);
    expect(syncs).toBeGreaterThan(0);
    const before = syncs;
    const waiting = next(watch, 2);
    await put(store.db, "k1", "");
    await put(store.db, "k2", "");
    expect(await waiting).toEqual(["2: k1=", "3: k2="]);
    expect(syncs).toBeGreaterThan(before);
    expect(await next(store.db.watch({}, { initial: true }), 1)).toEqual(["3: k0= k1= k2= initial"]);
    await store.close();
  });
});
