import { fromBase64Url, textOf, utf8 } from "@kvts/common";
import { describe, expect, test } from "vitest";
import { keySegment, rangeParameters, target } from "./targets.ts";

/** What is left of a segment once a URL went through the platform's parser, as it does in `fetch`. */
function received(segment: string): string {
  return new URL(`http://host/v1/keys/${segment}`).pathname.slice("/v1/keys/".length);
}

const awkward = [
  ".",
  "..",
  "...",
  "%",
  "%2e",
  "%ff",
  "a/b",
  "?",
  "#",
  "&",
  "+",
  " ",
  "\0",
  "\n",
  "\\",
  "é",
  "👋",
  "\ufeff",
];

describe("a key's segment", () => {
  test.each(awkward)("carries %j through the platform's URLs", (key) => {
    const { segment, keyEncoding } = keySegment(utf8(key));
    const arrived = decodeURIComponent(received(segment));
    expect(keyEncoding === undefined ? arrived : textOf(fromBase64Url(arrived)!)).toBe(key);
  });

  test("is text where that works, and base64url where not", () => {
    expect(keySegment(utf8("user:1"))).toEqual({ segment: "user%3A1", keyEncoding: undefined });
    expect(keySegment(utf8(".."))).toEqual({ segment: "Li4", keyEncoding: "base64url" });
    expect(keySegment(Uint8Array.of(0xff, 0))).toEqual({ segment: "_wA", keyEncoding: "base64url" });
  });
});

describe("a range's parameters", () => {
  const [a, bad, none] = [utf8("a"), Uint8Array.of(0xff), new Uint8Array(0)];

  test.each([
    ["everything", none, undefined, [undefined, undefined, undefined]],
    ["two texts", a, utf8("b"), ["a", "b", undefined]],
    ["a start", a, undefined, ["a", undefined, undefined]],
    ["nothing at all", none, none, [undefined, "", undefined]],
    ["bytes, which take the text along", a, bad, ["YQ", "_w", "base64url"]],
    ["bytes to the end", bad, undefined, ["_w", undefined, "base64url"]],
  ])("%s", (_, start, end, expected) => {
    const parameters = rangeParameters({ start, end });
    expect([parameters.start, parameters.end, parameters.keyEncoding]).toEqual(expected);
  });
});

test("a target leaves out what is undefined, and encodes the rest", () => {
  expect(target("/v1/keys", { a: undefined })).toBe("/v1/keys");
  expect(target("/v1/keys", { start: "a b+c&d=é", at: 0, reverse: true, x: undefined, end: "" })).toBe(
    "/v1/keys?start=a%20b%2Bc%26d%3D%C3%A9&at=0&reverse=true&end=",
  );
});
