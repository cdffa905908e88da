import { compareBytes, type Operation, type Range, type ScanOptions, utf8 } from "@kvts/common";
import { beforeAll, expect, test } from "vitest";
import { listed, type Subject, uniqueKey } from "./subject.ts";

/** Compares scans with a plain filter over a small store. */
export function rangeTests(subject: Subject): void {
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
