import { describe, expect, test } from "vitest";
import { formatSize, parseSize } from "./sizes.ts";

describe("sizes", () => {
  test.each<[string | number, number]>([
    [0, 0],
    [4096, 4096],
    ["4096", 4096],
    ["64MiB", 67_108_864],
    ["8 MiB", 8_388_608],
    ["8 mib", 8_388_608],
    ["1.5KiB", 1536],
    ["1 GB", 1_000_000_000],
    ["2TiB", 2 ** 41],
    ["0.1 MB", 100_000],
    ["7B", 7],
  ])("%j is %d bytes", (input, bytes) => expect(parseSize(input)).toBe(bytes));

  test.each<string | number>([
    "",
    "MiB",
    "-1",
    "64M",
    "1.5",
    "0.5B",
    "1..5KiB",
    "1e3",
    "8 Mi B",
    -1,
    0.5,
    Number.NaN,
    2 ** 53,
    "9000000TiB",
  ])("%j is refused with a sentence", (input) =>
    expect(() => parseSize(input)).toThrow(/cannot be read; write a number of bytes, or one with a unit/),
  );

  test("sizes for people", () => {
    expect([0, 1023, 1024, 1536, 67_108_864, 1_000_000, 2 ** 50].map(formatSize)).toEqual([
      "0 B",
      "1023 B",
      "1 KiB",
      "1.5 KiB",
      "64 MiB",
      "976.6 KiB",
      "1024 TiB",
    ]);
  });
});
