import { type KvtsError, type Operation, utf8 } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { systemScheduler } from "../env/scheduler.ts";
import { MemoryFileSystem } from "../testing/memory-file-system.ts";
import { openPlainStore } from "../testing/plain-store.ts";
import { storeContents } from "../testing/store-contents.ts";
import { TestStore } from "../testing/test-store.ts";

describe("writes that are not waited for", () => {
  test("are carried out in order, also where some have to wait", async () => {
    const store = await openPlainStore({ tuning: { pendingBytesMax: 1000, groupBytesMax: 400 } });
    const value = new Uint8Array(100);
    // Whoever is let in late finds later ones before the door: they are submitted as the earlier ones are acknowledged.
    const written = Array.from({ length: 200 }, (_, i) => {
      return store
        .submit([{ op: "put", key: utf8(`first ${i}`), value, timestamp: i }])
        .then(() => store.submit([{ op: "put", key: utf8(`second ${i}`), value, timestamp: i }]));
    });
    const batches = await Promise.all(written);
    // The test store foretells every seq, and so the order.
    expect(batches.map(({ state, error }) => [state, error as KvtsError | undefined])).toEqual(
      batches.map(() => ["acknowledged", undefined]),
    );
    expect((await store.db.stats()).stalls).toBeGreaterThan(0);
    await store.close();
  });

  test("hand over their bytes, also where they have to wait", async () => {
    const store = await openPlainStore({ tuning: { pendingBytesMax: 100 } });
    const key = utf8("key 0");
    const value = new Uint8Array(200).fill(1);
    const batch = [{ op: "put", key, value, timestamp: 3 }] as const;
    const written = [store.db.put(key, value, { timestamp: 1 }), store.db.put(key, value, { timestamp: 2 })];
    written.push(store.db.write(batch));
    key[4] = 0x39;
    value.fill(9);
    await Promise.all(written);
    const found = [...store.db.history(utf8("key 0"))];
    expect(found.map(({ timestamp }) => timestamp)).toEqual([3, 2, 1]);
    for (const version of found) expect(version.deleted ? undefined : version.value[0]).toBe(1);
    await store.close();
  });
});

describe("a loop of writes that wait for no disk gives the event loop its turns", () => {
  /** Runs `attempt` again and again until a timer has fired. */
  async function until(attempt: (store: TestStore) => Promise<unknown>, prepare = async (_: TestStore) => {}) {
    const scheduler = { ...systemScheduler, delay: async () => {} };
    const store = await openPlainStore({}, { scheduler });
    await prepare(store);
    let isFired = false;
    setTimeout(() => {
      isFired = true;
    });
    let attempts = 0;
    while (!isFired && attempts < 20_000) {
      await attempt(store).catch(() => {});
      attempts++;
    }
    expect(isFired).toBe(true);
    await store.db.close();
  }

  test("where conditions do not hold", async () => {
    await until(({ db }) => db.put("lock", "", { ifAbsent: true }));
    await until(({ db }) => db.write([{ op: "delete", key: "a" }], { preconditions: [{ key: "a", ifSeq: 1 }] }));
  });

  test("where they were carried out before", async () => {
    await until(({ db }) => db.put("a", "", { requestId: "same" }));
  });

  test("where they are refused", async () => {
    await until(({ db }) => db.put("", ""));
    const close = ({ db }: TestStore) => db.close();
    await until(({ db }) => db.put("a", ""), close);
    await until(({ db }) => db.put("a", "", { ifAbsent: true }), close);
  });
});

describe("a batch that changes while it is read", () => {
  const put = (key: string, get: () => void = () => {}): Operation => ({
    op: "put",
    key,
    get value() {
      get();
      return key;
    },
  });

  async function openWith(conditional: boolean) {
    const store = await openPlainStore();
    const options = conditional ? { preconditions: [{ key: "none", ifAbsent: true } as const] } : undefined;
    return {
      db: store.db,
      close: () => store.close(),
      write: (operations: Operation[]) => store.db.write(operations, options),
    };
  }

  describe.each([false, true])("with conditions: %j", (conditional) => {
    test("counts as long as it was, and every seq is given out once", async () => {
      const { db, write, close } = await openWith(conditional);
      const grows: Operation[] = [put("grows", () => grows.push(put("more")))];
      const shrinks: Operation[] = [put("a"), put("b"), put("shrinks", () => shrinks.splice(1))];
      const endless = Object.assign([put("endless")], { *[Symbol.iterator]() {} });
      expect((await write(grows)).seq).toBe(1);
      expect((await write(shrinks)).seq).toBe(4);
      expect((await write(endless)).seq).toBe(5);
      expect((await db.put("next", "")).seq).toBe(6);
      const found = [...db.scan()].map(({ key, seq }) => [Buffer.from(key).toString(), seq]);
      const expected = [
        ["a", 2],
        ["b", 3],
        ["endless", 5],
        ["grows", 1],
        ["next", 6],
        ["shrinks", 4],
      ];
      expect(found).toEqual(expected);
      await close();
    });

    test("is refused where operations are gone before their turn", async () => {
      const { db, write, close } = await openWith(conditional);
      const shrinks: Operation[] = [put("a", () => shrinks.splice(1)), put("b")];
      await expect(write(shrinks)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
      expect(await db.put("next", "")).toMatchObject({ seq: 1 });
      await close();
    });
  });

  test("cannot have another write in its midst", async () => {
    const store = await openPlainStore();
    const { db } = store;
    const inner: Promise<unknown>[] = [];
    const nests = put("outer", () => {
      inner.push(db.put("in", "1"), db.write([put("in")]), db.put("in", "1", { ifAbsent: true }), db.delete("in"));
    });
    const before = db.put("before", "");
    expect(await db.write([nests, put("last")])).toMatchObject({ seq: 3 });
    await before;
    expect(await Promise.allSettled(inner)).toEqual(
      inner.map(() => ({ status: "rejected", reason: expect.objectContaining({ code: "INVALID_ARGUMENT" }) })),
    );
    expect(await db.put("last", "", { ifSeq: 3 })).toMatchObject({ seq: 4 });
    expect(await db.get("in")).toBeUndefined();
    await store.close();
  });
});

describe("a batch that fills more than one memtable", () => {
  test("is whole or not there after a power cut, although it was not to be synced", async () => {
    const fileSystem = new MemoryFileSystem();
    const settings = { durability: "buffered", tuning: { logSegmentBytes: 1024 * 1024 } } as const;
    const store = await openPlainStore(settings, { fileSystem });
    const images: MemoryFileSystem[] = [];
    fileSystem.onCall = () => images.push(fileSystem.crash(() => false));
    const operations = Array.from({ length: 60 }, (_, i) => {
      return { op: "put", key: utf8(`key ${i}`), value: new Uint8Array(8000), timestamp: i } as const;
    });
    await store.submit(operations);
    for (let turn = 0; turn < 20; turn++) await store.nextTurn();
    await store.close();
    const found = new Set<number>();
    for (const image of images) {
      const after = new TestStore({ settings: { keys: "bytes", tuning: {} }, fileSystem: image });
      await after.open();
      found.add((await storeContents(after.db)).length);
      await after.close();
    }
    expect([...found].sort((a, b) => a - b)).toEqual([0, operations.length]);
  });
});
