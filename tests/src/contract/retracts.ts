import { json, type Operation } from "@kvts/common";
import { expect, test } from "vitest";
import { fails, listed, permutations, read, type Subject, uniqueKey } from "./subject.ts";

/** Taking back what was written at one timestamp. */
export function retractTests(subject: Subject): void {
  const store = () => subject.shared.store;

  /** A key with a value at 100, another at 200, and a tombstone at 300. */
  async function written(): Promise<string> {
    const key = uniqueKey();
    await store().put(key, "one", { timestamp: 100 });
    await store().put(key, "two", { timestamp: 200 });
    await store().delete(key, { timestamp: 300 });
    return key;
  }

  const moments = async (key: string): Promise<(string | undefined)[]> =>
    Promise.all([100, 200, 300, undefined].map((asOf) => read(store(), key, asOf)));

  test("what held before holds on, wherever it is read", async () => {
    const key = await written();
    const { timestamp, seq } = await store().retract(key, 200);
    expect(timestamp).toBe(200);
    expect(await moments(key)).toEqual(["one", "one", undefined, undefined]);
    expect(await listed(store().history(key))).toEqual([`${key}@300 deleted`, `${key}@100=one`]);
    expect((await store().scan({ prefix: key }, { asOf: 250 }).toArray()).map((entry) => entry.text())).toEqual([
      "one",
    ]);
    expect(await store().diff({ prefix: key }, { from: 150, to: 250 }).toArray()).toEqual([]);
    expect((await store().getMany([key], { asOf: 299 })).map((entry) => entry?.text())).toEqual(["one"]);
    expect((await store().put(key, "next")).seq).toBeGreaterThan(seq);
  });

  test("a tombstone taken back lets the value below it hold on; a first value leaves nothing", async () => {
    const key = await written();
    await store().retract(key, 300);
    expect(await moments(key)).toEqual(["one", "two", "two", "two"]);
    await store().retract(key, 100);
    expect(await moments(key)).toEqual([undefined, "two", "two", "two"]);
    await store().retract(key, 200);
    expect(await moments(key)).toEqual([undefined, undefined, undefined, undefined]);
    expect(await store().history(key).toArray()).toEqual([]);
    expect(await store().scan({ prefix: key }, { includeDeleted: true }).toArray()).toEqual([]);
  });

  test("nothing there is no error, and changes nothing; timestamps are exact", async () => {
    const key = await written();
    for (const timestamp of [0, 199, 201, 2 ** 44]) await store().retract(key, timestamp);
    expect(await moments(key)).toEqual(["one", "two", undefined, undefined]);
    const absent = uniqueKey();
    expect((await store().retract(absent, 5)).timestamp).toBe(5);
    expect(await store().history(absent).toArray()).toEqual([]);
  });

  test("a later write at the same timestamp counts", async () => {
    const key = await written();
    await store().retract(key, 200);
    const { seq } = await store().put(key, "again", { timestamp: 200 });
    expect(await store().get(key, { asOf: 200 })).toMatchObject({ timestamp: 200, seq });
    expect(await moments(key)).toEqual(["one", "again", undefined, undefined]);
  });

  test("of a put, a delete and a retract at one timestamp the last one counts, in one batch or three", async () => {
    const kinds = ["put", "delete", "retract"] as const;
    const last = { put: ["new", 2], delete: [undefined, 2], retract: ["old", 1] } as const;
    for (const order of permutations(kinds)) {
      const prefix = uniqueKey();
      const [whole, apart] = ["whole", "apart"].map((name) => prefix + name) as [string, string];
      const operations = (key: string): Operation[] =>
        order.map((op) => (op === "put" ? { op, key, value: "new", timestamp: 50 } : { op, key, timestamp: 50 }));
      for (const key of [whole, apart]) await store().put(key, "old", { timestamp: 10 });
      await store().write(operations(whole));
      for (const operation of operations(apart)) await store().write([operation]);
      const [value, versions] = last[order[2]!];
      for (const key of [whole, apart]) {
        expect([order, await read(store(), key)]).toEqual([order, value]);
        expect(await store().history(key).toArray()).toHaveLength(versions);
      }
    }
  });

  test("in a batch it is all or nothing with the rest: a value moves to the time that was meant", async () => {
    const key = uniqueKey();
    await store().put(key, "v", { timestamp: 500 });
    const { timestamp, seq } = await store().write([
      { op: "put", key, value: "v", timestamp: 50 },
      { op: "retract", key, timestamp: 500 },
    ]);
    expect(timestamp).toBe(500);
    expect(await store().history(key).toArray()).toMatchObject([{ timestamp: 50, seq: seq - 1 }]);
    const bad = { op: "retract", key: "", timestamp: 50 } as const;
    await fails(() => store().write([{ op: "retract", key, timestamp: 50 }, bad]), "INVALID_ARGUMENT");
    expect(await read(store(), key)).toBe("v");
  });

  test("times of every form, keys of any bytes", async () => {
    const key = uniqueKey();
    await store().put(key, "v", { timestamp: "2023-01-12T11:48:12.000001Z" });
    await store().retract(key, new Date("2023-01-12T11:48:12Z"));
    expect(await read(store(), key)).toBe("v");
    await store().retract(key, "2023-01-12T11:48:12.000001Z");
    expect(await read(store(), key)).toBeUndefined();
    const { bytes } = subject.shared;
    for (const binary of [Uint8Array.of(0xfd, 0xff), new TextEncoder().encode(".."), new Uint8Array(60_000).fill(97)]) {
      await bytes.put(binary, "v", { timestamp: 0 });
      await bytes.retract(binary, 0);
      expect(await bytes.get(binary)).toBeUndefined();
    }
  });

  test("a view with types has it too, alone and in a batch", async () => {
    const numbers = store().with({ value: json<number>() });
    const key = uniqueKey();
    await numbers.put(key, 1, { timestamp: 1 });
    await numbers.put(key, 2, { timestamp: 2 });
    await numbers.put(key, 3, { timestamp: 3 });
    await numbers.retract(key, 3);
    await numbers.write([{ op: "retract", key, timestamp: 2 }]);
    expect((await numbers.get(key))?.value).toBe(1);
  });

  test("conditions are of the key's newest version: what was written since is not taken back", async () => {
    const key = uniqueKey();
    const mine = await store().put(key, "mine", { timestamp: 100 });
    await fails(() => store().retract(key, 100, { ifAbsent: true }), "CONFLICT");
    await fails(() => store().retract(key, 99, { ifSeq: mine.seq }), "CONFLICT");
    const theirs = await store().put(key, "theirs", { timestamp: 100 });
    await fails(() => store().retract(key, 100, { ifSeq: mine.seq }), "CONFLICT");
    expect(await read(store(), key)).toBe("theirs");
    await store().retract(key, 100, { ifSeq: theirs.seq });
    expect(await read(store(), key)).toBeUndefined();
    await store().put(key, "next", { timestamp: 90, ifAbsent: true });
    const preconditions = [{ key, ifTimestamp: 90 }];
    await store().write([{ op: "retract", key, timestamp: 90 }], { preconditions });
    expect(await store().history(key).toArray()).toEqual([]);
  });

  test("sent again under its request id, it happens once", async () => {
    const key = await written();
    const requestId = `${key}retract`;
    const retract = () => store().retract(key, 300, { requestId });
    const first = await retract();
    await store().delete(key, { timestamp: 300 });
    expect(await retract()).toEqual(first);
    expect(await read(store(), key)).toBeUndefined();
    await fails(() => store().retract(key, 200, { requestId }), "INVALID_ARGUMENT");
    await fails(() => store().delete(key, { timestamp: 300, requestId }), "INVALID_ARGUMENT");
  });

  test.each([
    ["no timestamp", undefined],
    ["a negative timestamp", -1],
    ["a timestamp of half", 0.5],
    ["no time", "yesterday-ish"],
  ])("%s is refused, alone and in a batch", async (_, timestamp) => {
    const key = await written();
    await fails(() => store().retract(key, timestamp as never), "INVALID_ARGUMENT");
    const operation = { op: "retract", key, timestamp } as Operation;
    await expect(store().write([{ op: "retract", key, timestamp: 100 }, operation])).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      details: { operation: 1 },
    });
    expect(await moments(key)).toEqual(["one", "two", undefined, undefined]);
  });

  test("other bad arguments are refused", async () => {
    await fails(() => store().retract("", 5), "INVALID_ARGUMENT");
    await fails(() => store().retract("k", 5, { timestamp: 5 } as never), "INVALID_ARGUMENT");
    await fails(() => store().retract("k", 5, { requestId: "" }), "INVALID_ARGUMENT");
    const withValue = { op: "retract", key: "k", timestamp: 5, value: "v" } as unknown as Operation;
    await fails(() => store().write([withValue]), "INVALID_ARGUMENT");
  });

  test("it may lie as far ahead as what it takes back", async () => {
    const key = uniqueKey();
    expect((await store().retract(key, "+1000d")).seq).toBeGreaterThan(0);
    await store().write([{ op: "retract", key, timestamp: Number.MAX_SAFE_INTEGER }]);
  });

  if (subject.hosted !== true) return;
  test("a snapshot of before shows what was taken back; merging changes no answer", async () => {
    await using fresh = await subject.fresh();
    const hosted = fresh.hosted!;
    await hosted.put("k", "old", { timestamp: 10 });
    await hosted.put("k", "new", { timestamp: 20 });
    await hosted.flush();
    await using before = hosted.snapshot();
    await hosted.retract("k", 20);
    for (const step of [() => hosted.flush(), () => hosted.compact(), () => hosted.compact()]) {
      await step();
      expect((await before.get("k"))?.text()).toBe("new");
      expect((await hosted.get("k"))?.text()).toBe("old");
      expect(await hosted.history("k").toArray()).toHaveLength(1);
    }
    await before.close();
    await hosted.compact();
    expect((await hosted.get("k"))?.text()).toBe("old");
  });
}
