import { expect, test } from "vitest";
import { plotLines } from "./plot.ts";

const point = (timestamp: number, value: number) => ({ timestamp, value });

test("values hold until the next, between axes with labels", () => {
  const points = [point(0, 0), point(25_000_000, 10), point(50_000_000, 5)];
  expect(plotLines(points, { from: 0, to: 100_000_000, columns: 44, rows: 8 })).toEqual([
    "10.0 ┤         ⢸⠉⠉⠉⠉⠉⠉⠉⠉⠉⡇",
    "     │         ⢸         ⡇",
    "     │         ⢸         ⡇",
    "     │         ⢸         ⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉",
    " 2.0 ┤         ⢸",
    " 0.0 ┤⣀⣀⣀⣀⣀⣀⣀⣀⣀⣸",
    "     └──────────────────────────────────────",
    "      1970-01-01T00:00:00Z",
    "                        1970-01-01T00:01:40Z",
  ]);
});

test("every line fits the width", () => {
  for (const columns of [40, 60, 81, 200]) {
    const lines = plotLines([point(5, -1e308), point(9e15, 1e308)], { from: 0, to: 2 ** 53 - 1, columns, rows: 20 });
    expect(lines).toHaveLength(20);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
    expect(lines.join("")).not.toMatch(/NaN|Infinity|undefined/);
  }
});

test("labels tell small differences apart, and write what is large with an exponent", () => {
  const labels = (values: readonly number[]): string[] =>
    plotLines(
      values.map((value, at) => point(at, value)),
      { from: 0, to: values.length, columns: 60, rows: 11 },
    ).flatMap((line) => (line.includes("┤") ? [line.split(" ┤")[0]!.trim()] : []));
  expect(labels([1.001, 1.002])).toEqual(["1.00200", "1.00150", "1.00100"]);
  expect(labels([0, 2e12])).toEqual(["2.000e+12", "1.000e+12", "0.000e+0"]);
  expect(labels([-100, 100])).toEqual(["100", "0", "-100"]);
});

test("one value that never changes lies in the middle", () => {
  const lines = plotLines([point(7, 42)], { from: 7, to: 7, columns: 40, rows: 9 });
  expect(lines[3]).toMatch(/│⠤{2,}|⠒{2,}|⠉{2,}|⣀{2,}/);
  expect(lines.filter((line) => /[\u2801-\u28ff]/.test(line))).toHaveLength(1);
});
