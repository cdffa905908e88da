import { type ConditionOptions, isKvtsError, type Precondition, type Store, type WriteResult } from "@kvts/common";
import { expect, test } from "vitest";
import { fails, inParallel, read, type Subject, uniqueKey } from "./subject.ts";

/** How a write ended: `written`, or its error's code and details. */
async function outcome(write: Promise<WriteResult>): Promise<object> {
  try {
    await write;
    return { code: "written" };
  } catch (error) {
    if (!isKvtsError(error)) throw error;
    return { code: error.code, ...error.details };
  }
}

async function increment(store: Store, key: string): Promise<void> {
  for (;;) {
    const entry = await store.get(key);
    const condition: ConditionOptions = entry === undefined ? { ifAbsent: true } : { ifSeq: entry.seq };
    try {
      await store.put(key, String(Number(entry?.text() ?? "0") + 1), condition);
      return;
    } catch (error) {
      if (!isKvtsError(error, "CONFLICT")) throw error;
    }
  }
}

export function conditionTests(subject: Subject): void {
  const store = () => subject.shared.store;

  test("ifAbsent: where the key holds nothing, be it deleted or expired", async () => {
    const key = uniqueKey();
    const { seq, timestamp } = await store().put(key, "a", { ifAbsent: true });
    const refused = { code: "CONFLICT", condition: "ifAbsent", currentSeq: seq, currentTimestamp: timestamp };
    expect(await outcome(store().put(key, "b", { ifAbsent: true }))).toEqual(refused);
    expect(await outcome(store().delete(key, { ifAbsent: true }))).toEqual(refused);
    expect(await read(store(), key)).toBe("a");
    await store().delete(key);
    await store().put(key, "b", { ifAbsent: true });
    const expired = uniqueKey();
    await store().put(expired, "short", { timestamp: 5, expiresAt: 6 });
    await store().put(expired, "next", { ifAbsent: true });
    expect([await read(store(), key), await read(store(), expired)]).toEqual(["b", "next"]);
  });

  test("ifSeq: where the newest version is the value of that seq", async () => {
    const key = uniqueKey();
    const first = await store().put(key, "a");
    expect(await outcome(store().put(key, "b", { ifSeq: first.seq + 1 }))).toMatchObject({
      code: "CONFLICT",
      condition: "ifSeq",
      currentSeq: first.seq,
    });
    const second = await store().put(key, "b", { ifSeq: first.seq });
    expect(await outcome(store().put(key, "c", { ifSeq: first.seq }))).toMatchObject({ currentSeq: second.seq });
    const deleted = await store().delete(key, { ifSeq: second.seq });
    expect(await outcome(store().put(key, "c", { ifSeq: deleted.seq }))).toEqual({
      code: "CONFLICT",
      condition: "ifSeq",
      currentSeq: deleted.seq,
      currentTimestamp: deleted.timestamp,
      currentDeleted: true,
    });
    expect(await outcome(store().put(uniqueKey(), "a", { ifSeq: 0 }))).toEqual({
      code: "CONFLICT",
      condition: "ifSeq",
    });
  });

  test("ifTimestamp: where the newest version is a value of that time", async () => {
    const key = uniqueKey();
    await store().put(key, "a", { timestamp: "2023-01-12T11:48:12Z" });
    const next = { ifTimestamp: new Date("2023-01-12T11:48:12Z") };
    await store().put(key, "b", { ...next, timestamp: "2023-01-12T12:00:00Z" });
    expect(await outcome(store().put(key, "c", next))).toMatchObject({ code: "CONFLICT", condition: "ifTimestamp" });
    expect(await read(store(), key)).toBe("b");
  });

  test("a backdated version does not matter: the newest one counts", async () => {
    const key = uniqueKey();
    const { seq } = await store().put(key, "new", { timestamp: 20 });
    await store().put(key, "late", { timestamp: 10 });
    await store().put(key, "newer", { timestamp: 21, ifSeq: seq });
    expect(await read(store(), key)).toBe("newer");
  });

  test("a conditional write that would not be seen is refused; at the newest one's own time it is seen", async () => {
    const key = uniqueKey();
    const { seq } = await store().put(key, "a", { timestamp: 20 });
    expect(await outcome(store().put(key, "b", { timestamp: 19, ifSeq: seq }))).toEqual({
      code: "CONFLICT",
      condition: "newer",
      currentSeq: seq,
      currentTimestamp: 20,
    });
    const again = await store().put(key, "b", { timestamp: 20, ifSeq: seq });
    await store().delete(key, { timestamp: 30, ifSeq: again.seq });
    expect(await outcome(store().put(key, "c", { timestamp: 25, ifAbsent: true }))).toMatchObject({
      condition: "newer",
      currentTimestamp: 30,
      currentDeleted: true,
    });
    const ahead = uniqueKey();
    await store().put(ahead, "future", { timestamp: "+3m" });
    expect(await outcome(store().put(ahead, "now", { ifTimestamp: "+3m" }))).toMatchObject({ code: "CONFLICT" });
    expect(await read(store(), ahead)).toBe("future");
  });

  test("ifAbsent: false is no condition", async () => {
    const key = uniqueKey();
    await store().put(key, "a", { ifAbsent: false });
    await store().put(key, "b", { ifAbsent: false });
    expect(await read(store(), key)).toBe("b");
  });

  test("a batch is carried out where all its preconditions hold, on keys that it writes and others", async () => {
    const prefix = uniqueKey();
    const account = await store().put(`${prefix}a`, "10");
    const operations = [
      { op: "put", key: `${prefix}a`, value: "9" },
      { op: "put", key: `${prefix}b`, value: "1" },
    ] as const;
    const preconditions: Precondition[] = [
      { key: `${prefix}a`, ifSeq: account.seq },
      { key: Buffer.from(`${prefix}b`), ifAbsent: true },
      { key: `${prefix}lock`, ifAbsent: true },
    ];
    await store().put(`${prefix}lock`, "mine");
    expect(await outcome(store().write(operations, { preconditions }))).toMatchObject({
      code: "CONFLICT",
      precondition: 2,
      condition: "ifAbsent",
    });
    expect(await store().get(`${prefix}b`)).toBeUndefined();
    await store().delete(`${prefix}lock`);
    const { seq } = await store().write(operations, { preconditions });
    expect(await store().get(`${prefix}b`)).toMatchObject({ seq });
    expect(await outcome(store().write(operations, { preconditions }))).toMatchObject({ precondition: 0 });
    expect(await outcome(store().write(operations, { preconditions: [] }))).toEqual({ code: "written" });
  });

  test("a batch's backdated operation on a key with a condition is refused, on others not", async () => {
    const prefix = uniqueKey();
    const { seq } = await store().put(`${prefix}a`, "1", { timestamp: 50 });
    await store().put(`${prefix}b`, "1", { timestamp: 50 });
    const both = ["a", "b"].map((name) => ({ op: "put", key: prefix + name, value: "2", timestamp: 40 }) as const);
    const preconditions = [{ key: `${prefix}a`, ifSeq: seq }];
    expect(await outcome(store().write(both, { preconditions }))).toMatchObject({ condition: "newer" });
    expect(await outcome(store().write(both.slice(1), { preconditions }))).toEqual({ code: "written" });
  });

  test("of 1,000 that race for an absent key exactly one wins", async () => {
    const key = uniqueKey();
    const results = await inParallel(1000, (i) => outcome(store().put(key, String(i), { ifAbsent: true })));
    const winners = results.flatMap((result, i) => ("code" in result && result.code === "written" ? [i] : []));
    expect(winners).toHaveLength(1);
    expect(await read(store(), key)).toBe(String(winners[0]));
    expect(await store().history(key).toArray()).toHaveLength(1);
  });

  test("counting with ifSeq loses no increment", async () => {
    const key = uniqueKey();
    await inParallel(5, async () => {
      for (let i = 0; i < 6; i++) await increment(store(), key);
    });
    expect(await read(store(), key)).toBe("30");
    expect(await store().history(key).toArray()).toHaveLength(30);
  });

  const bad: readonly (readonly [name: string, options: object])[] = [
    ["two conditions", { ifSeq: 1, ifAbsent: true }],
    ["three conditions", { ifSeq: 1, ifAbsent: true, ifTimestamp: 1 }],
    ["a seq of half", { ifSeq: 0.5 }],
    ["a seq of text", { ifSeq: "5" }],
    ["an ifAbsent of 1", { ifAbsent: 1 }],
    ["a timestamp that is none", { ifTimestamp: "yesterday-ish" }],
  ];
  test.each(bad)("%s in a write is INVALID_ARGUMENT, and changes nothing", async (_, options) => {
    const key = uniqueKey();
    await fails(() => store().put(key, "v", options), "INVALID_ARGUMENT");
    await fails(() => store().delete(key, options), "INVALID_ARGUMENT");
    const batch = [{ op: "put", key, value: "v" }] as const;
    await fails(
      () => store().write(batch, { preconditions: [{ key, ...options } as unknown as Precondition] }),
      "INVALID_ARGUMENT",
    );
    expect(await store().history(key).toArray()).toEqual([]);
  });

  const badLists: readonly (readonly [name: string, preconditions: unknown, code: string])[] = [
    ["no array", { key: "k", ifAbsent: true }, "INVALID_ARGUMENT"],
    ["nothing in its place", [undefined], "INVALID_ARGUMENT"],
    ["no condition", [{ key: "k" }], "INVALID_ARGUMENT"],
    ["an ifAbsent of false", [{ key: "k", ifAbsent: false }], "INVALID_ARGUMENT"],
    ["no key", [{ ifAbsent: true }], "INVALID_ARGUMENT"],
    ["an empty key", [{ key: "", ifAbsent: true }], "INVALID_ARGUMENT"],
    ["an unknown field", [{ key: "k", ifPresent: true }], "INVALID_ARGUMENT"],
    ["10,001 of them", Array.from({ length: 10_001 }, () => ({ key: "k", ifAbsent: true })), "TOO_LARGE"],
  ];
  test.each(badLists)("preconditions with %s are refused", async (_, preconditions, code) => {
    const options = { preconditions: preconditions as Precondition[] };
    await fails(() => store().write([{ op: "put", key: uniqueKey(), value: "v" }], options), code);
  });
}
