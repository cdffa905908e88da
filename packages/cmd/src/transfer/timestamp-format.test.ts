import { describe, expect, test } from "vitest";
import { timestampReader } from "./timestamp-format.ts";

const march15 = Date.UTC(2005, 2, 15) * 1000;

describe("formats", () => {
  test.each([
    [undefined, "2005-03-15T00:00:00Z", march15],
    [undefined, String(march15), march15],
    ["us", "1", 1],
    ["ms", String(march15 / 1000), march15],
    ["s", "1110844800", march15],
    ["s", "1110844800.25", march15 + 250_000],
    ["s", "9007199254.740991", Number.MAX_SAFE_INTEGER],
    ["ms", "0.001000", 1],
    ["MMM D YYYY", "Mar 15 2005", march15],
    ["MMM D YYYY", "march 15 2005", march15],
    ["YYYY-MM-DD", "2005-03-15", march15],
    ["D.M.YYYY", "15.3.2005", march15],
    ["YYYY", "1970", 0],
    ["YYYY/MM/DD HH:mm:ss.SSSSSS", "1970/01/01 00:00:01.000002", 1_000_002],
    ["YYYYMMDD HHmm", "20050315 0130", march15 + 90 * 60_000_000],
    ["DD (MMM) YYYY", "15 (Mar) 2005", march15],
  ])("%s reads %s", (format, text, micros) => {
    expect(timestampReader(format)(text)).toBe(micros);
  });
});

describe("what does not fit is refused with the reason", () => {
  test.each([
    [undefined, "Mar 15 2005"],
    [undefined, ""],
    ["s", "-1"],
    ["s", "1e9"],
    ["us", "1.5"],
    ["ms", "1.0001"],
    ["MMM D YYYY", "Mrz 15 2005"],
    ["MMM D YYYY", "Mar 15 05"],
    ["MMM D YYYY", "Feb 30 2005"],
    ["YYYY-MM-DD", "2005-13-01"],
    ["YYYY-MM-DD", "2005-03-15T00:00"],
    ["YYYY-MM-DD", "1969-12-31"],
  ])("%s refuses %s", (format, text) => {
    expect(() => timestampReader(format)(text)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });

  test.each(["", "DD.MM", "YYYY YYYY", "seconds"])("the pattern %j makes no sense", (pattern) => {
    expect(() => timestampReader(pattern)).toThrow("makes no sense");
  });
});
