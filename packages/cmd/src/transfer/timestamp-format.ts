import { invalidArgument, parseRfc3339, shown } from "@kvts/common";
import { usageError } from "../failure.ts";

/** Reads a timestamp out of a file: microseconds. @throws INVALID_ARGUMENT with the reason */
export type TimestampReader = (text: string) => number;

const microsPerUnit: ReadonlyMap<string, number> = new Map([
  ["us", 1],
  ["ms", 1_000],
  ["s", 1_000_000],
]);

/**
 * A reader for timestamps in the given format: `us`, `ms` or `s` since 1970; a pattern such as `MMM D YYYY` or
 * `DD.MM.YYYY HH:mm`, taken as UTC; or, where there is none, RFC 3339 or integer microseconds.
 */
export function timestampReader(format: string | undefined): TimestampReader {
  if (format === undefined) return readDefault;
  const micros = microsPerUnit.get(format);
  return micros === undefined ? patternReader(format) : (text) => readUnits(text, micros);
}

/** Looks like RFC 3339, so that its own error, about a leap second for instance, is the better one. */
const rfc3339Start = /^\d{4}-\d\d-\d\d[Tt ]/;

function readDefault(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  if (rfc3339Start.test(text)) return parseRfc3339(text);
  throw invalidArgument(
    `the timestamp ${shown(text)} is neither RFC 3339 nor integer microseconds; name its form with --timestamp-format`,
  );
}

/** An integer or decimal number of units, in integers alone, so that no digit is lost. */
function readUnits(text: string, micros: number): number {
  const match = /^(\d+)(?:\.(\d+))?$/.exec(text);
  const decimals = String(micros).length - 1;
  const [, whole = "", fraction = ""] = match ?? [];
  if (match === null || fraction.replace(/0+$/, "").length > decimals) {
    throw invalidArgument(`the timestamp ${shown(text)} is no number of that unit, whole in microseconds`);
  }
  return Number(whole + fraction.padEnd(decimals, "0").slice(0, decimals));
}

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

type Part = "year" | "month" | "day" | "hour" | "minute" | "second" | "fraction";

interface Token {
  readonly part: Part;
  /** What it matches, as the source of a regular expression. */
  readonly source: string;
}

/** Longest first: a pattern is read from the left, and `MMM` is not `M` three times. */
const tokens: ReadonlyMap<string, Token> = new Map([
  ["YYYY", { part: "year", source: "\\d{4}" }],
  ["MMM", { part: "month", source: "[A-Za-z]{3,9}" }],
  ["SSSSSS", { part: "fraction", source: "\\d{6}" }],
  ["SSS", { part: "fraction", source: "\\d{3}" }],
  ["MM", { part: "month", source: "\\d{2}" }],
  ["DD", { part: "day", source: "\\d{2}" }],
  ["HH", { part: "hour", source: "\\d{2}" }],
  ["mm", { part: "minute", source: "\\d{2}" }],
  ["ss", { part: "second", source: "\\d{2}" }],
  ["M", { part: "month", source: "\\d{1,2}" }],
  ["D", { part: "day", source: "\\d{1,2}" }],
  ["H", { part: "hour", source: "\\d{1,2}" }],
]);
const tokenPattern = /YYYY|MMM|SSSSSS|SSS|MM|DD|HH|mm|ss|M|D|H|./gsu;

function patternReader(pattern: string): TimestampReader {
  const { expression, parts } = compile(pattern);
  return (text) => {
    const match = expression.exec(text.trim());
    const found = match === null ? undefined : rfc3339Of(new Map(parts.map((part, at) => [part, match[at + 1]!])));
    if (found === undefined) {
      throw invalidArgument(`the timestamp ${shown(text)} does not look like ${JSON.stringify(pattern)}`);
    }
    return parseRfc3339(found);
  };
}

function compile(pattern: string): { readonly expression: RegExp; readonly parts: readonly Part[] } {
  const parts: Part[] = [];
  const source = pattern.trim().replace(tokenPattern, (piece) => {
    const token = tokens.get(piece);
    if (token === undefined) return piece.replace(/[\\^$.*+?()[\]{}|/]/, "\\$&");
    parts.push(token.part);
    return `(${token.source})`;
  });
  if (new Set(parts).size !== parts.length || !parts.includes("year")) {
    throw usageError(
      `--timestamp-format ${JSON.stringify(pattern)} makes no sense; write us, ms, s, or a pattern with YYYY and each of MM, M, MMM, DD, D, HH, H, mm, ss, SSS and SSSSSS at most once`,
    );
  }
  return { expression: new RegExp(`^${source}$`), parts };
}

/** What was found, as RFC 3339, parts left out being the first; `undefined` where the month has no such name. */
function rfc3339Of(parts: ReadonlyMap<Part, string>): string | undefined {
  const month = monthNumber(parts.get("month") ?? "1");
  if (month === 0) return undefined;
  const two = (part: Part, first: string): string => (parts.get(part) ?? first).padStart(2, "0");
  const date = `${parts.get("year")}-${String(month).padStart(2, "0")}-${two("day", "1")}`;
  const fraction = parts.get("fraction");
  const time = `${two("hour", "0")}:${two("minute", "0")}:${two("second", "0")}${fraction === undefined ? "" : `.${fraction}`}`;
  return `${date}T${time}Z`;
}

/** 1 … 12 of digits or of an English name, abbreviated or not; 0 for others. */
function monthNumber(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : months.indexOf(text.slice(0, 3).toLowerCase()) + 1;
}
