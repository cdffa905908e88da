import { utf8 } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { MemoryFileSystem } from "./testing/memory-file-system.ts";
import { openPlainStore } from "./testing/plain-store.ts";
import { modelContents, storeContents } from "./testing/store-contents.ts";
import type { TestOperation, TestStore } from "./testing/test-store.ts";

// The first cases of docs/semantics.md that apply to what the engine can do, each in every place where versions can lie.

const KEY = utf8("key");

const put = (timestamp: number, value: string, key = KEY): TestOperation => {
  return { op: "put", key, value: utf8(value), timestamp };
};
const del = (timestamp: number): TestOperation => ({ op: "delete", key: KEY, timestamp });
const retract = (timestamp: number): TestOperation => ({ op: "retract", key: KEY, timestamp });

function get(store: TestStore, asOf?: number): string | undefined {
  return store.db.getSync(KEY, { asOf })?.text();
}

/** What is done between two writes, and before reading: nothing, or what moves versions to other places. */
const PLACES: readonly [string, (store: TestStore) => Promise<void>][] = [
  ["in memory", async () => {}],
  ["in tables", (store) => store.db.flush()],
  ["merged to the bottom", (store) => store.db.compact()],
  [
    "after a restart",
    async (store) => {
      await store.close();
      await store.open();
    },
  ],
];

/** Writes one after the other, moving what was written each time; closes the store when `check` is done. */
async function written(
  operations: readonly (TestOperation | readonly TestOperation[])[],
  move: (store: TestStore) => Promise<void>,
  check: (store: TestStore) => void | Promise<void>,
): Promise<void> {
  const store = await openPlainStore();
  for (const one of operations) {
    const { state, error } = await store.submit(Array.isArray(one) ? one : [one as TestOperation]);
    expect([state, error]).toEqual(["acknowledged", undefined]);
    await move(store);
  }
  await check(store);
  expect(await storeContents(store.db)).toEqual(modelContents(store.model));
  await store.close();
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, i) => permutations(items.filter((_, j) => j !== i)).map((rest) => [item, ...rest]));
}

describe.each(PLACES)("versions %s", (_, move) => {
  test("100 and 101: at 99 nothing, at 100 the first, at 101 and later the second", async () => {
    for (const order of permutations([put(100, "value1"), put(101, "value2")])) {
      await written(order, move, (store) => {
        const values = [99, 100, 101, 102, undefined].map((asOf) => get(store, asOf));
        expect(values).toEqual([undefined, "value1", "value2", "value2", "value2"]);
      });
    }
  });

  test("put, delete, retract at an equal timestamp, in every order: the last one counts", async () => {
    for (const order of permutations([put(50, "new"), del(50), retract(50)])) {
      await written([put(10, "old"), ...order], move, (store) => {
        const last = order.at(-1)!.op as "put" | "delete" | "retract";
        expect(get(store)).toBe({ put: "new", delete: undefined, retract: "old" }[last]);
        expect([...store.db.history(KEY)].map(({ timestamp }) => timestamp)).toEqual(
          last === "retract" ? [10] : [50, 10],
        );
      });
    }
  });

  test("delete at 100, then a put at 50: nothing from 100 on, the value before", async () => {
    await written([del(100), put(50, "late")], move, (store) => {
      expect([49, 50, 99, 100, undefined].map((asOf) => get(store, asOf))).toEqual([
        undefined,
        "late",
        "late",
        undefined,
        undefined,
      ]);
    });
  });

  test("a retract resets the bound over three tables", async () => {
    const operations = [put(10, "a"), put(30, "b"), put(20, "c"), put(50, "d"), retract(50), retract(30)];
    await written(operations, move, (store) => {
      expect([undefined, 50, 29, 19].map((asOf) => get(store, asOf))).toEqual(["c", "c", "c", "a"]);
    });
  });

  test("a retract undone by a later put at its timestamp", async () => {
    await written([put(10, "a"), put(20, "b"), retract(20), put(20, "c")], move, (store) => {
      expect([undefined, 19].map((asOf) => get(store, asOf))).toEqual(["c", "a"]);
    });
  });

  test("an equal key and timestamp in different levels: the highest seq wins", async () => {
    await written([put(7, "first"), put(3, "other"), put(7, "second"), put(7, "third")], move, (store) => {
      expect(get(store)).toBe("third");
      expect([...store.db.history(KEY)].map((version) => (version.deleted ? "" : version.text()))).toEqual([
        "third",
        "other",
      ]);
    });
  });

  test("a batch with the same key and timestamp twice: the later operation wins", async () => {
    await written([[put(5, "first"), put(5, "second"), del(9), put(9, "third")]], move, (store) => {
      expect([get(store), get(store, 8)]).toEqual(["third", "second"]);
      expect([...store.db.history(KEY)].map(({ seq }) => seq)).toEqual([4, 2]);
    });
  });

  test("a value that has expired reads as a tombstone: what is older does not reappear", async () => {
    const short: TestOperation = { op: "put", key: KEY, value: utf8("short"), timestamp: 20, expiresAt: 30 };
    await written([short, put(10, "old")], move, (store) => {
      expect([19, 20, 29, 30, undefined].map((asOf) => get(store, asOf))).toEqual([
        "old",
        "short",
        "short",
        undefined,
        undefined,
      ]);
    });
  });

  test.each([8, 256, 65_000])("keys that share their first %d bytes", async (shared) => {
    const keyOf = (...rest: number[]) => Uint8Array.from([...new Uint8Array(shared).fill(7), ...rest]);
    const keys = [keyOf(), keyOf(0), keyOf(0, 0), keyOf(1), keyOf(0xff), keyOf(0xff, 0)];
    const operations = keys.map((key, i) => put(i, String(i), key));
    await written(operations.toReversed(), move, (store) => {
      expect([...store.db.scan()].map((entry) => entry.text())).toEqual(["0", "1", "2", "3", "4", "5"]);
      expect([...store.db.scan({ prefix: keyOf(0) }, { reverse: true })].map((entry) => entry.text())).toEqual([
        "2",
        "1",
      ]);
      expect(keys.map((key) => store.db.getSync(key)?.timestamp)).toEqual([0, 1, 2, 3, 4, 5]);
      expect(store.db.getSync(keyOf(2))).toBeUndefined();
    });
  });
});

describe("a page token across a compaction", () => {
  /** Page after page of two, each a new scan at the first one's seq, as a server does it. */
  async function pages(store: TestStore, seq: number, between: (page: number) => Promise<void>): Promise<string[]> {
    const values: string[] = [];
    let start: Uint8Array | undefined;
    for (let page = 0; ; page++) {
      const snapshot = store.db.snapshot({ seq });
      const items = await snapshot.scan({ start }, { limit: 2 }).toArray();
      await snapshot.close();
      if (items.length === 0) return values;
      values.push(...items.map((entry) => entry.text()));
      start = Uint8Array.of(...items.at(-1)!.key, 0);
      await between(page);
    }
  }

  const names = ["a", "b", "c", "d", "e"];

  async function pagedStore(): Promise<{ store: TestStore; seq: number }> {
    const store = await openPlainStore();
    for (const name of names) await store.submit([put(1, name, utf8(name))]);
    return { store, seq: store.model.seq };
  }

  async function overwriteAndCompact(store: TestStore): Promise<void> {
    for (const name of names)
      await store.submit([put(1, `new ${name}`, utf8(name)), put(0, "older", utf8(`${name}!`))]);
    await store.db.compact();
  }

  test("that is pinned goes on with what there was", async () => {
    const { store, seq } = await pagedStore();
    const pin = store.db.snapshot({ seq });
    expect(await pages(store, seq, (page) => (page === 0 ? overwriteAndCompact(store) : Promise.resolve()))).toEqual(
      names,
    );
    await pin.close();
    await store.close();
  });

  test("that is not fails with CURSOR_EXPIRED, never with a page that lacks a key", async () => {
    const { store, seq } = await pagedStore();
    const found = pages(store, seq, (page) => (page === 0 ? overwriteAndCompact(store) : Promise.resolve()));
    await expect(found).rejects.toMatchObject({ code: "CURSOR_EXPIRED", details: { seq, oldestSeq: seq + 9 } });
    await store.close();
  });

  test("survives a merge that drops nothing that it can see", async () => {
    const { store, seq } = await pagedStore();
    await store.submit([put(2, "newer", utf8("a"))]);
    expect(await pages(store, seq, () => store.db.compact())).toEqual(names);
    await store.close();
  });
});

describe("a lost tail, then new writes", () => {
  test("get seqs and timestamps of their own", async () => {
    const fileSystem = new MemoryFileSystem();
    const store = await openPlainStore({ durability: "buffered" }, { fileSystem });
    const { lastSeq } = await store.submit([put(1, "kept")]);
    await store.db.flush();
    const lost = [
      await store.submit([{ op: "put", key: utf8("lost"), value: utf8("1") }]),
      await store.submit([{ op: "put", key: utf8("lost"), value: utf8("2") }]),
    ];
    // Both were seen, and neither was on disk.
    expect(store.db.getSync(utf8("lost"))?.text()).toBe("2");
    const after = fileSystem.crash(() => false);
    await store.close();
    const again = await openPlainStore({}, { fileSystem: after, clock: store.clock });
    expect(again.db.getSync(utf8("lost"))).toBeUndefined();
    expect(again.db.getSync(KEY)).toMatchObject({ seq: lastSeq });
    const { seq, timestamp } = await again.db.put("lost", "3");
    expect(seq).toBeGreaterThan(lost[1]!.lastSeq);
    expect(timestamp).toBeGreaterThan(lost[1]!.operations[0]!.timestamp);
    await again.close();
  });
});
