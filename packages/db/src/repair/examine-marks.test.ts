import { utf8 } from "@kvts/common";
import { describe, expect, test } from "vitest";
import type { RangeMark } from "../marks/range-mark.ts";
import { uniteMarks } from "./examine-marks.ts";

function mark(start: string, end: string, seq: number): RangeMark {
  return { kind: "delete", start: utf8(start), end: utf8(end), timestamp: 7, seq };
}

describe("range marks of several parts", () => {
  test("are there once each, ascending, however they stand in what is damaged", () => {
    const [a, b, c] = [mark("a", "c", 1), mark("b", "d", 2), mark("a", "b", 5)];
    expect(uniteMarks([[c], [b, a, b], [a]])).toEqual([a, b, c]);
  });

  test("of one that was erased in part are what the last part has of it", () => {
    const [left, right, other] = [mark("a", "f", 3), mark("m", "z", 3), mark("a", "b", 2)];
    expect(uniteMarks([[mark("a", "z", 3)], [other, left, right]])).toEqual([other, left, right]);
    expect(uniteMarks([[right, other, left, right]])).toEqual([other, left, right]);
  });
});
