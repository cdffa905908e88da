import { isKvtsError } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { Pins } from "./pins.ts";

function expired(pins: Pins, seq: number): unknown {
  try {
    pins.pin(seq).release();
    return undefined;
  } catch (error) {
    if (!isKvtsError(error, "CURSOR_EXPIRED")) throw error;
    return error.details;
  }
}

describe("pins", () => {
  test("are counted a seq, and told in order", () => {
    const pins = new Pins(() => 0, 0);
    const [nine, three, again] = [pins.pin(9), pins.pin(3), pins.pin(9)];
    expect(pins.seqs()).toEqual([3, 9]);
    expect(pins.count).toBe(3);
    nine!.release();
    nine!.release();
    expect(pins.seqs()).toEqual([3, 9]);
    again!.release();
    three!.release();
    expect(pins.seqs()).toEqual([]);
    expect(pins.count).toBe(0);
    expect(three!.isReleased).toBe(true);
  });

  test("tell how long the oldest has been held", () => {
    let now = 0;
    const pins = new Pins(() => now, 0);
    expect(pins.oldestAgeMs()).toBe(0);
    const first = pins.pin(5);
    now = 10;
    pins.pin(6);
    now = 30;
    expect(pins.oldestAgeMs()).toBe(30);
    first.release();
    expect(pins.oldestAgeMs()).toBe(20);
  });

  test("below the floor only a seq that is pinned already can be pinned", () => {
    const pins = new Pins(() => 0, 7);
    expect(expired(pins, 6)).toEqual({ seq: 6, oldestSeq: 7 });
    expect(expired(pins, 7)).toBeUndefined();
    const held = pins.pin(8);
    expect(pins.raiseFloor(20, [8])).toBe(true);
    expect(expired(pins, 8)).toBeUndefined();
    expect(expired(pins, 9)).toEqual({ seq: 9, oldestSeq: 20 });
    held.release();
    expect(expired(pins, 8)).toEqual({ seq: 8, oldestSeq: 20 });
  });

  test("the floor does not rise past a seq that whoever raises it did not know of, and never falls", () => {
    const pins = new Pins(() => 0, 0);
    const held = pins.pin(8);
    expect(pins.raiseFloor(8, [])).toBe(true);
    expect(pins.raiseFloor(9, [])).toBe(false);
    expect(pins.raiseFloor(9, [7])).toBe(false);
    expect(pins.seqFloor).toBe(8);
    held.release();
    expect(pins.raiseFloor(9, [])).toBe(true);
    expect(pins.raiseFloor(3, [])).toBe(true);
    expect(pins.seqFloor).toBe(9);
  });
});
