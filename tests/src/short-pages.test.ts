import { connect, connectHttp } from "@kvts/client";
import type { Entries, Operation, Reader } from "@kvts/common";
import { type Db, open } from "@kvts/db";
import { type Server, serve } from "@kvts/server";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type TemporaryDirectory, temporaryDirectory } from "./server-process.ts";

/*
 * What is sparse takes long to find. Here the server gives a page no time at all, so that it answers after every stretch
 * that the engine goes through: with little, or with nothing.
 */

const keys = 3000;
const name = (index: number): string => `key/${String(index).padStart(6, "0")}`;

let directory: TemporaryDirectory;
let db: Db;
let server: Server;

/** Written in time 10; deleted in 20, but for one in 1,000; changed in 30, two of them. */
async function load(): Promise<void> {
  for (let at = 0; at < keys; at += 1000) {
    const batch = Array.from({ length: 1000 }, (_, offset): Operation[] => {
      const key = name(at + offset);
      const put: Operation = { op: "put", key, value: "1", timestamp: 10 };
      return (at + offset) % 1000 === 42 ? [put] : [put, { op: "delete", key, timestamp: 20 }];
    });
    await db.write(batch.flat());
  }
  await db.put(name(42), "2", { timestamp: 30 });
  await db.put(name(2900), "2", { timestamp: 30 });
  const numbers = Array.from({ length: 3000 }, (_, index): Operation => {
    return { op: "put", key: "numbers", value: index % 5 === 0 ? "none" : `${index}.1`, timestamp: index };
  });
  await db.write(numbers);
}

beforeAll(async () => {
  directory = await temporaryDirectory();
  db = await open(directory.path, { memtableBytes: 512 * 1024, blockCacheBytes: 64 * 1024 });
  await load();
  await db.flush();
  server = await serve(db, { port: 0, httpPort: 0, pageTimeMs: 0 });
}, 60_000);

afterAll(async () => {
  await server.close();
  await db.close();
  await directory[Symbol.asyncDispose]();
});

const range = { prefix: "key/" };
const wide = { from: 20, to: 40 };

/** Lists that find little, or much in one place, by what they are. */
const lists: Record<string, (reader: Reader) => Entries<unknown>> = {
  "a scan": (reader) => reader.scan(range),
  "a scan from the end": (reader) => reader.scan(range, { reverse: true }),
  "a scan with a limit": (reader) => reader.scan(range, { limit: 2 }),
  "a scan of nothing": (reader) => reader.scan(range, { asOf: 5 }),
  "a scan that finds much": (reader) => reader.scan(range, { asOf: 15, limit: 20 }),
  "a diff of few changes": (reader) => reader.diff(range, wide),
  "a diff of many changes": (reader) => reader.diff(range, { from: 10, to: 40, limit: 20 }),
  "a history": (reader) => reader.history("numbers", { limit: 20 }),
  "a history from its beginning": (reader) => reader.history("numbers", { reverse: true, from: 7, limit: 20 }),
  "an aggregate in one step": (reader) => reader.aggregate("numbers", { step: "1h" }),
  "an aggregate in many steps": (reader) => reader.aggregate("numbers", { step: 2 }),
  "an aggregate of a part": (reader) => reader.aggregate("numbers", { step: 700, from: 300, to: 2500, limit: 3 }),
};

describe.each([
  ["gRPC", () => connect(server.grpcUrl)],
  ["HTTP", () => connectHttp(server.httpUrl)],
] as const)("over %s, pages without time add up to the same", (_, open) => {
  test.each(Object.entries(lists))("%s", { timeout: 60_000 }, async (_, list) => {
    await using store = open();
    const plain = (items: readonly unknown[]): unknown => JSON.parse(JSON.stringify(items));
    expect(plain(await list(store).toArray())).toEqual(plain(await list(db).toArray()));
    await using snapshot = await store.snapshot();
    expect(plain(await list(snapshot).toArray())).toEqual(plain(await list(db).toArray()));
  });
});

interface PageJson {
  readonly items: readonly unknown[];
  readonly nextPageToken?: string;
}

async function pagesOf(query: string): Promise<number[]> {
  const sizes: number[] = [];
  let token = "";
  for (;;) {
    const response = await fetch(`${server.httpUrl}/v1/${query}${token}`);
    expect(response.status).toBe(200);
    const { items, nextPageToken } = (await response.json()) as PageJson;
    sizes.push(items.length);
    if (nextPageToken === undefined) return sizes;
    token = `&pageToken=${nextPageToken}`;
  }
}

test("a page that has found nothing in its time is empty, with a token to go on", async () => {
  const scanned = await pagesOf("keys?prefix=key/");
  expect(scanned.reduce((sum, size) => sum + size)).toBe(4);
  expect(scanned.filter((size) => size === 0).length).toBeGreaterThan(1);
  const buckets = await pagesOf("keys/numbers/aggregate?step=1h");
  expect(buckets.slice(0, -1)).toEqual(buckets.slice(1).map(() => 0));
  expect(buckets.at(-1)).toBe(1);
  expect(buckets.length).toBeGreaterThan(10);
});
