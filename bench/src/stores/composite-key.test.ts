import { expect, it } from "vitest";
import {
  afterVersionsKey,
  firstVersionKey,
  isNewerThan,
  isVersionOf,
  momentSuffix,
  userKey,
  versionKey,
} from "./composite-key.ts";

const timestamps = [0, 1, 2 ** 32 - 1, 2 ** 32, 1_672_531_200_000_000, 2 ** 53 - 1];

it("orders a key's versions newest first, between its two bounds", () => {
  const inOrder = [
    firstVersionKey("user:1"),
    ...timestamps.toReversed().map((timestamp) => versionKey("user:1", timestamp)),
    afterVersionsKey("user:1"),
    versionKey("user:10", 2 ** 53 - 1),
  ];
  expect(inOrder.toSorted(Buffer.compare)).toEqual(inOrder);
});

it("gives the user's key back", () => {
  for (const timestamp of timestamps) expect(userKey(versionKey("user:1", timestamp))).toBe("user:1");
});

it("knows whose version it is", () => {
  expect(isVersionOf(versionKey("user:1", 5), "user:1")).toBe(true);
  expect(isVersionOf(versionKey("user:2", 5), "user:1")).toBe(false);
  expect(isVersionOf(versionKey("user:10", 5), "user:1")).toBe(false);
});

it("tells a newer version from one that holds at a moment", () => {
  for (const timestamp of timestamps) {
    expect(isNewerThan(versionKey("user:1", timestamp), momentSuffix(timestamp))).toBe(false);
    if (timestamp > 0) expect(isNewerThan(versionKey("user:1", timestamp), momentSuffix(timestamp - 1))).toBe(true);
  }
});
