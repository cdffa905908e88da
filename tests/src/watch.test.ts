import { type ClientOptions, connect, connectHttp } from "@kvts/client";
import type { FeedItem, KvtsError, Store, WatchEvent } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { cuttingProxy } from "./cutting-proxy.ts";
import { type ServerProcess, startServer, temporaryDirectory } from "./server-process.ts";

const timeout = 60_000;
const flags = ["--log-level", "warn"];
/** Clients that look for a lost server again at once. */
const impatient: ClientOptions = { retry: { triesMax: 3, delayMsFirst: 5, delayMsMax: 50 } };

interface Face {
  readonly name: string;
  urlOf(server: ServerProcess): string;
  connect(url: string): Store;
}

const faces: readonly Face[] = [
  { name: "gRPC", urlOf: ({ grpcUrl }) => grpcUrl, connect: (url) => connect(url, impatient) },
  { name: "HTTP", urlOf: ({ httpUrl }) => httpUrl, connect: (url) => connectHttp(url, impatient) },
];

function keyOf(item: FeedItem): string | undefined {
  return item.op === "deleteRange" || item.op === "restored" ? undefined : item.key;
}

/** An operation as one word. */
function told(item: FeedItem): string {
  const value = item.op === undefined && item.deleted !== true ? `=${item.text()}` : "";
  return `${item.seq} ${item.op ?? ""}${keyOf(item)}@${item.timestamp}${value}`;
}

/** Takes what a watch brings, until it fails or is closed. */
function collect(store: Store, seen: string[]): { readonly end: () => Promise<void> } {
  const watch = store.watch({ prefix: "k" }, { afterSeq: 0 });
  const running = (async () => {
    for await (const { items } of watch) seen.push(...items.map(told));
  })();
  return {
    async end() {
      await watch.close();
      await running;
    },
  };
}

/** Writes until it is told to stop, and lets the writes fail that a dead server does not take. */
async function write(store: Store, signal: AbortSignal): Promise<number> {
  let acknowledged = 0;
  for (let i = 0; !signal.aborted; i++) {
    const operations = ["a", "b"].map((part) => ({ op: "put", key: `k${i % 50}${part}`, value: `${i}` }) as const);
    const written = await store.write(operations, { timeoutMs: 5000 }).catch(() => undefined);
    if (written !== undefined) acknowledged++;
  }
  return acknowledged;
}

/** All that the feed has from its beginning up to now. */
async function wholeFeed(store: Store): Promise<string[]> {
  const { seq } = await store.stats();
  await using watch = store.watch({ prefix: "k" }, { afterSeq: 0, progress: true });
  const items: string[] = [];
  for await (const event of watch) {
    items.push(...event.items.map(told));
    if (event.seq >= seq) return items;
  }
  return items;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(10);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

describe.each(faces)("over $name", ({ urlOf, connect: connectTo }) => {
  test("a watch outlives servers that are killed, without a gap and without anything twice", { timeout }, async () => {
    await using directory = await temporaryDirectory();
    let server = await startServer({ dbPath: directory.path, flags });
    const writer = connectTo(urlOf(server));
    const watcher = connectTo(urlOf(server));
    const seen: string[] = [];
    const watch = collect(watcher, seen);
    const stopped = new AbortController();
    const writing = write(writer, stopped.signal);
    for (let kill = 0; kill < 3; kill++) {
      const before = seen.length;
      await until(() => seen.length > before + 40);
      expect(await server.stop("SIGKILL")).toBeNull();
      server = await server.restart();
    }
    const before = seen.length;
    await until(() => seen.length > before + 40);
    stopped.abort();
    const acknowledged = await writing;
    const whole = await wholeFeed(writer);
    await until(() => seen.length >= whole.length);
    await watch.end();
    expect(seen).toEqual(whole);
    expect(whole.length).toBeGreaterThanOrEqual(acknowledged * 2);
    await Promise.all([writer.close(), watcher.close()]);
    expect(await server.stop(), server.log()).toBe(0);
  });

  test("a watch outlives connections that are cut anywhere", { timeout }, async () => {
    await using directory = await temporaryDirectory();
    await using server = await startServer({ dbPath: directory.path, flags });
    await using proxy = await cuttingProxy(urlOf(server));
    await using writer = connectTo(urlOf(server));
    await using watcher = connectTo(proxy.url);
    const seen: string[] = [];
    const stopped = new AbortController();
    proxy.cutAfterBytes.push(...Array.from({ length: 20 }, () => 1500 + Math.floor(Math.random() * 5000)));
    const watch = collect(watcher, seen);
    const writing = write(writer, stopped.signal);
    await until(() => proxy.connections > 20);
    for (let cut = 0; cut < 5; cut++) {
      const before = seen.length;
      await until(() => seen.length > before);
      proxy.cut();
    }
    stopped.abort();
    await writing;
    const whole = await wholeFeed(writer);
    await until(() => seen.length >= whole.length);
    await watch.end();
    expect(seen).toEqual(whole);
  });

  const KEYS = 12_000;

  test.each(["is cut", "loses its server"])(
    "a watch that %s within its initial state gives it once and whole",
    {
      timeout,
    },
    async (how) => {
      await using directory = await temporaryDirectory();
      await using first = await startServer({ dbPath: directory.path, flags });
      await using proxy = await cuttingProxy(urlOf(first));
      await using writer = connectTo(urlOf(first));
      await using watcher = connectTo(proxy.url);
      const value = "x".repeat(1000);
      const keys = Array.from({ length: KEYS }, (_, i) => `k${String(i).padStart(5, "0")}`);
      for (let from = 0; from < KEYS; from += 4000) {
        await writer.write(keys.slice(from, from + 4000).map((key) => ({ op: "put", key, value })));
      }
      const { seq } = await writer.stats();
      // Far enough for a page, and in the middle of some other one; once where the page has come before.
      if (how === "is cut") proxy.cutAfterBytes.push(5_000_000, 1_000_000, 10_000_000);
      await using watch = watcher.watch({ prefix: "k" }, { initial: true });
      const pages: WatchEvent[] = [...(await watch.nextv(1))];
      expect(pages).toMatchObject([{ initial: true, more: true, seq }]);
      const last = await writer.write([
        { op: "delete", key: keys[0]! },
        { op: "put", key: keys.at(-1)!, value: "later" },
      ]);
      await using server = how === "is cut" ? undefined : await killed(first);
      while (pages.at(-1)!.more === true) pages.push(...(await watch.nextv(1)));
      expect(proxy.connections).toBeGreaterThan(how === "is cut" ? 3 : 1);
      expect(new Set(pages.map((page) => `${page.seq} ${page.initial}`))).toEqual(new Set([`${seq} true`]));
      expect(pages.flatMap(({ items }) => items.map(keyOf))).toEqual(keys);
      const [next] = await watch.nextv(1);
      expect(next).toMatchObject({ seq: last.seq, items: [{ key: keys[0] }, { key: keys.at(-1) }] });
      expect(server === undefined || server.pid !== first.pid).toBe(true);
    },
  );
});

/** So little memory and feed that what is a few megabytes old is gone. */
const forgetful = [...flags, "--memtable-bytes", "256KiB", "--feed-bytes", "0"];

describe.each(faces)("a server that keeps no feed, over $name,", ({ urlOf, connect: connectTo }) => {
  const writeMany = async (store: Store, megabytes: number): Promise<void> => {
    const value = new Uint8Array(100_000);
    for (let i = 0; i < megabytes * 10; i++) await store.put(`k${i % 20}`, value);
  };

  test("says from where on there is one", { timeout }, async () => {
    await using directory = await temporaryDirectory();
    await using server = await startServer({ dbPath: directory.path, flags: forgetful });
    await using store = connectTo(urlOf(server));
    const { seq } = await store.put("k", "v");
    await writeMany(store, 10);
    // Logs go as memory is flushed behind the writes, and with them what can be read: asked again until that is over.
    let afterSeq = seq;
    for (let tries = 0; ; tries++) {
      await using watch = store.watch({}, { afterSeq, progress: true });
      const outcome = await watch.nextv(1).catch((error: unknown) => error as KvtsError);
      if (Array.isArray(outcome)) {
        expect([outcome.length, tries > 0]).toEqual([1, true]);
        break;
      }
      expect(outcome).toMatchObject({ code: "FEED_TRIMMED", details: { oldestSeq: expect.anything() } });
      const oldestSeq = Number(outcome.details.oldestSeq);
      expect(oldestSeq).toBeGreaterThan(afterSeq);
      afterSeq = oldestSeq;
      expect(tries).toBeLessThan(20);
    }
  });

  test("ends a watch that reads too slowly, and says how far it has come", { timeout }, async () => {
    await using directory = await temporaryDirectory();
    await using server = await startServer({ dbPath: directory.path, flags: forgetful });
    await using store = connectTo(urlOf(server));
    await using slow = store.watch({ prefix: "k" }, { progress: true });
    await slow.nextv(1);
    const before = (await store.stats()).seq;
    await writeMany(store, 50);
    const seqs: number[] = [];
    const failure = await (async () => {
      for await (const { items } of slow) seqs.push(...items.map(({ seq }) => seq));
    })().catch((error: unknown) => error as KvtsError);
    expect(failure).toMatchObject({ code: "OVERLOADED" });
    // All that came did so in order, without a gap, up to where it says.
    expect(seqs).toEqual(seqs.map((_, i) => before + 1 + i));
    expect(Number(failure!.details.lastSeq)).toBe(seqs.at(-1));
  });
});

async function killed(server: ServerProcess): Promise<ServerProcess> {
  expect(await server.stop("SIGKILL")).toBeNull();
  return await server.restart();
}
