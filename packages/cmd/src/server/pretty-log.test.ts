import { expect, test } from "vitest";
import { prettyLine, prettyLog } from "./pretty-log.ts";

const time = "2023-01-12T11:48:12.345Z";

test("a line for people", () => {
  const line = JSON.stringify({ level: 30, time, grpcUrl: "http://[::1]:50051", bytes: 5, msg: "serving" });
  expect(prettyLine(line, false)).toBe("11:48:12.345 info  serving grpcUrl=http://[::1]:50051 bytes=5");
  expect(prettyLine(JSON.stringify({ level: 50, time, msg: "no" }), true)).toBe("11:48:12.345 \x1b[31merror\x1b[0m no");
});

test("facts cannot control the terminal", () => {
  const line = JSON.stringify({ level: 40, time, msg: "odd", path: "a b\x1b[2J", error: { code: "X" } });
  expect(prettyLine(line, false)).toBe('11:48:12.345 warn  odd path="a b\\u001b[2J" error={"code":"X"}');
});

test("what is no JSON object stays as it is", () => {
  const written: string[] = [];
  prettyLog((text) => written.push(text), false).write("plain\n");
  expect(written).toEqual(["plain\n"]);
});
