import { expect, test } from "vitest";
import { feedItemFromJson, feedItemToJson } from "./feed.ts";
import type { FeedItem } from "./store.ts";

const bounded = { start: Uint8Array.of(0xff), end: Uint8Array.of(0x61) };
const items: readonly FeedItem<Uint8Array>[] = [
  { op: "retract", key: Uint8Array.of(0x6b), timestamp: 5, seq: 1 },
  { op: "deleteRange", range: bounded, timestamp: 5, seq: 2 },
  { op: "restored", range: bounded, to: 4, timestamp: 5, seq: 3 },
  { op: "restored", range: { start: new Uint8Array(0), end: undefined }, to: 0, timestamp: 5, seq: 4 },
];

test.each(items)("$op at seq $seq is read from JSON as it was", (item) => {
  expect(feedItemFromJson(JSON.parse(JSON.stringify(feedItemToJson(item))))).toEqual(item);
});

test("a restored range tells in JSON what it went back to", () => {
  expect(feedItemToJson(items[2]!)).toEqual({
    op: "restored",
    startBase64: "/w==",
    end: "a",
    to: 4,
    timestamp: 5,
    time: "1970-01-01T00:00:00.000005Z",
    seq: 3,
  });
});

test.each([
  [{ op: "restored", timestamp: 5, seq: 3 }, "to"],
  [{ op: "restored", to: -1, timestamp: 5, seq: 3 }, "to"],
  [{ op: "deleteRange", to: 4, timestamp: 5, seq: 3 }, "to"],
  [{ op: "forgotten", timestamp: 5, seq: 3 }, 'op is "retract", "deleteRange" or "restored"'],
])("%j is refused", (json, sentence) => {
  expect(() => feedItemFromJson(json)).toThrow(sentence);
});
