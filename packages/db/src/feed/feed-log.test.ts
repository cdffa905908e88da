import { utf8 } from "@kvts/common";
import { expect, test } from "vitest";
import { MemoryFileSystem } from "../testing/memory-file-system.ts";
import { FeedLog } from "./feed-log.ts";
import type { RestoreMark } from "./restore-mark.ts";

function feedLog(bytesMax: number): FeedLog {
  const log = new FeedLog({
    fileSystem: new MemoryFileSystem(),
    directory: "d",
    bytesMax,
    ageMsMax: 1000,
    now: () => 0,
  });
  log.began(1, 0);
  return log;
}

function mark(seq: number): RestoreMark {
  return { seq, timestamp: seq * 10, range: { start: utf8("a"), end: undefined }, to: 5 };
}

test("restores past the log are found by the seqs between which they lie, until the feed begins behind them", () => {
  const log = feedLog(1);
  for (const seq of [3, 5, 9]) {
    expect(log.restoring(mark(seq)).restores).toEqual([mark(seq)]);
    // Before it is in place it is not told of.
    expect(log.restoresIn(0, 100).at(-1)).not.toEqual(mark(seq));
    log.restored(mark(seq));
  }
  expect(log.restoresIn(3, 9)).toEqual([mark(5), mark(9)]);
  expect(log.restoresIn(5, 8)).toEqual([]);
  log.cut(5);
  expect(log.restores).toEqual([mark(9)]);
  expect(log.startFor(5)).toMatchObject({ segment: 1 });
  expect(() => log.startFor(4)).toThrow("begin again with initial");
});

test.each([0, 1])(
  "so many are told of at most: with more the feed begins behind the oldest (%d bytes kept)",
  (bytes) => {
    const log = feedLog(bytes);
    for (let seq = 1; seq <= 256; seq++) {
      log.restoring(mark(seq));
      log.restored(mark(seq));
    }
    expect(log.floor).toBe(0);
    expect(log.restoring(mark(257)).feed).toMatchObject({ afterSeq: 1 });
    log.restored(mark(257));
    expect(log.floor).toBe(1);
    expect(log.restores.map(({ seq }) => seq)).toEqual(Array.from({ length: 256 }, (_, i) => i + 2));
  },
);

test("where no segment is kept, an edit that puts a restore in place says from where on older ones are told of", () => {
  const log = feedLog(0);
  log.restored(mark(3));
  log.floor = 4;
  expect(log.restoring(mark(5))).toEqual({ restores: [mark(5)], feed: { segment: 0, afterSeq: 4 } });
});
