import { makeChange, makeEntry, makeTombstone, utf8 } from "@kvts/common";
import { expect, test } from "vitest";
import { displayBytes, displayChange, displayEvent, displayKey, displayVersion } from "./display.ts";

test("printable text is shown as it is", () => {
  for (const text of ["", "alice", "žluťoučký kůň", "日本語 👩‍👩‍👧", 'a"b\\c', " spaces "]) {
    expect(displayBytes(utf8(text))).toBe(text);
  }
});

test("control characters never reach a terminal", () => {
  expect(displayBytes(utf8("\x1b[31mred\x07"))).toBe('"\\u001b[31mred\\u0007"');
  expect(displayBytes(utf8("two\nlines"))).toBe('"two\\nlines"');
  expect(displayBytes(utf8("\u0085\u2028\u202e"))).toBe('"\\u0085\\u2028\\u202e"');
});

test("bytes that are no text are shown as base64", () => {
  expect(displayBytes(Uint8Array.of(0xff, 0xfe))).toBe("base64://4=");
});

test("keys are shown in the encoding asked for", () => {
  expect(displayKey(Uint8Array.of(0xff), "hex")).toBe("ff");
  expect(displayKey("a", "base64")).toBe("YQ==");
  expect(displayKey(Uint8Array.of(0xff), "utf8")).toBe("base64:/w==");
});

test("a version is shown with its time, value and expiry", () => {
  const entry = makeEntry({ key: "k", value: utf8("v"), timestamp: 1, seq: 1, expiresAt: 1_000_000 });
  expect(displayVersion(entry)).toBe("1970-01-01T00:00:00.000001Z\tv\t(expires 1970-01-01T00:00:01.000000Z)");
  const large = makeEntry({ key: "k", value: new Uint8Array(1536), timestamp: 1, seq: 1 });
  expect(displayVersion(large)).toBe("1970-01-01T00:00:00.000001Z\t(1.5 KiB)");
  expect(displayVersion(makeTombstone("k", 2, 1))).toBe("1970-01-01T00:00:00.000002Z\t(deleted)");
});

test("a change is shown with what was there, what is, or both", () => {
  const [before, after] = [1, 2].map((at) => makeEntry({ key: "k", value: utf8(`v${at}`), timestamp: at, seq: at }));
  const [earlier, later] = ["1970-01-01T00:00:00.000001Z\tv1", "1970-01-01T00:00:00.000002Z\tv2"];
  expect(displayChange(makeChange("k", undefined, after), "utf8")).toBe(`+ k\t${later}`);
  expect(displayChange(makeChange("k", before, after), "hex")).toBe(`~ 6b\t${earlier}\t→\t${later}`);
  expect(displayChange(makeChange("k", before, undefined), "utf8")).toBe(`- k\t${earlier}`);
});

test("an event is shown operation by operation, ranges by their bounds", () => {
  const range = { start: utf8("a"), end: utf8("b") };
  const items = [
    makeEntry({ key: "k", value: utf8("v"), timestamp: 1, seq: 1 }),
    { op: "deleteRange", range, timestamp: 2, seq: 2 },
    { op: "restored", range: { ...range, end: undefined }, to: 1, timestamp: 2, seq: 3 },
  ] as const;
  expect(displayEvent({ seq: 3, items }, "utf8")).toEqual([
    "#3",
    "  k\t1970-01-01T00:00:00.000001Z\tv",
    "  a … b\t1970-01-01T00:00:00.000002Z\t(deleted)",
    "  a …\t1970-01-01T00:00:00.000002Z\t(restored to 1970-01-01T00:00:00.000001Z)",
  ]);
});
