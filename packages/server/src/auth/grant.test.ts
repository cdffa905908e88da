import { utf8 } from "@kvts/common";
import { expect, test } from "vitest";
import { type Grant, requireKey, requireRange, requireRole, roles } from "./grant.ts";

function allows(check: () => void): boolean {
  try {
    check();
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: "PERMISSION_DENIED" });
    return false;
  }
}

function grant(prefix: string | Uint8Array, role: Grant["role"] = "read"): Grant {
  return { role, prefix: typeof prefix === "string" ? utf8(prefix) : prefix };
}

test.each([
  ["read", [true, false, false]],
  ["write", [true, true, false]],
  ["admin", [true, true, true]],
] as const)("the role %s includes those before it", (role, expected) => {
  expect(roles.map((needed) => allows(() => requireRole(grant("", role), needed)))).toEqual(expected);
});

test.each([
  ["users:", "users:1", true],
  ["users:", "users:", true],
  ["users:", "users", false],
  ["users:", "users;", false],
  ["users:", "", false],
  ["", "anything", true],
])("prefix %j, key %j: %j", (prefix, key, expected) => {
  expect(allows(() => requireKey(grant(prefix), utf8(key)))).toBe(expected);
});

test.each([
  [{}, false],
  [{ prefix: "users:" }, true],
  [{ prefix: "users:1" }, true],
  [{ prefix: "users" }, false],
  [{ prefix: "" }, false],
  [{ start: "users:", end: "users;" }, true],
  [{ start: "users:1", end: "users:2" }, true],
  [{ start: "users:" }, false],
  [{ end: "users:2" }, false],
  [{ start: "users:", end: "users;\0" }, false],
  [{ start: "user", end: "users:5" }, false],
])("the range %j of a token for users: is allowed: %j", (range, expected) => {
  expect(allows(() => requireRange(grant("users:"), range))).toBe(expected);
});

test("a prefix without a key above it takes ranges without an end", () => {
  const highest = grant(Uint8Array.of(0xff, 0xff));
  expect(allows(() => requireRange(highest, { start: Uint8Array.of(0xff, 0xff, 1) }))).toBe(true);
  expect(allows(() => requireRange(highest, { start: Uint8Array.of(0xff) }))).toBe(false);
});
