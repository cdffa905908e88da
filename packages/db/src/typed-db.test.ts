import { encodeTuple, json, tuple } from "@kvts/common";
import { expect, test } from "vitest";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { openPlainStore } from "./testing/plain-store.ts";

test("a typed view of the engine reads without promises too", async () => {
  const store = await openPlainStore({}, { fileSystem: new MemoryFileSystem() });
  const levels = store.db.with({ keys: tuple<[string, number]>(), value: json<{ level: number }>() });
  await levels.put(["a", 2], { level: 2 }, { timestamp: 1 });
  await levels.put(["a", 10], { level: 10 }, { timestamp: 1 });
  await levels.delete(["a", 10], { timestamp: 2 });
  expect(levels.getSync(["a", 2])).toMatchObject({ key: ["a", 2], value: { level: 2 } });
  expect(levels.getSync(["a", 3])).toBeUndefined();
  expect([...levels.scan({ prefix: ["a"] }, { asOf: 1 })].map(({ key }) => key[1])).toEqual([2, 10]);
  expect([...levels.history(["a", 10])]).toMatchObject([{ deleted: true }, { value: { level: 10 } }]);
  expect(await levels.scan({ prefix: ["a"] }).toArray()).toHaveLength(1);
  expect([...levels.diff({ prefix: ["a"] }, { from: 1, to: 2 })]).toEqual([
    { key: ["a", 10], kind: "removed", before: expect.objectContaining({ key: ["a", 10], value: { level: 10 } }) },
  ]);
  const before = levels.at(1);
  expect(before.getSync(["a", 10])?.value).toEqual({ level: 10 });
  expect([...before.scan({ prefix: ["a"] })]).toHaveLength(2);
  await store.close();
});

test("the engine's reads at a moment work without promises too", async () => {
  const store = await openPlainStore({ keys: "bytes" }, { fileSystem: new MemoryFileSystem() });
  const db = store.db.with({ keys: "string" });
  await db.put("a", "1", { timestamp: 1 });
  const snapshot = db.snapshot();
  await db.put("a", "2", { timestamp: 2 });
  await db.put("a", "backdated", { timestamp: 0 });
  const view = db.at(1);
  expect(view.getSync("a")?.text()).toBe("1");
  expect([...view.scan()].map((entry) => entry.text())).toEqual(["1"]);
  expect([...view.history("a")].map(({ timestamp }) => timestamp)).toEqual([1, 0]);
  expect([...snapshot.at(1).history("a")].map(({ timestamp }) => timestamp)).toEqual([1]);
  expect(() => view.getSync("a", { asOf: 2 })).toThrow("fixed at");
  await snapshot.close();
  expect(() => snapshot.at(1).getSync("a")).toThrow(expect.objectContaining({ code: "CLOSED" }));
  await store.close();
});

test("a policy for the bytes of a prefix of tuples holds for a string too that goes on with U+0000", async () => {
  const store = await openPlainStore({ keys: "bytes" }, { fileSystem: new MemoryFileSystem() });
  const rooms = store.db.with({ keys: tuple<[string, number]>() });
  const trimmed: (number | undefined)[] = [];
  for (const name of ["a", "ab", "a\0b"]) {
    await rooms.put([name, 1], "1", { timestamp: 1 });
    await rooms.put([name, 1], "2", { timestamp: 2 });
    trimmed.push((await store.db.setRetention(encodeTuple(["a"]), 1, { dryRun: true })).trimmed?.versions);
  }
  expect(await rooms.scan({ prefix: ["a"] }).toArray()).toHaveLength(1);
  expect(trimmed).toEqual([1, 1, 2]);
  await store.close();
});
