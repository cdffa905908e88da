import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { utf8 } from "./bytes.ts";
import { makeEntry, makeTombstone } from "./entry.ts";
import { limits } from "./limits.ts";
import { versionFromJson, versionToJson } from "./version-json.ts";

const entry = { key: utf8("k"), value: utf8("v"), timestamp: 101, seq: 7 };
const json = { key: "k", timestamp: 101, time: "1970-01-01T00:00:00.000101Z", seq: 7, value: "v" };

describe("versions in JSON", () => {
  test("fields stand in their documented order", () => {
    expect(JSON.stringify(versionToJson(makeEntry({ ...entry, expiresAt: 200 })))).toBe(
      '{"key":"k","timestamp":101,"time":"1970-01-01T00:00:00.000101Z","seq":7,"expiresAt":200,"value":"v"}',
    );
    expect(JSON.stringify(versionToJson(makeTombstone("k", 101, 7)))).toBe(
      '{"key":"k","timestamp":101,"time":"1970-01-01T00:00:00.000101Z","seq":7,"deleted":true}',
    );
  });

  test("bytes that are no UTF-8 go out as base64", () => {
    const binary = makeEntry({ ...entry, key: Uint8Array.of(0xff), value: Uint8Array.of(0, 0xff) });
    expect(versionToJson(binary)).toMatchObject({ keyBase64: "/w==", valueBase64: "AP8=" });
    expect(Object.keys(versionToJson(binary))).not.toContain("key");
  });

  test.each(["", "\uFEFFbom", "\0", "🦊", '"\\\u2028', "\uFEFF"])("the value %j survives as text", (value) => {
    const out = versionToJson(makeEntry({ ...entry, value: utf8(value) }));
    expect(out.value).toBe(value);
    expect(versionFromJson(JSON.parse(JSON.stringify(out))).value).toEqual(utf8(value));
  });

  test("what is written is read", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 20 }),
      fc.string({ unit: "binary", minLength: 1 }).map(utf8),
    );
    const version = fc.record({ key: bytes, timestamp: fc.nat(), seq: fc.maxSafeNat(), value: fc.option(bytes) });
    fc.assert(
      fc.property(version, fc.option(fc.integer({ min: 1 })), ({ value, ...rest }, life) => {
        const expiresAt = life === null ? undefined : rest.timestamp + life;
        const original =
          value === null ? makeTombstone(rest.key, rest.timestamp, rest.seq) : makeEntry({ ...rest, value, expiresAt });
        expect(versionFromJson(JSON.parse(JSON.stringify(versionToJson(original))))).toEqual(original);
      }),
    );
  });

  test("time stands in for timestamp, and seq may be absent", () => {
    const { timestamp, seq, ...rest } = json;
    expect(versionFromJson(rest)).toEqual({ key: entry.key, value: entry.value, timestamp });
    expect(versionFromJson({ key: "k", deleted: true })).toEqual({ key: entry.key, deleted: true });
    expect(versionFromJson({ ...json, time: "1970-01-01T01:00:00.000101+01:00", seq })).toEqual({ ...entry });
  });

  test.each<[string, unknown, RegExp]>([
    ["an unknown field", { ...json, valueJson: 1 }, /no field "valueJson"/],
    ["no key", { value: "v" }, /^key is missing/],
    ["two keys", { ...json, keyBase64: "aw==" }, /^keyBase64 contradicts key/],
    ["an empty key", { ...json, key: "" }, /at least one byte/],
    ["a key that is a number", { ...json, key: 7 }, /^key must be a string/],
    ["a null key", { ...json, key: null }, /^key must be a string/],
    ["a lone surrogate", { ...json, key: "\ud800" }, /lone surrogate/],
    ["bad base64", { ...json, value: undefined, valueBase64: "AB==" }, /^valueBase64 is not base64/],
    ["two values", { ...json, valueBase64: "dg==" }, /^valueBase64 contradicts value/],
    ["no value", { key: "k" }, /^value is missing/],
    ["a value that is a number", { ...json, value: 5 }, /^value must be a string/],
    ["a null value", { ...json, value: null }, /^value must be a string/],
    ["a value and deleted", { ...json, deleted: true }, /^deleted contradicts the value/],
    ["deleted: false", { ...json, deleted: false }, /^deleted can only be true/],
    ["a deleted version that expires", { key: "k", deleted: true, expiresAt: 5 }, /^expiresAt belongs to a value/],
    ["a timestamp as text", { ...json, timestamp: "101" }, /^timestamp must be a number/],
    ["a broken timestamp", { ...json, timestamp: 1.5 }, /^timestamp must be integer microseconds/],
    ["a broken seq", { ...json, seq: -1 }, /^seq must be a whole number/],
    ["a broken expiry", { ...json, expiresAt: -1 }, /^expiresAt must be integer microseconds/],
    ["an expiry not after the timestamp", { ...json, expiresAt: 101 }, /must be later/],
    ["times that differ", { ...json, time: "1970-01-01T00:00:00.000102Z" }, /^time contradicts timestamp 101/],
    ["a relative time", { ...json, time: "-5m" }, /cannot be read/],
    ["an array", [json], /must be an object/],
    ["null", null, /must be an object/],
    ["text", "k", /must be an object/],
  ])("%s is refused, and the field is named", (_, input, sentence) => {
    const error = { code: "INVALID_ARGUMENT", message: expect.stringMatching(sentence) };
    expect(() => versionFromJson(input)).toThrow(expect.objectContaining(error));
  });

  test("a key above its limit is TOO_LARGE", () => {
    const key = "k".repeat(limits.keyBytesMax + 1);
    expect(() => versionFromJson({ ...json, key })).toThrow(expect.objectContaining({ code: "TOO_LARGE" }));
  });
});
