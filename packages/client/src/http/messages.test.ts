import { utf8 } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { WireFailure } from "../wire.ts";
import {
  changeFromJson,
  foundFromJson,
  operationToJson,
  pageFromJson,
  resultFromJson,
  statsFromJson,
  versionFromJson,
} from "./messages.ts";

const version = { key: "k", timestamp: 1, time: "1970-01-01T00:00:00.000001Z", seq: 2 };
const json = (value: unknown) => utf8(JSON.stringify(value));

describe("versions", () => {
  test("a value, a binary one, a tombstone", () => {
    const common = { key: utf8("k"), timestamp: 1, seq: 2, expiresAt: undefined };
    expect(versionFromJson({ ...version, value: "v" })).toEqual({ ...common, value: utf8("v") });
    const binary = { ...version, key: undefined, keyBase64: "/w==", valueBase64: "AP8=", expiresAt: 9 };
    expect(versionFromJson(binary)).toEqual({
      ...common,
      key: Uint8Array.of(255),
      value: Uint8Array.of(0, 255),
      expiresAt: 9,
    });
    expect(versionFromJson({ ...version, deleted: true })).toEqual({ ...common, value: undefined });
    expect(foundFromJson(null)).toBeUndefined();
  });

  test("fields of later versions are passed over", () => {
    expect(versionFromJson({ ...version, value: "v", colour: "red" }).value).toEqual(utf8("v"));
  });

  test.each([
    null,
    [],
    "text",
    version,
    { ...version, value: 1 },
    { ...version, valueBase64: "!" },
    { ...version, value: "v", timestamp: "1" },
    { ...version, value: "v", timestamp: 2 ** 53 },
    { ...version, value: "v", seq: -1 },
    { ...version, value: "v", seq: 1.5 },
    { ...version, value: "v", expiresAt: null },
    { ...version, value: "v", key: "" },
    { ...version, value: "v", key: undefined },
  ])("refused: %j", (bad) => {
    expect(() => versionFromJson(bad)).toThrow(WireFailure);
  });
});

test("changes: either side is enough, none is not", () => {
  const [before, after] = [
    { ...version, value: "1" },
    { ...version, value: "2" },
  ];
  const key = utf8("k");
  expect(changeFromJson({ key: "k", kind: "changed", before, after })).toMatchObject({
    key,
    before: { value: utf8("1") },
    after: { value: utf8("2") },
  });
  expect(changeFromJson({ key: "k", kind: "added", after })).toMatchObject({ key, before: undefined });
  expect(changeFromJson({ key: "k", kind: "removed", before })).toMatchObject({ key, after: undefined });
  for (const bad of [null, {}, { key: "k", kind: "added" }, { after: version }, { before: null, after }]) {
    expect(() => changeFromJson(bad)).toThrow(WireFailure);
  }
});

describe("bodies", () => {
  test("a page, and a last one", () => {
    const items = [{ ...version, value: "v" }];
    const page = pageFromJson(json({ items, nextPageToken: "t", seq: 2 }), versionFromJson);
    expect(page).toMatchObject({ nextPageToken: "t", seq: 2 });
    expect(page.items).toHaveLength(1);
    expect(pageFromJson(json({ items: [], seq: 2 }), versionFromJson)).toEqual({
      items: [],
      nextPageToken: "",
      seq: 2,
    });
  });

  test("a result and stats", () => {
    expect(resultFromJson(json({ timestamp: 5, seq: 6, more: 1 }))).toEqual({ timestamp: 5, seq: 6 });
    const status = { version: "1", seq: 7, incarnation: "i", stats: { levels: [1] } };
    expect(statsFromJson(json(status))).toEqual({ seq: 7, incarnation: "i", levels: [1] });
  });

  test.each([
    utf8("{"),
    Uint8Array.of(255),
    utf8("null"),
    json([]),
    json({ items: [] }),
    json({ items: {}, seq: 1 }),
    json({ items: [], seq: 1, nextPageToken: 5 }),
  ])("refused: %o", (bad) => {
    expect(() => pageFromJson(bad, versionFromJson)).toThrow(WireFailure);
    expect(() => resultFromJson(bad)).toThrow(WireFailure);
    expect(() => statsFromJson(bad)).toThrow(WireFailure);
  });
});

test("operations", () => {
  const put = { op: "put", key: utf8("k"), value: Uint8Array.of(255), timestamp: 1, expiresAt: 2 } as const;
  expect(operationToJson(put)).toEqual({ op: "put", key: "k", valueBase64: "/w==", timestamp: 1, expiresAt: 2 });
  const remove = {
    op: "delete",
    key: Uint8Array.of(255),
    value: undefined,
    timestamp: undefined,
    expiresAt: undefined,
  } as const;
  expect(JSON.stringify(operationToJson(remove))).toBe('{"op":"delete","keyBase64":"/w=="}');
});
