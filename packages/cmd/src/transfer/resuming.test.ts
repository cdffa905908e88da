import { type Entries, KvtsError, limits, makeEntries, type Operation } from "@kvts/common";
import { createModelStore } from "@kvts/db/testing";
import { expect, test } from "vitest";
import type { ByteStore } from "../target/use-store.ts";
import { allVersions } from "./all-versions.ts";

/** The list, whose place is forgotten after it was read from once, as by a server whose client pauses too long. */
function forgetful<T>(entries: Entries<T>, expired: () => void): Entries<T> {
  let calls = 0;
  const nextv = (count: number): Promise<T[]> => {
    if (calls++ === 0) return entries.nextv(count);
    expired();
    return Promise.reject(new KvtsError("CURSOR_EXPIRED", "the page token has expired; start again"));
  };
  return Object.assign(makeEntries<T>({ pull: () => Promise.resolve([]) }), { nextv, close: () => entries.close() });
}

test("an export goes on where a server has let go of its place", async () => {
  const inner = createModelStore().with({ keys: "bytes" });
  const longest = Buffer.alloc(limits.keyBytesMax, "b");
  const keys = [..."a,a\0,aa,b".split(",").map((key) => Buffer.from(key)), longest, Buffer.of(0xff)];
  const operations: Operation[] = [];
  for (const key of keys) {
    for (const timestamp of [1, 2, limits.timestampMax]) operations.push({ op: "put", key, value: "v", timestamp });
  }
  for (let timestamp = 3; timestamp < 600; timestamp++) operations.push({ op: "delete", key: "aa", timestamp });
  await inner.write(operations);
  let expiries = 0;
  const count = (): void => {
    expiries++;
  };
  const store = Object.assign(Object.create(inner) as ByteStore, {
    scan: (...args: Parameters<ByteStore["scan"]>) => forgetful(inner.scan(...args), count),
    history: (...args: Parameters<ByteStore["history"]>) => forgetful(inner.history(...args), count),
  });
  const found: string[] = [];
  for await (const piece of allVersions(store, {}, new AbortController().signal)) {
    found.push(...piece.map(({ key, timestamp }) => `${Buffer.from(key).toString("latin1").slice(0, 3)} ${timestamp}`));
  }
  const expected: string[] = [];
  for (const key of keys) {
    const versions = await inner.history(key, { reverse: true }).toArray();
    expected.push(...versions.map(({ timestamp }) => `${key.toString("latin1").slice(0, 3)} ${timestamp}`));
  }
  expect(found).toEqual(expected);
  expect(found).toHaveLength(6 * 3 + 597);
  expect(expiries).toBeGreaterThan(keys.length);
});

test("other failures are not hidden", async () => {
  const scan = (): Entries<never> => makeEntries({ pull: () => Promise.reject(new KvtsError("UNAVAILABLE", "gone")) });
  const store = Object.assign(Object.create(createModelStore().with({ keys: "bytes" })) as ByteStore, { scan });
  await expect(allVersions(store, {}, new AbortController().signal).next()).rejects.toThrow("gone");
});
