import { expect, test } from "vitest";
import { utf8 } from "./bytes.ts";
import { makeEntry, makeTombstone } from "./entry.ts";

const fields = { key: "k", value: utf8('{"a":1}'), timestamp: 5, seq: 9 };

test("an entry has the fields of its version, and no others", () => {
  expect(makeEntry(fields)).toEqual(fields);
  expect(Object.keys(makeEntry(fields))).toEqual(["key", "value", "timestamp", "seq"]);
  expect("expiresAt" in makeEntry({ ...fields, expiresAt: undefined })).toBe(false);
  expect(makeEntry({ ...fields, expiresAt: 7 })).toEqual({ ...fields, expiresAt: 7 });
  expect(makeTombstone("k", 5, 9)).toStrictEqual({ key: "k", timestamp: 5, seq: 9, deleted: true });
});

test("text and json read the value, or say why not", () => {
  expect(makeEntry(fields).text()).toBe('{"a":1}');
  expect(makeEntry(fields).json()).toEqual({ a: 1 });
  expect(makeEntry({ ...fields, value: utf8("\uFEFFx") }).text()).toBe("\uFEFFx");
  const binary = makeEntry({ ...fields, value: Uint8Array.of(0xff) });
  for (const read of [
    () => binary.text(),
    () => binary.json(),
    () => makeEntry({ ...fields, value: utf8("{") }).json(),
  ]) {
    expect(read).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  }
});
