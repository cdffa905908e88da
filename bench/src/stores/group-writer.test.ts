import { expect, it } from "vitest";
import type { Put } from "./contender.ts";
import { GroupWriter } from "./group-writer.ts";

const put = (key: string): Put => ({ op: "put", key, timestamp: 1, value: Buffer.alloc(1) });

it("writes together what is asked for meanwhile, and answers when it is written", async () => {
  const groups: string[][] = [];
  let finish: (() => void) | undefined;
  const writer = new GroupWriter((puts) => {
    groups.push(puts.map(({ key }) => key));
    return new Promise((resolve) => {
      finish = resolve;
    });
  });
  const done: string[] = [];
  const write = (key: string) => writer.put(put(key)).then(() => done.push(key));
  const first = [write("a"), write("b")];
  await new Promise(setImmediate);
  const second = [write("c"), write("d")];
  await new Promise(setImmediate);
  expect(groups).toEqual([["a", "b"]]);
  expect(done).toEqual([]);
  finish!();
  await Promise.all(first);
  expect(done).toEqual(["a", "b"]);
  await new Promise(setImmediate);
  expect(groups).toEqual([
    ["a", "b"],
    ["c", "d"],
  ]);
  finish!();
  await Promise.all(second);
});

it("fails a group whose write fails, and goes on with the next", async () => {
  let writes = 0;
  const writer = new GroupWriter(() => {
    if (++writes === 1) throw new Error("disk");
  });
  await expect(writer.put(put("a"))).rejects.toThrow("disk");
  await writer.put(put("b"));
  expect(writes).toBe(2);
});
