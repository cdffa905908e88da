import { compareBytes, type Entry, type Operation, type Range, type ScanOptions, utf8 } from "@kvts/common";
import { beforeAll, expect, test } from "vitest";
import { listed, read, type Subject, shown, uniqueKey } from "./subject.ts";

/** More than one page of any implementation. */
const many = 3_000;

export function listTests(subject: Subject): void {
  rangeTests(subject);
  longListTests(subject);
  historyTests(subject);
  getManyTests(subject);
  consumptionTests(subject);
}

/** Compares scans with a plain filter over a small store. */
function rangeTests(subject: Subject): void {
  // Sorted bytewise; each has versions at 10 and 20, and every third is deleted at 20.
  const suffixes = ["", "\0", "a", "a\0", "aa", "ab", "abc", "b", "b0", "ba", "c", "é", "ÿ", "\uFFFD", "🦊"];
  const prefix = uniqueKey();
  const keys = suffixes.map((suffix) => prefix + suffix);
  const isDeleted = (key: string): boolean => keys.indexOf(key) % 3 === 2;
  const store = () => subject.shared.store;
  const before = (a: string, b: string): boolean => compareBytes(utf8(a), utf8(b)) < 0;

  beforeAll(async () => {
    await store().write(keys.map((key): Operation => ({ op: "put", key, value: "old", timestamp: 10 })));
    await store().write(
      keys.map(
        (key): Operation =>
          isDeleted(key) ? { op: "delete", key, timestamp: 20 } : { op: "put", key, value: "new", timestamp: 20 },
      ),
    );
  });

  async function expectScan(range: Range, within: (key: string) => boolean, options: ScanOptions): Promise<void> {
    const { asOf, includeDeleted, limit, reverse } = options;
    const moment = asOf === undefined ? 20 : Number(asOf);
    const expected = keys
      .filter((key) => within(key) && moment >= 10 && (includeDeleted === true || moment < 20 || !isDeleted(key)))
      .map((key) => `${key}@${moment < 20 ? "10=old" : isDeleted(key) ? "20 deleted" : "20=new"}`);
    if (reverse === true) expected.reverse();
    expect(await listed(store().scan(range, options))).toEqual(expected.slice(0, limit));
  }

  const variants: ScanOptions[] = [
    {},
    { reverse: true },
    { limit: 1 },
    { limit: 4, reverse: true },
    { limit: 1000 },
    { asOf: 9 },
    { asOf: 15 },
    { asOf: 15, reverse: true, limit: 3 },
    { includeDeleted: true },
    { includeDeleted: true, reverse: true, asOf: 20, limit: 5 },
    { includeDeleted: false },
  ];

  test.each(variants)("scan by prefix, %j", async (options) => {
    for (const suffix of ["", "a", "ab", "b", "é", "x"]) {
      await expectScan({ prefix: prefix + suffix }, (key) => key.startsWith(prefix + suffix), options);
    }
  });

  test.each(variants)("scan from start to end, %j", async (options) => {
    const ends = ["", "\0", "a", "a\0\0", "ab", "b1", "🦊", "🦊\0"].map((suffix) => prefix + suffix);
    for (const start of ends) {
      for (const end of [...ends, `${prefix.slice(0, -1)};`]) {
        await expectScan({ start, end }, (key) => !before(key, start) && before(key, end), options);
      }
    }
  });

  test("a range may be open at either side, and bytes", async () => {
    await using fresh = await subject.fresh();
    await fresh.store.write(["a", "b", "c"].map((key): Operation => ({ op: "put", key, value: key })));
    const scanned = async (range?: Range): Promise<string> =>
      (await fresh.store.scan(range).toArray()).map(({ key }) => key).join("");
    expect(await scanned()).toBe("abc");
    expect(await scanned({})).toBe("abc");
    expect(await scanned({ prefix: "" })).toBe("abc");
    expect(await scanned({ start: "", end: undefined })).toBe("abc");
    expect(await scanned({ start: "b" })).toBe("bc");
    expect(await scanned({ end: "b" })).toBe("a");
    expect(await scanned({ end: Uint8Array.of(0xff) })).toBe("abc");
    expect(await scanned({ start: Uint8Array.of(0x62), end: Uint8Array.of(0x62, 0) })).toBe("b");
    expect(await scanned({ prefix: Uint8Array.of(0xff, 0xff) })).toBe("");
  });

  test("a range that ends where it starts, or before, is empty", async () => {
    for (const [start, end] of [
      ["a", "a"],
      ["b", "a"],
      ["", ""],
    ] as const) {
      expect(
        await store()
          .scan({ start: prefix + start, end: prefix + end })
          .toArray(),
      ).toEqual([]);
      expect(
        await store()
          .scan({ start: prefix + start, end: prefix + end }, { reverse: true })
          .toArray(),
      ).toEqual([]);
    }
    expect(await store().scan({ end: "" }).toArray()).toEqual([]);
  });

  test("a prefix of 0xff bytes holds the last keys", async () => {
    const { bytes } = subject.shared;
    const last = [[0xff], [0xff, 0xff], [0xff, 0xff, 0]].map((each) => Uint8Array.from(each));
    for (const key of last) await bytes.put(key, "", { timestamp: 1 });
    expect((await bytes.scan({ prefix: last[0]! }).toArray()).map(({ key }) => [...key])).toEqual(
      last.map((key) => [...key]),
    );
    const [final] = await bytes.scan({ prefix: last[1]! }, { reverse: true, limit: 1 }).toArray();
    expect([...final!.key]).toEqual([0xff, 0xff, 0]);
    for (const key of last) await bytes.delete(key);
  });
}

function longListTests(subject: Subject): void {
  const prefix = uniqueKey();
  const numbered = (i: number): string => prefix + String(i).padStart(6, "0");
  const store = () => subject.shared.store;
  const keyOf = ({ key }: { readonly key: string }): string => key;
  const keys = Array.from({ length: many }, (_, i) => numbered(i));

  test(`a scan of ${many} keys gives each once and in order, however it is read`, async () => {
    await store().write(keys.map((key, i): Operation => ({ op: "put", key, value: `${i}`, timestamp: 5 })));
    expect((await store().scan({ prefix }).toArray()).map(keyOf)).toEqual(keys);
    expect((await store().scan({ prefix }, { reverse: true }).toArray()).map(keyOf)).toEqual(keys.toReversed());
    const iterated: string[] = [];
    for await (const entry of store().scan({ prefix })) iterated.push(entry.key);
    expect(iterated).toEqual(keys);
    const pieces: Entry[] = [];
    const entries = store().scan({ prefix }, { asOf: 5 });
    for (let piece = await entries.nextv(700); piece.length > 0; piece = await entries.nextv(700)) {
      expect(piece.length).toBeLessThanOrEqual(700);
      pieces.push(...piece);
    }
    expect(pieces.map(keyOf)).toEqual(keys);
    const limited = await store()
      .scan({ start: numbered(100) }, { limit: 2_222 })
      .toArray();
    expect(limited.map(keyOf)).toEqual(keys.slice(100, 2_322));
  });

  test("a scan reads one moment of the store, whatever is written while it runs", async () => {
    const other = uniqueKey();
    const own = keys.map((_, i) => `${other}${String(i).padStart(6, "0")}`);
    await store().write(own.map((key): Operation => ({ op: "put", key, value: "before", timestamp: 5 })));
    const entries = store().scan({ prefix: other });
    const seen = await entries.nextv(1);
    await store().write([
      ...own.slice(0, 5_000).map((key): Operation => ({ op: "put", key, value: "after", timestamp: 6 })),
      { op: "put", key: `${own[many - 1]}+`, value: "after" },
      { op: "put", key: own[many - 2]!, value: "after", timestamp: 5 },
      { op: "delete", key: own[many - 1]! },
    ]);
    seen.push(...(await entries.toArray()));
    expect(seen.map(keyOf)).toEqual(own);
    expect(new Set(seen.map((entry) => entry.text()))).toEqual(new Set(["before"]));
    expect(await store().scan({ prefix: other }, { limit: 1 }).toArray()).toMatchObject([{ timestamp: 6 }]);
  });

  test("a scan over deleted keys finds what lies behind them", async () => {
    const other = uniqueKey();
    const own = keys.map((_, i) => `${other}${String(i).padStart(6, "0")}`);
    await store().write(own.map((key): Operation => ({ op: "delete", key, timestamp: 5 })));
    await store().put(own[many - 1]!, "alive", { timestamp: 6 });
    await store().put(own[0]!, "alive", { timestamp: 4 });
    expect((await store().scan({ prefix: other }).toArray()).map(keyOf)).toEqual([own[many - 1]]);
    expect((await store().scan({ prefix: other }, { asOf: 4, reverse: true }).toArray()).map(keyOf)).toEqual([own[0]]);
    expect(await store().scan({ prefix: other }, { includeDeleted: true }).toArray()).toHaveLength(many);
  });
}

function historyTests(subject: Subject): void {
  const store = () => subject.shared.store;
  const timestampsOf = (versions: readonly { readonly timestamp: number }[]): number[] =>
    versions.map(({ timestamp }) => timestamp);

  test("history takes bounds, a direction and a limit", async () => {
    const key = uniqueKey();
    for (const timestamp of [30, 10, 50, 20, 40]) await store().put(key, `v${timestamp}`, { timestamp });
    await store().delete(key, { timestamp: 35 });
    const timestamps = async (options: object): Promise<number[]> =>
      timestampsOf(await store().history(key, options).toArray());
    expect(await timestamps({})).toEqual([50, 40, 35, 30, 20, 10]);
    expect(await timestamps({ reverse: true })).toEqual([10, 20, 30, 35, 40, 50]);
    expect(await timestamps({ from: 20, to: 40 })).toEqual([40, 35, 30, 20]);
    expect(await timestamps({ from: 21 })).toEqual([50, 40, 35, 30]);
    expect(await timestamps({ to: 34 })).toEqual([30, 20, 10]);
    expect(await timestamps({ to: 40, limit: 2 })).toEqual([40, 35]);
    expect(await timestamps({ from: 20, limit: 2, reverse: true })).toEqual([20, 30]);
    expect(await timestamps({ from: 35, to: 35 })).toEqual([35]);
    expect(await timestamps({ from: 36, to: 39 })).toEqual([]);
    expect(await timestamps({ from: 40, to: 20 })).toEqual([]);
  });

  test(`a history of ${many} versions is whole, both ways, and readable as of every moment`, async () => {
    const key = uniqueKey();
    // Written in an order that is neither up nor down; 2,003 is prime to the number of versions.
    const order = Array.from({ length: many }, (_, i) => (i * 2_003) % many);
    for (let start = 0; start < many; start += 500) {
      await store().write(
        order
          .slice(start, start + 500)
          .map((n): Operation => ({ op: "put", key, value: `v${n}`, timestamp: 1_000 + 10 * n })),
      );
    }
    const ascending = Array.from({ length: many }, (_, i) => 1_000 + 10 * i);
    expect(timestampsOf(await store().history(key, { reverse: true }).toArray())).toEqual(ascending);
    const versions = await store().history(key).toArray();
    expect(timestampsOf(versions)).toEqual(ascending.toReversed());
    expect(shown(versions[17]!)).toBe(`${key}@${1_000 + 10 * (many - 18)}=v${many - 18}`);
    const middle = await store().history(key, { from: 6_005, to: 26_005, limit: 1_500 }).toArray();
    expect(timestampsOf(middle)).toEqual(
      ascending
        .filter((t) => t >= 6_005 && t <= 26_005)
        .toReversed()
        .slice(0, 1_500),
    );
    for (const n of [0, 1, 127, 128, 129, 1_234, many - 1]) {
      expect(await read(store(), key, 1_000 + 10 * n)).toBe(`v${n}`);
      expect(await read(store(), key, 1_009 + 10 * n)).toBe(`v${n}`);
    }
    expect(await read(store(), key, 999)).toBeUndefined();
    expect(await store().scan({ prefix: key }, { asOf: 15_555 }).toArray()).toMatchObject([{ timestamp: 15_550 }]);
    expect(timestampsOf(await store().scan({ prefix: key }).toArray())).toEqual([ascending.at(-1)]);
  });

  test("a history reads one moment of the store", async () => {
    const key = uniqueKey();
    const operations = Array.from(
      { length: many },
      (_, i): Operation => ({ op: "put", key, value: "", timestamp: 2 * i }),
    );
    await store().write(operations);
    const entries = store().history(key);
    const seen = await entries.nextv(1);
    await store().write([1, 3, 5].map((timestamp): Operation => ({ op: "put", key, value: "", timestamp })));
    await store().delete(key, { timestamp: 0 });
    seen.push(...(await entries.toArray()));
    expect(seen).toHaveLength(many);
    expect(seen.at(-1)?.deleted).toBeUndefined();
  });
}

function getManyTests(subject: Subject): void {
  const store = () => subject.shared.store;

  test("getMany answers in the order asked, with repeats and gaps", async () => {
    const prefix = uniqueKey();
    await store().write(
      ["a", "b", "c"].map((k): Operation => ({ op: "put", key: prefix + k, value: k, timestamp: 10 })),
    );
    await store().delete(`${prefix}b`, { timestamp: 20 });
    const asked = ["c", "x", "a", "b", "c", "a", "y"].map((k) => prefix + k);
    const texts = async (options?: object): Promise<unknown[]> =>
      (await store().getMany(asked, options)).map((entry) => entry?.text());
    expect(await texts()).toEqual(["c", undefined, "a", undefined, "c", "a", undefined]);
    expect(await texts({ asOf: 10 })).toEqual(["c", undefined, "a", "b", "c", "a", undefined]);
    expect(await texts({ asOf: 9 })).toEqual(asked.map(() => undefined));
    expect(await store().getMany([])).toEqual([]);
    expect((await store().getMany([utf8(asked[0]!), asked[2]!])).map((entry) => entry?.key)).toEqual([
      asked[0],
      asked[2],
    ]);
  });

  test(`getMany takes ${many} keys`, async () => {
    const prefix = uniqueKey();
    const keys = Array.from({ length: many }, (_, i) => `${prefix}${(i * 7) % many}`);
    await store().write(keys.filter((_, i) => i % 3 !== 0).map((key): Operation => ({ op: "put", key, value: key })));
    const answers = await store().getMany(keys);
    expect(answers.map((entry) => entry?.text())).toEqual(keys.map((key, i) => (i % 3 === 0 ? undefined : key)));
  });
}

/** Ways to stop before the end. */
function consumptionTests(subject: Subject): void {
  const store = () => subject.shared.store;
  const prefix = uniqueKey();
  const keys = Array.from({ length: many }, (_, i) => prefix + String(i).padStart(6, "0"));

  beforeAll(async () => {
    await store().write(keys.map((key): Operation => ({ op: "put", key, value: "v", timestamp: 5 })));
  });

  test("a loop can be left at any item, and the list is then at its end", async () => {
    for (const stop of [0, 1, 300]) {
      const entries = store().scan({ prefix });
      const seen: string[] = [];
      for await (const { key } of entries) {
        seen.push(key);
        if (seen.length > stop) break;
      }
      expect(seen).toEqual(keys.slice(0, stop + 1));
      expect(await entries.nextv(10)).toEqual([]);
      expect(await entries.toArray()).toEqual([]);
    }
  });

  test("a closed list is at its end, read before or not", async () => {
    for (const count of [0, 1, 1_000]) {
      const entries = store().scan({ prefix });
      if (count > 0) expect((await entries.nextv(count)).length).toBeGreaterThan(0);
      await entries.close();
      await entries.close();
      expect(await entries.nextv(1)).toEqual([]);
    }
    await using disposed = store().history(keys[0]!);
    expect(await disposed.nextv(5)).toHaveLength(1);
    expect(await disposed.nextv(5)).toEqual([]);
  });

  test("pieces asked for together are given each item once, in order", async () => {
    const entries = store().scan({ prefix });
    const pieces = await Promise.all([900, 1, 700, 2_000].map((count) => entries.nextv(count)));
    const rest = await entries.toArray();
    expect([...pieces.flat(), ...rest].map(({ key }) => key)).toEqual(keys);
  });

  test("two lists run side by side", async () => {
    const [forward, backward] = [store().scan({ prefix }), store().scan({ prefix }, { reverse: true })];
    const [up, down] = await Promise.all([forward.toArray(), backward.toArray()]);
    expect(up.map(({ key }) => key)).toEqual(down.map(({ key }) => key).reverse());
  });

  test("an empty store lists nothing", async () => {
    await using fresh = await subject.fresh();
    expect(await fresh.store.scan().toArray()).toEqual([]);
    expect(await fresh.store.scan({}, { reverse: true, includeDeleted: true }).toArray()).toEqual([]);
    expect(await fresh.store.history("k").toArray()).toEqual([]);
    expect(await fresh.store.getMany(["a", "b"])).toEqual([undefined, undefined]);
    for await (const _ of fresh.store.scan()) expect.unreachable();
  });
}
