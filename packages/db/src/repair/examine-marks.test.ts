import { utf8 } from "@kvts/common";
import { describe, expect, test } from "vitest";
import type { RangeMark } from "../marks/range-mark.ts";
import { uniteMarks } from "./examine-marks.ts";

function mark(start: string, end: string, seq: number, boundsSeq: number = seq): RangeMark {
  return { kind: "delete", start: utf8(start), end: utf8(end), timestamp: 7, seq, boundsSeq };
}

describe("range marks of several parts", () => {
  test("are there once each, ascending, however they stand in what is damaged", () => {
    const [a, b, c] = [mark("a", "c", 1), mark("b", "d", 2), mark("a", "b", 5)];
    expect(uniteMarks([[c], [b, a, b], [a]])).toEqual([a, b, c]);
  });

  test("of one that was erased in part are as they were left at last, wherever that stands", () => {
    const [whole, cut, shorter, other] = [
      mark("a", "z", 3),
      mark("a", "m", 3, 8),
      mark("a", "f", 3, 9),
      mark("a", "b", 2),
    ];
    expect(uniteMarks([[whole], [other, shorter], [cut]])).toEqual([other, shorter]);
    expect(
      uniteMarks([
        [shorter, other],
        [whole, cut],
      ]),
    ).toEqual([other, shorter]);
  });
});
