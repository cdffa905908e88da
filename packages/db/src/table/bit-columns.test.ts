import { describe, expect, test } from "vitest";
import { highWord, joinWords, lowWord, NUMBER_MAX } from "../format/version-record.ts";
import { Random } from "../testing/random.ts";
import { BitWriter, readColumn, WIDTH_MAX, widthOf } from "./bit-columns.ts";
import { WordList } from "./word-list.ts";

const random = new Random(11);

/** A number of at most `width` bits, often an extreme one. */
function numberOf(width: number): number {
  const greatest = 2 ** width - 1;
  if (random.chance(0.3)) return random.pick([0, greatest, Math.min(1, greatest), 2 ** Math.max(0, width - 1) - 1]);
  return (random.u32() * 2 ** 21 + (random.u32() >>> 11)) % (greatest + 1);
}

function read(words: Int32Array, bit: number, width: number, count: number): number[] {
  const low = new Int32Array(count).fill(7);
  const high = new Int32Array(count).fill(7);
  readColumn(words, bit, width, count, low, high);
  return Array.from(low, (word, i) => joinWords(high[i]!, word ^ 0x80000000));
}

describe("columns of bits", () => {
  test("give back numbers of every width, behind columns of every other", () => {
    for (let width = 0; width <= WIDTH_MAX; width++) {
      for (let before = 0; before <= WIDTH_MAX; before++) {
        const first = Float64Array.from({ length: 3 }, () => numberOf(before));
        const second = Float64Array.from({ length: 70 }, () => numberOf(width));
        const words = new WordList(4);
        words.push(-1);
        const writer = new BitWriter(words);
        writer.start();
        writer.add(first, first.length, 0, before);
        writer.add(second, second.length, 0, width);
        expect(words.length).toBe(1 + Math.ceil((before * 3 + width * 70) / 32));
        expect(read(words.view(), 32, before, 3)).toEqual([...first]);
        expect(read(words.view(), 32 + before * 3, width, 70)).toEqual([...second]);
      }
    }
  });

  test("hold what lies above the base", () => {
    const words = new WordList(4);
    const writer = new BitWriter(words);
    writer.start();
    writer.add(Float64Array.of(NUMBER_MAX, NUMBER_MAX - 5), 2, NUMBER_MAX - 5, 3);
    expect(read(words.view(), 0, 3, 2)).toEqual([5, 0]);
  });

  test("are as wide as the greatest number needs", () => {
    for (let bits = 1; bits <= WIDTH_MAX; bits++) {
      expect(widthOf(2 ** (bits - 1))).toBe(bits);
      expect(widthOf(2 ** bits - 1)).toBe(bits);
    }
    expect(widthOf(0)).toBe(0);
  });

  test("use the words that version records have", () => {
    expect([highWord(NUMBER_MAX), lowWord(NUMBER_MAX) ^ 0x80000000]).toEqual([2 ** 21 - 1, -1]);
  });
});
