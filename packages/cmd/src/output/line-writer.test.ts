import { expect, test } from "vitest";
import { LineWriter } from "./line-writer.ts";

test("lines arrive in order and whole, short and long", async () => {
  const parts: Uint8Array[] = [];
  const writer = new LineWriter(async (bytes) => {
    parts.push(bytes);
  });
  const lines = ["", "ü", "x".repeat(70_000), "short", "y".repeat(65_536), "z".repeat(65_535), "end"];
  for (const line of lines) await writer.line(line);
  await writer.flush();
  expect(Buffer.concat(parts).toString()).toBe(`${lines.join("\n")}\n`);
});

test("short lines are gathered, and the caller waits where the sink is slow", async () => {
  let waiting: (() => void) | undefined;
  let calls = 0;
  const writer = new LineWriter(() => {
    calls++;
    return new Promise((resolve) => {
      waiting = resolve;
    });
  });
  expect(writer.line("a".repeat(60_000))).toBeUndefined();
  expect(calls).toBe(0);
  const wait = writer.line("b".repeat(10_000));
  expect(wait).toBeInstanceOf(Promise);
  expect(calls).toBe(1);
  waiting!();
  await wait;
});
