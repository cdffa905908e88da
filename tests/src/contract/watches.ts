import {
  type Entries,
  type FeedItem,
  type Key,
  type Range,
  textOf,
  type WatchEvent,
  type WatchOptions,
} from "@kvts/common";
import { expect, test } from "vitest";
import { fails, type Subject, uniqueKey } from "./subject.ts";

/** An event in one line: its operations, then what marks it. */
function told({ items, initial, more }: WatchEvent<Key>): string {
  const parts = items.map((item) => {
    if (item.op === "deleteRange") {
      const [start, end] = [item.range.start, item.range.end].map((bound) => bound && textOf(bound));
      return `-[${start},${end})@${item.timestamp}`;
    }
    if (item.op === "restored") return "(restored)";
    const key = typeof item.key === "string" ? item.key : textOf(item.key);
    if (item.op === "retract") return `~${key}@${item.timestamp}`;
    if (item.deleted === true) return `-${key}`;
    return `${key}=${item.text()}${item.expiresAt === undefined ? "" : ` until ${item.expiresAt}`}`;
  });
  return [...parts, ...(initial ? ["(state)"] : []), ...(more ? ["(more)"] : [])].join(" ");
}

function keyOf(item: FeedItem<Key>): Key | undefined {
  return item.op === "deleteRange" || item.op === "restored" ? undefined : item.key;
}

/** The change feed. */
export function watchTests(subject: Subject): void {
  const store = () => subject.shared.store;

  /** A watch that has begun: what is written from now on is in it. */
  async function begun(range: Range, options: WatchOptions = {}): Promise<Entries<WatchEvent>> {
    const watch = store().watch(range, { ...options, progress: true });
    const [first] = await watch.nextv(1);
    expect(first).toMatchObject({ items: [] });
    return watch;
  }

  /** The next events with items. */
  async function next(watch: Entries<WatchEvent<Key>>, count: number): Promise<WatchEvent<Key>[]> {
    const events: WatchEvent<Key>[] = [];
    while (events.length < count) {
      const [event] = await watch.nextv(1);
      if (event === undefined) break;
      if (event.items.length > 0 || event.initial === true) events.push(event);
    }
    return events;
  }

  test("yields batches whole, in the order of commits, as far as they lie in the range", async () => {
    const prefix = uniqueKey();
    const watch = await begun({ prefix });
    const { seq: first } = await store().put(`${prefix}a`, "1", { timestamp: 100, expiresAt: 200 });
    await store().put(uniqueKey(), "elsewhere");
    const { seq: second } = await store().write([
      { op: "put", key: `${prefix}b`, value: "2" },
      { op: "put", key: uniqueKey(), value: "elsewhere" },
      { op: "delete", key: `${prefix}a` },
    ]);
    const { seq: third } = await store().retract(`${prefix}a`, 100);
    const events = await next(watch, 3);
    expect(events.map((event) => told(event).replaceAll(prefix, ""))).toEqual(["a=1 until 200", "b=2 -a", "~a@100"]);
    expect(events.map(({ seq }) => seq)).toEqual([first, second, third]);
    expect(events[1]!.items.map(({ seq }) => seq)).toEqual([second - 2, second]);
    await watch.close();
    expect(await watch.nextv(1)).toEqual([]);
  });

  test("goes on behind any seq, also within a batch", async () => {
    const prefix = uniqueKey();
    const { seq } = await store().put(`${prefix}a`, "1");
    await store().write([
      { op: "put", key: `${prefix}b`, value: "2" },
      { op: "put", key: `${prefix}c`, value: "3" },
    ]);
    await using all = store().watch({ prefix }, { afterSeq: seq - 1 });
    expect((await next(all, 2)).map((event) => told(event).replaceAll(prefix, ""))).toEqual(["a=1", "b=2 c=3"]);
    await using half = store().watch({ prefix }, { afterSeq: seq + 1 });
    expect((await next(half, 1)).map((event) => told(event).replaceAll(prefix, ""))).toEqual(["c=3"]);
  });

  test("begins with the state at one seq where that is wanted, without a gap", async () => {
    const prefix = uniqueKey();
    await store().put(`${prefix}a`, "1");
    await store().put(`${prefix}gone`, "1");
    const { seq } = await store().delete(`${prefix}gone`);
    await using watch = store().watch({ prefix }, { initial: true });
    const [state] = await next(watch, 1);
    expect(state).toMatchObject({ seq, initial: true });
    await store().put(`${prefix}b`, "2");
    const events = [state!, ...(await next(watch, 1))];
    expect(events.map((event) => told(event).replaceAll(prefix, ""))).toEqual(["a=1 (state)", "b=2"]);
    await using empty = store().watch({ prefix: uniqueKey() }, { initial: true });
    expect((await next(empty, 1)).map(told)).toEqual(["(state)"]);
  });

  test("gives a large state in pages", async () => {
    const prefix = uniqueKey();
    await store().write(
      Array.from({ length: 700 }, (_, i) => ({ op: "put", key: `${prefix}${i}`, value: "x".repeat(10_000) })),
    );
    await using watch = store().watch({ prefix }, { initial: true });
    const pages: WatchEvent<Key>[] = [];
    while (pages.at(-1)?.more === true || pages.length === 0) pages.push(...(await next(watch, 1)));
    expect(pages.length).toBeGreaterThan(1);
    expect(new Set(pages.map(({ seq, initial }) => `${seq} ${initial}`)).size).toBe(1);
    expect(new Set(pages.flatMap(({ items }) => items.map(keyOf))).size).toBe(700);
  });

  test("shows a deleted range as one operation to whoever watches any of it", async () => {
    const prefix = uniqueKey();
    const [all, part, other] = [
      await begun({ prefix }),
      await begun({ start: `${prefix}b`, end: `${prefix}c` }),
      await begun({ start: `${prefix}x`, end: `${prefix}z` }),
    ];
    await store().deleteRange({ start: `${prefix}a`, end: `${prefix}d` }, { timestamp: 100 });
    await store().write([
      { op: "deleteRange", start: `${prefix}b`, timestamp: 200, end: `${prefix}b` },
      { op: "put", key: `${prefix}b`, value: "1" },
      { op: "deleteRange", prefix: `${prefix}y`, timestamp: 300 },
      { op: "retract", key: `${prefix}c`, timestamp: 100 },
    ]);
    const seen = async (watch: Entries<WatchEvent<Key>>, count: number) => (await next(watch, count)).map(told);
    expect(await seen(all, 2)).toEqual([
      `-[${prefix}a,${prefix}d)@100`,
      `${prefix}b=1 -[${prefix}y,${prefix}z)@300 ~${prefix}c@100`,
    ]);
    expect(await seen(part, 2)).toEqual([`-[${prefix}b,${prefix}c)@100`, `${prefix}b=1`]);
    expect(await seen(other, 1)).toEqual([`-[${prefix}y,${prefix}z)@300`]);
    for (const watch of [all, part, other]) await watch.close();
  });

  test("gives keys that are no text as bytes", async () => {
    const { bytes } = subject.shared;
    const key = new Uint8Array([...new TextEncoder().encode(uniqueKey()), 0, 255]);
    await using watch = bytes.watch({ prefix: key }, { progress: true });
    await watch.nextv(1);
    await bytes.put(key, new Uint8Array([255, 0]));
    const [event] = await next(watch, 1);
    expect(event!.items).toMatchObject([{ key, value: new Uint8Array([255, 0]) }]);
  });

  test("gives a batch of many operations in parts that follow each other", async () => {
    const prefix = uniqueKey();
    const watch = await begun({ prefix });
    const { seq } = await store().write(
      Array.from({ length: 3000 }, (_, i) => ({ op: "put", key: `${prefix}${i}`, value: "x".repeat(900) })),
    );
    const parts: WatchEvent<Key>[] = [];
    while (parts.at(-1)?.seq !== seq) parts.push(...(await next(watch, 1)));
    expect(parts.flatMap(({ items }) => items.map(keyOf))).toEqual(
      Array.from({ length: 3000 }, (_, i) => `${prefix}${i}`),
    );
    expect(parts.map(({ more }) => more === true)).toEqual(parts.map((part) => part !== parts.at(-1)));
    await watch.close();
  });

  test("refuses what it cannot give", async () => {
    const { seq, incarnation } = await store().stats();
    await fails(
      () =>
        store()
          .watch({}, { afterSeq: seq + 1_000_000 })
          .nextv(1),
      "INVALID_ARGUMENT",
    );
    await fails(() => store().watch({}, { afterSeq: -1 }).nextv(1), "INVALID_ARGUMENT");
    await fails(
      () =>
        store()
          .watch({}, { afterSeq: seq, incarnation: `not ${incarnation}` })
          .nextv(1),
      "INVALID_ARGUMENT",
    );
    await fails(
      () =>
        store()
          .watch({ prefix: "a", start: "b" } as unknown as Range)
          .nextv(1),
      "INVALID_ARGUMENT",
    );
    await fails(
      () =>
        store()
          .watch({}, { since: 1 } as WatchOptions)
          .nextv(1),
      "INVALID_ARGUMENT",
    );
    await using same = store().watch({}, { afterSeq: seq, incarnation, progress: true });
    expect(await same.nextv(1)).toMatchObject([{ items: [] }]);
  });

  test("ends with its signal, and when the store is closed", async () => {
    await using own = await subject.fresh();
    const abort = new AbortController();
    const aborted = own.store.watch({}, { signal: abort.signal, progress: true });
    await aborted.nextv(1);
    const waiting = fails(() => aborted.nextv(1), "CANCELLED");
    abort.abort();
    await waiting;
    const open = own.store.watch({}, { progress: true });
    await open.nextv(1);
    const closed = fails(() => open.nextv(1), "CLOSED");
    await own.store.close();
    await closed;
  });

  test("many watches each see their own", async () => {
    const prefix = uniqueKey();
    const watches = await Promise.all(Array.from({ length: 50 }, (_, i) => begun({ prefix: `${prefix}${i}/` })));
    await Promise.all(watches.map((_, i) => store().put(`${prefix}${i}/k`, `${i}`)));
    const seen = await Promise.all(watches.map(async (watch) => told((await next(watch, 1))[0]!)));
    expect(seen).toEqual(watches.map((_, i) => `${prefix}${i}/k=${i}`));
    await Promise.all(watches.map((watch) => watch.close()));
  });
}
