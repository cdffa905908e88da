import { json, tuple } from "@kvts/common";
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
  await store.close();
});
