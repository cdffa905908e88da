import { compareBytes } from "@kvts/common";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { KeyBuffer } from "../format/key-buffer.ts";
import { testMeta, testTable } from "../testing/test-tables.ts";
import { Level } from "./level.ts";
import type { TableFile } from "./table-file.ts";
import { Version } from "./version.ts";

const KEY = new KeyBuffer();

function keyOf(bytes: Uint8Array): KeyBuffer {
  KEY.setBytes(bytes);
  return KEY;
}

/** Keys that often share their first bytes, and zeros, which padding must not be confused with. */
const key = fc
  .tuple(
    fc.constantFrom("", "user:", "user:0000", "user:\0\0"),
    fc.array(fc.constantFrom(0, 1, 97, 98, 255), { maxLength: 6 }),
  )
  .map(([start, rest]) => new Uint8Array(Buffer.concat([Buffer.from(start), Uint8Array.from(rest)])))
  .filter((bytes) => bytes.length > 0);

const bounds = fc.uniqueArray(key, {
  minLength: 2,
  maxLength: 24,
  selector: (bytes) => Buffer.from(bytes).toString("hex"),
});

/** Tables between neighbours of a sorted list of keys; some hold one key only. */
function tablesBetween(keys: readonly Uint8Array[]): TableFile<string>[] {
  const sorted = keys.toSorted(compareBytes);
  const files: TableFile<string>[] = [];
  for (let i = 0; i + 1 < sorted.length; i += 2) {
    const largest = i % 3 === 0 ? sorted[i + 1]! : sorted[i]!;
    files.push(testTable(testMeta(i + 1, "", "", { smallest: sorted[i]!, largest })));
  }
  return files;
}

describe("a level without overlap", () => {
  test("finds the table of a key, whatever order the tables came in", () => {
    fc.assert(
      fc.property(bounds, fc.array(key, { minLength: 1, maxLength: 8 }), (keys, others) => {
        const files = tablesBetween(keys);
        const level = new Level(1, files.toReversed());
        expect(level.files).toEqual(files);
        for (const wanted of [...keys, ...others]) {
          const reaching = files.findIndex(({ meta }) => compareBytes(meta.largest, wanted) >= 0);
          const first = reaching < 0 ? files.length : reaching;
          expect(level.firstReaching(keyOf(wanted))).toBe(first);
          const holder = files.find(
            ({ meta }) => compareBytes(meta.smallest, wanted) <= 0 && compareBytes(meta.largest, wanted) >= 0,
          );
          expect(level.find(keyOf(wanted))).toBe(holder);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("finds nothing when it is empty", () => {
    const level = new Level<string>(3, []);
    expect(level.find(keyOf(Uint8Array.of(1)))).toBeUndefined();
    expect(level.firstReaching(keyOf(Uint8Array.of(1)))).toBe(0);
    expect(level.minTimestamp).toBe(Number.POSITIVE_INFINITY);
    expect(level.maxTimestamp).toBe(-1);
  });

  test("refuses tables that overlap, even in one key", () => {
    const tables = [testTable(testMeta(1, "a", "c")), testTable(testMeta(2, "c", "d"))];
    expect(() => new Level(1, tables)).toThrow(/V3: tables of level 1 do not overlap/);
    expect(() => new Level(0, tables)).not.toThrow();
  });
});

test("level 0 goes from new to old, and knows its extremes", () => {
  const tables = [
    testTable(testMeta(1, "a", "c", { maxSeq: 5, minTimestamp: 7 })),
    testTable(testMeta(3, "a", "c", { maxSeq: 9, maxTimestamp: 900 })),
    testTable(testMeta(2, "b", "c", { maxSeq: 9 })),
  ];
  const level = new Level(0, tables);
  expect(level.files.map(({ meta }) => meta.number)).toEqual([3, 2, 1]);
  expect([level.minTimestamp, level.maxTimestamp, level.maxSeq]).toEqual([7, 900, 9]);
  expect(level.overlapping).toBe(true);
});

describe("a version", () => {
  const unused: number[] = [];
  const note = (file: TableFile<string>) => unused.push(file.meta.number);

  test("keeps its tables until nobody holds it, and shares them with the next", () => {
    unused.length = 0;
    const tables = [1, 2, 3].map((number) => ({ level: 0, file: testTable(testMeta(number, "a", "b"), note) }));
    const before = Version.of(tables);
    const added = testTable(testMeta(4, "a", "b"), note);
    const after = before.apply(
      {
        removed: [1, 2, 3],
        added: [
          { level: 1, meta: added.meta },
          { level: 2, meta: tables[2]!.file.meta },
        ],
      },
      () => added,
    );
    expect(after.tables().map(({ level, file }) => [level, file.meta.number])).toEqual([
      [1, 4],
      [2, 3],
    ]);
    expect(after.levels[2]!.files[0]).toBe(tables[2]!.file);
    expect(before.tables()).toHaveLength(3);
    before.acquire();
    before.release();
    expect(unused).toEqual([]);
    before.release();
    expect(unused.toSorted()).toEqual([1, 2]);
    after.release();
    expect(unused.toSorted()).toEqual([1, 2, 3, 4]);
  });

  test("refuses by name an edit that does not fit, and holders that do not hold", () => {
    const version = Version.of<string>([]);
    expect(() => version.apply({ removed: [9] }, () => testTable(testMeta(9, "a", "b")))).toThrow(/V4/);
    version.release();
    expect(() => version.release()).toThrow(/V6/);
    expect(() => version.acquire()).toThrow(/V5/);
  });
});
