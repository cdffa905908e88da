import { isKvtsError, type KvtsError, type Operation, utf8, type WriteResult } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { FaultFileSystem } from "./testing/fault-file-system.ts";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { openPlainStore } from "./testing/plain-store.ts";
import { Random } from "./testing/random.ts";
import { TestStore } from "./testing/test-store.ts";

const KEY = utf8("counter");

/** How a write ended: its seq, or its error's code and details. */
async function outcome(write: Promise<WriteResult>): Promise<unknown> {
  try {
    return (await write).seq;
  } catch (error) {
    if (!isKvtsError(error)) throw error;
    return { code: error.code, ...error.details };
  }
}

function increments(store: TestStore, count: number): Promise<number> {
  const once = async (): Promise<number> => {
    for (let conflicts = 0; ; conflicts++) {
      const entry = await store.db.get(KEY);
      const value = String(Number(entry?.text() ?? "0") + 1);
      const condition = entry === undefined ? { ifAbsent: true } : { ifSeq: entry.seq };
      try {
        await store.db.put(KEY, value, condition);
        return conflicts;
      } catch (error) {
        if (!isKvtsError(error, "CONFLICT")) throw error;
      }
    }
  };
  return Promise.all(Array.from({ length: count }, once)).then((all) => all.reduce((a, b) => a + b, 0));
}

describe("a condition judged on writes that are not visible yet", () => {
  test("sees those of its own group and of the one under way", async () => {
    const store = await openPlainStore();
    const first = store.db.put(KEY, "1", { ifAbsent: true });
    await Promise.resolve();
    const results = await Promise.all([
      outcome(first),
      outcome(store.db.put(KEY, "2", { ifAbsent: true })),
      outcome(store.db.put(KEY, "2", { ifSeq: 1 })),
      outcome(store.db.put(KEY, "3", { ifSeq: 1 })),
      outcome(store.db.delete(KEY, { ifSeq: 2 })),
      outcome(store.db.put(KEY, "4", { ifAbsent: true })),
    ]);
    expect(results).toMatchObject([
      1,
      { code: "CONFLICT", condition: "ifAbsent", currentSeq: 1 },
      2,
      { code: "CONFLICT", condition: "ifSeq", currentSeq: 2 },
      3,
      4,
    ]);
    await store.close();
  });

  test("sees a retract: what it hides does not count", async () => {
    const store = await openPlainStore();
    await store.submit([{ op: "put", key: KEY, value: utf8("1"), timestamp: 10 }]);
    await store.submit([{ op: "put", key: KEY, value: utf8("2"), timestamp: 20 }]);
    const retracted = store.submit([{ op: "retract", key: KEY, timestamp: 20 }]);
    const written = store.db.put(KEY, "3", { timestamp: 20, ifTimestamp: 10 });
    await retracted;
    await written;
    expect((await store.db.get(KEY))?.text()).toBe("3");
    await store.close();
  });

  test("a refusal is told only when the write that it rests on is on disk", async () => {
    const memory = new MemoryFileSystem();
    const store = await openPlainStore({}, { fileSystem: memory });
    const order: string[] = [];
    const first = store.db.put(KEY, "1").then(() => order.push("written"));
    const refused = store.db.put(KEY, "2", { ifAbsent: true }).catch(() => order.push("refused"));
    let syncs = 0;
    memory.onCall = ({ kind }) => {
      if (kind === "sync" && syncs++ === 0) order.push("synced");
    };
    await Promise.all([first, refused]);
    expect(order).toEqual(["synced", "written", "refused"]);
    await store.close();
  });
});

describe("1,000 that race", () => {
  test.each(["sync", "buffered"] as const)("for an absent key: one wins (%s)", async (durability) => {
    const store = await openPlainStore({ durability });
    const racing = Array.from({ length: 1000 }, (_, i) => outcome(store.db.put(KEY, String(i), { ifAbsent: true })));
    const results = await Promise.all(racing);
    const winners = results.filter((result) => typeof result === "number");
    expect(winners).toEqual([1]);
    expect(await store.db.get(KEY)).toMatchObject({ seq: 1 });
    expect(results.filter((result) => (result as KvtsError).code === "CONFLICT")).toHaveLength(999);
    await store.close();
  });

  test("to count: no increment is lost", async () => {
    const store = await openPlainStore();
    expect(await increments(store, 60)).toBeGreaterThan(0);
    expect((await store.db.get(KEY))?.text()).toBe("60");
    await store.close();
  });
});

describe("a group that comes to nothing", () => {
  test("takes those with it that it let through, and only those", async () => {
    const memory = new MemoryFileSystem();
    const faulty = new FaultFileSystem(memory, { fault: { at: Number.POSITIVE_INFINITY, code: "ENOSPC" } });
    const store = await openPlainStore({ tuning: { groupBytesMax: 1 } }, { fileSystem: faulty });
    await store.db.put("other", "0");
    faulty.fault = { at: faulty.calls + 1, code: "ENOSPC" };
    // Each is a group of its own: the first fails, the second rests on it, the others do not.
    const results = await Promise.all([
      outcome(store.db.put(KEY, "1")),
      outcome(store.db.put(KEY, "2", { ifSeq: 2 })),
      outcome(store.db.put("third", "3")),
      outcome(store.db.put("other", "4", { ifSeq: 1 })),
    ]);
    expect(results).toMatchObject([{ code: "NO_SPACE" }, { code: "NO_SPACE" }, 4, 5]);
    expect(await store.db.get(KEY)).toBeUndefined();
    await store.close();
  });

  test("a counter on a disk that is full now and then loses no acknowledged increment", async () => {
    const memory = new MemoryFileSystem();
    const faulty = new FaultFileSystem(memory, { kinds: new Set(["write"]) });
    const store = await openPlainStore({ tuning: { groupBytesMax: 200 } }, { fileSystem: faulty });
    let acknowledged = 0;
    const increment = async (): Promise<void> => {
      for (let tries = 0; tries < 30; tries++) {
        const entry = await store.db.get(KEY);
        const condition = entry === undefined ? { ifAbsent: true } : { ifSeq: entry.seq };
        try {
          await store.db.put(KEY, String(Number(entry?.text() ?? "0") + 1), condition);
          acknowledged++;
          return;
        } catch (error) {
          if (!isKvtsError(error, "CONFLICT") && !isKvtsError(error, "NO_SPACE")) throw error;
          if (tries % 3 === 0) faulty.fault = { at: faulty.calls + 2, code: "ENOSPC" };
        }
      }
    };
    await Promise.all(Array.from({ length: 20 }, increment));
    faulty.fault = undefined;
    expect(acknowledged).toBeGreaterThan(5);
    expect(Number((await store.db.get(KEY))?.text())).toBe(acknowledged);
    await store.close();
  });

  test("after a failed sync nothing that rested on it is acknowledged", async () => {
    const memory = new MemoryFileSystem();
    const faulty = new FaultFileSystem(memory, { fault: { at: Number.POSITIVE_INFINITY, code: "EIO" } });
    const store = await openPlainStore({ tuning: { groupBytesMax: 1 } }, { fileSystem: faulty });
    await store.db.put("other", "0");
    faulty.fault = { at: faulty.calls + 2, code: "EIO" };
    const results = await Promise.all([
      outcome(store.db.put(KEY, "1", { ifAbsent: true })),
      outcome(store.db.put(KEY, "2", { ifSeq: 2 })),
      outcome(store.db.put(KEY, "2", { ifAbsent: true })),
    ]);
    expect(results.map((result) => (result as KvtsError).code)).toEqual(["READ_ONLY", "READ_ONLY", "READ_ONLY"]);
    await store.close();
  });
});

test("a counter whose syncs fail loses no acknowledged increment, and counts none twice", async () => {
  for (let failing = 1; failing <= 12; failing++) {
    const memory = new MemoryFileSystem();
    const faulty = new FaultFileSystem(memory, { kinds: new Set(["sync"]) });
    const store = await openPlainStore({ tuning: { groupBytesMax: 300 } }, { fileSystem: faulty });
    faulty.fault = { at: faulty.calls + failing, code: "EIO" };
    let acknowledged = 0;
    const increment = async (): Promise<void> => {
      for (;;) {
        const entry = await store.db.get(KEY);
        const condition = entry === undefined ? { ifAbsent: true } : { ifSeq: entry.seq };
        try {
          await store.db.put(KEY, String(Number(entry?.text() ?? "0") + 1), condition);
          acknowledged++;
        } catch (error) {
          if (isKvtsError(error, "READ_ONLY")) return;
          if (!isKvtsError(error, "CONFLICT")) throw error;
        }
      }
    };
    await Promise.all(Array.from({ length: 8 }, increment));
    const left = memory.crash(new Random(failing).coin(0.5));
    await store.close();
    const after = new TestStore({ settings: { keys: "bytes", tuning: {} }, fileSystem: left });
    await after.open();
    const values = [...after.db.history(KEY, { reverse: true })].map((version) => !version.deleted && version.text());
    expect(values).toEqual(values.map((_, i) => String(i + 1)));
    expect(values.length).toBeGreaterThanOrEqual(acknowledged);
    await after.close();
  }
});

test("conditions on keys in tables that are not in the cache are read from disk, and judged on what is there then", async () => {
  const store = await openPlainStore({ tuning: { tables: { tableBytesMax: 4000, compression: "none" } } });
  const keys = Array.from({ length: 300 }, (_, i) => `key ${i}`);
  const value = "x".repeat(2000);
  await store.db.write(keys.map((key): Operation => ({ op: "put", key, value, timestamp: 5 })));
  await store.db.compact();
  const conditions = keys.map((key, i) => ({ key, ifSeq: i + 1 }));
  const moved = store.db.write(
    keys.map((key): Operation => ({ op: "delete", key })),
    { preconditions: conditions },
  );
  // It gets in while the blocks are read.
  const rival = store.db.put("key 299", "rival");
  await rival;
  expect(await outcome(moved)).toMatchObject({ code: "CONFLICT", precondition: 299, currentSeq: 301 });
  conditions[299] = { key: "key 299", ifSeq: 301 };
  const results = await store.db.write(
    keys.map((key): Operation => ({ op: "delete", key })),
    { preconditions: conditions },
  );
  expect(results.seq).toBe(601);
  await store.close();
});

test("expiry is judged by the clock when the write is taken up", async () => {
  const store = await openPlainStore();
  await store.db.put(KEY, "1", { timestamp: 5, expiresAt: store.clock.now() + 10 });
  expect(await outcome(store.db.put(KEY, "2", { ifAbsent: true }))).toMatchObject({ code: "CONFLICT", currentSeq: 1 });
  store.clock.advance(10);
  expect(await outcome(store.db.put(KEY, "2", { ifSeq: 1 }))).toMatchObject({ code: "CONFLICT", currentDeleted: true });
  expect(await outcome(store.db.put(KEY, "2", { ifAbsent: true }))).toBe(2);
  await store.close();
});
