import fc from "fast-check";
import { expect, test } from "vitest";
import { readLines } from "./lines.ts";

async function* chunksOf(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (const size of sizes) {
    yield bytes.subarray(at, at + size);
    at += size;
  }
  yield bytes.subarray(at);
}

async function linesOf(text: string, sizes: readonly number[] = [], max = 1_000): Promise<(string | undefined)[]> {
  const lines: (string | undefined)[] = [];
  for await (const batch of readLines(chunksOf(Buffer.from(text), sizes), max)) {
    for (const { bytes, number } of batch) {
      lines.push(bytes === undefined ? undefined : Buffer.from(bytes).toString());
      expect(number).toBe(lines.length);
    }
  }
  return lines;
}

test("lines are the same however the bytes arrive", async () => {
  const text = fc.array(fc.constantFrom("a", "ü", "\n", "\r", "")).map((parts) => parts.join(""));
  await fc.assert(
    fc.asyncProperty(text, fc.array(fc.nat(5)), async (whole, sizes) => {
      const expected = whole.split("\n");
      if (expected.at(-1) === "") expected.pop();
      expect(await linesOf(whole, sizes)).toEqual(expected);
    }),
  );
});

test("a line beyond the limit is skipped over, the next ones are read", async () => {
  expect(await linesOf("aaaa\nbbbbb\ncc\ndddddddddd", [3, 4, 1], 4)).toEqual(["aaaa", undefined, "cc", undefined]);
});

test("a last line without newline is marked", async () => {
  const ended: boolean[] = [];
  for await (const batch of readLines(chunksOf(Buffer.from("a\nb"), []), 10)) ended.push(...batch.map((l) => l.ended));
  expect(ended).toEqual([true, false]);
});

test("a byte order mark is no part of the first line, and is kept elsewhere", async () => {
  expect(await linesOf("\ufeffa\n\ufeffb\n", [1, 1])).toEqual(["a", "\ufeffb"]);
});
