import { compareBytes, utf8 } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { KeyBuffer } from "../format/key-buffer.ts";
import { NUMBER_MAX } from "../format/version-record.ts";
import { Random } from "../testing/random.ts";
import { testSeeds } from "../testing/seeds.ts";
import { KeySpans } from "./key-spans.ts";
import { isEmptyRange, type RangeMark, withoutErased } from "./range-mark.ts";
import { RangeMarks } from "./range-marks.ts";

const KEY = new KeyBuffer();

function mark(start: string, end: string | undefined, timestamp: number, seq: number): RangeMark {
  const range = { start: utf8(start), end: end === undefined ? undefined : utf8(end) };
  return { kind: "delete", ...range, timestamp, seq, boundsSeq: seq };
}

function newest(marks: RangeMarks, key: Uint8Array, timestamp: number, seq: number): [number, number] | undefined {
  KEY.setBytes(key);
  return marks.findNewest(KEY, timestamp, seq) ? [marks.timestamp, marks.seq] : undefined;
}

function isIn({ start, end }: Pick<RangeMark, "start" | "end">, key: Uint8Array): boolean {
  return compareBytes(start, key) <= 0 && (end === undefined || compareBytes(key, end) < 0);
}

/** A mark after erasures, one by one. */
function cut(one: RangeMark, erasures: readonly { start: Uint8Array; end: Uint8Array | undefined; seq: number }[]) {
  let { start, end } = one;
  for (const erased of erasures) {
    if (erased.seq <= one.seq) continue;
    const [startIsIn, endIsIn] = [isIn(erased, start), end !== undefined && isIn(erased, end)];
    if (startIsIn && erased.end === undefined) return [];
    if (startIsIn) start = erased.end!;
    if (endIsIn) end = erased.start;
    if (isEmptyRange(start, end)) return [];
  }
  return [{ ...one, start, end }];
}

/** Short keys over few letters, so that bounds are shared, nested and prefixes of each other. */
function randomKey(random: Random, lengthMin: number): Uint8Array {
  return Uint8Array.from({ length: random.between(lengthMin, 5) }, () => random.pick([0, 97, 98, 255]));
}

function randomMarks(random: Random, count: number): RangeMark[] {
  const areAssigned = random.chance(0.5);
  const few = random.pick([3, 1000]);
  return Array.from({ length: count }, (_, i) => ({
    kind: "delete",
    start: randomKey(random, 0),
    end: random.chance(0.1) ? undefined : randomKey(random, 1),
    timestamp: areAssigned ? i * 2 : random.below(few),
    seq: 3 * i + 1,
    boundsSeq: 3 * i + 1,
  }));
}

describe("range marks", () => {
  test.each(testSeeds(40))("are found as by looking at each of them: seed %d", (seed) => {
    const random = new Random(seed);
    const all = randomMarks(random, random.pick([1, 2, 7, 60, 300]));
    const grown = new RangeMarks();
    for (const one of all) grown.add(one);
    const split = random.below(all.length);
    const loaded = RangeMarks.of(all.slice(0, split));
    for (const one of all.slice(split)) loaded.add(one);
    for (let i = 0; i < 200; i++) {
      const key = randomKey(random, 1);
      const timestamp = random.pick([random.below(1000), NUMBER_MAX]);
      const seq = random.pick([random.below(all.length * 3), NUMBER_MAX]);
      const seen = all.filter((one) => isIn(one, key) && one.seq <= seq);
      const [best] = seen
        .filter((one) => one.timestamp <= timestamp)
        .sort((a, b) => b.timestamp - a.timestamp || b.seq - a.seq);
      const next = Math.min(...seen.filter((one) => one.timestamp >= timestamp).map((one) => one.timestamp));
      for (const marks of [grown, loaded]) {
        expect(newest(marks, key, timestamp, seq)).toEqual(best && [best.timestamp, best.seq]);
        expect(marks.nextTimestamp(KEY, timestamp, seq)).toBe(next);
        const floor = random.below(1000);
        const isFound = best !== undefined && best.timestamp >= floor;
        if (isFound) expect(marks.findNewest(KEY, timestamp, seq, floor)).toBe(true);
      }
    }
    const [from, to, seq] = [random.below(500), random.below(1000), random.below(all.length * 3)];
    const between = all.filter((one) => one.timestamp >= from && one.timestamp <= to && one.seq <= seq);
    const found = [...grown.within(from, to, seq)].sort((a, b) => a.seq - b.seq);
    expect(found).toEqual(between.filter(({ start, end }) => end === undefined || compareBytes(start, end) < 0));
  });

  test("that come twice count once, and one on no key counts as one", () => {
    const marks = RangeMarks.of([mark("a", "c", 5, 1), mark("c", "c", 6, 2)]);
    marks.add(mark("a", "c", 5, 1));
    marks.add(mark("c", "c", 6, 2));
    expect([marks.count, marks.lastSeq, marks.bytes]).toEqual([2, 2, 4]);
    expect(marks.between(0, 2)).toHaveLength(2);
    expect(marks.between(1, 2)).toEqual([mark("c", "c", 6, 2)]);
    expect(newest(marks, utf8("c"), 9, 9)).toBeUndefined();
    marks.add(mark("b", undefined, 5, 4));
    expect(newest(marks, utf8("b"), 9, 9)).toEqual([5, 4]);
    expect(newest(marks, utf8("b"), 9, 3)).toEqual([5, 1]);
    expect(newest(marks, utf8("zz"), 4, 9)).toBeUndefined();
  });

  test.each(testSeeds(40))("keep no bound that was erased after them, and every other as before: seed %d", (seed) => {
    const random = new Random(seed);
    const all = randomMarks(random, random.pick([1, 3, 40]));
    const erasures = Array.from({ length: random.between(1, 3) }, () => ({
      start: randomKey(random, 0),
      end: random.chance(0.2) ? undefined : randomKey(random, 1),
      seq: 3 * random.below(all.length + 1),
    })).sort((a, b) => a.seq - b.seq);
    const loaded = RangeMarks.of(all).without(erasures);
    const grown = new RangeMarks();
    for (const one of all) {
      const left = withoutErased(one, erasures);
      if (left !== undefined) grown.add(left);
    }
    const expected = all.filter((one) => !isEmptyRange(one.start, one.end)).flatMap((one) => cut(one, erasures));
    const left = loaded.between(0, NUMBER_MAX);
    const bounds = ({ start, end, seq }: RangeMark) => ({ start, end, seq });
    expect(left.filter((one) => !isEmptyRange(one.start, one.end)).map(bounds)).toEqual(expected.map(bounds));
    expect(grown.between(0, NUMBER_MAX)).toEqual(left);
    // Whatever a file has seen of the erasures, and however often they are gone through.
    const [first] = erasures;
    expect(RangeMarks.of(all).without([first!]).without(erasures).between(0, NUMBER_MAX)).toEqual(left);
    expect(loaded.without(erasures)).toBe(loaded);
  });

  test("of an erasure keep what is on either side of it, or reaches over it", () => {
    const erasure = { start: utf8("f"), end: utf8("k"), seq: 9 };
    const leftOf = (start: string, end: string | undefined) => {
      const left = withoutErased(mark(start, end, 5, 1), [erasure]);
      return left && [left.start, left.end].map((bound) => bound && new TextDecoder().decode(bound));
    };
    expect(leftOf("a", "f")).toEqual(["a", "f"]);
    expect(leftOf("a", "g")).toEqual(["a", "f"]);
    expect(leftOf("a", "k")).toEqual(["a", "k"]);
    expect(leftOf("a", undefined)).toEqual(["a", undefined]);
    expect(leftOf("f", "k")).toBeUndefined();
    expect(leftOf("g", "h")).toBeUndefined();
    expect(leftOf("f", "z")).toEqual(["k", "z"]);
    expect(leftOf("k", "z")).toEqual(["k", "z"]);
    expect(withoutErased(mark("a", "g", 5, 10), [erasure])).toEqual(mark("a", "g", 5, 10));
  });

  test("of none there is nothing to look at", () => {
    const marks = new RangeMarks();
    expect(marks.orNone).toBeUndefined();
    marks.add(mark("a", "b", 1, 1));
    expect(marks.orNone).toBe(marks);
  });

  test("10,000 nested in each other take little for each lookup", () => {
    const name = (i: number): string => String(i).padStart(6, "0");
    const marks = new RangeMarks();
    for (let i = 0; i < 10_000; i++) marks.add(mark(name(i), name(30_000 - i), (i * 7919) % 10_007, i + 1));
    const before = process.threadCpuUsage().user;
    let sum = 0;
    for (let i = 0; i < 10_000; i++) {
      KEY.set(name(i * 3));
      if (marks.findNewest(KEY, NUMBER_MAX, NUMBER_MAX)) sum += marks.timestamp;
    }
    const micros = (process.threadCpuUsage().user - before) / 10_000;
    expect(sum).toBeGreaterThan(0);
    // Looking at each of them would take some 100 µs.
    expect(micros).toBeLessThan(30);
  });
});

test.each(testSeeds(20))("spans of keys touch what any of their ranges does: seed %d", (seed) => {
  const random = new Random(seed);
  const ranges = randomMarks(random, random.between(0, 12)).filter(({ start, end }) => {
    return end === undefined || compareBytes(start, end) < 0;
  });
  const spans = new KeySpans(ranges);
  expect(spans.isEmpty).toBe(ranges.length === 0);
  for (let i = 0; i < 100; i++) {
    const [a, b] = [randomKey(random, 1), randomKey(random, 1)].sort(compareBytes) as [Uint8Array, Uint8Array];
    const touches = ranges.some(({ start, end }) => {
      return compareBytes(start, b) <= 0 && (end === undefined || compareBytes(a, end) < 0);
    });
    expect(spans.touches(a, b)).toBe(touches);
  }
});
