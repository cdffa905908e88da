import { durationMicros } from "./durations.ts";
import { invalidArgument } from "./errors.ts";
import { limits } from "./limits.ts";
import { shown } from "./shown.ts";

/**
 * A moment, as every option of every face takes it: a `Date`; a string, which is RFC 3339 to the microsecond
 * (`2023-01-12T11:48:12.000001Z`), `now`, relative to now (`-5m`, `+10s`) or digits; or a number.
 * Digits and numbers are **microseconds** since the Unix epoch, not milliseconds.
 */
export type TimeInput = number | Date | string;

const TEXT_EXAMPLE = `an RFC 3339 time such as "2023-01-12T11:48:12Z", "now", "-5m", or integer microseconds since 1970`;
const EXAMPLE = `a Date, ${TEXT_EXAMPLE}`;

/** Receives one sentence that the program's author should see. */
export type Warn = (message: string) => void;

/**
 * The moment that `input` names, in integer microseconds from 0 to 2^53 − 1.
 * @param now the clock that relative times count from, in microseconds
 * @param warn told of numbers that look like milliseconds
 * @throws INVALID_ARGUMENT with a sentence that says what to write
 */
export function parseTime(input: TimeInput, now: () => number, warn: Warn = warnOnce): number {
  if (typeof input === "number") return micros(input, input, warn);
  if (typeof input === "string") return parseText(input, now, warn);
  if (!(input instanceof Date)) throw unreadable(input);
  const millis = input.getTime();
  if (Number.isNaN(millis)) throw invalidArgument(`the Date is invalid; write ${EXAMPLE}`);
  return inRange(millis * 1000, input.toISOString());
}

/** `value`, checked to be integer microseconds from 0 to 2^53 − 1; never warns. `name` is how errors call it. */
export function checkTimestamp(value: number, name = "timestamp"): number {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw invalidArgument(
      `${name} must be integer microseconds since 1970, from 0 to ${limits.timestampMax}, not ${shown(value)}`,
    );
  }
  return value + 0;
}

/** RFC 3339 in UTC with exactly six fraction digits. */
export function formatTime(timestamp: number): string {
  const checked = checkTimestamp(timestamp);
  const subMillis = checked % 1000;
  const millis = new Date((checked - subMillis) / 1000).toISOString().slice(0, -1);
  return `${millis}${String(subMillis).padStart(3, "0")}Z`;
}

function parseText(text: string, now: () => number, warn: Warn): number {
  if (text === "now") return inRange(now(), text);
  if (/^\d+$/.test(text)) return micros(Number(text), text, warn);
  if (text.startsWith("-") || text.startsWith("+")) {
    const distance = durationMicros(text.slice(1));
    if (distance === undefined) throw unreadable(text);
    return inRange(text.startsWith("-") ? now() - distance : now() + distance, text);
  }
  return parseRfc3339(text);
}

const rfc3339 = /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(?:([Zz])|([+-])(\d{2}):(\d{2}))$/;

/** Microseconds of an RFC 3339 time, with at most six fraction digits. */
export function parseRfc3339(text: string): number {
  const match = rfc3339.exec(text);
  if (match === null) throw unreadable(text);
  const [, year, month, day, hour, minute, second, fraction = "", , sign, offsetHours = "0", offsetMinutes = "0"] =
    match;
  if (second === "60")
    throw invalidArgument(`the time ${shown(text)} is a leap second; write second 59 or the next minute`);
  if (fraction.length > 6) {
    throw invalidArgument(
      `the time ${shown(text)} is finer than a microsecond; write at most six digits after the point`,
    );
  }
  const fields = [year, month, day, hour, minute, second, offsetHours, offsetMinutes].map(Number);
  if (!onCalendar(fields))
    throw invalidArgument(`the time ${shown(text)} is on no calendar or clock; check its date and its time of day`);
  const [y, mo, d, h, mi, s, oh, om] = fields as [number, number, number, number, number, number, number, number];
  const offsetMillis = (oh * 60 + om) * 60_000 * (sign === "-" ? -1 : 1);
  const millis = utcMillis(y, mo, d, h, mi, s) - offsetMillis;
  return inRange(millis * 1000 + Number(fraction.padEnd(6, "0")), text);
}

/** Like Date.UTC, which takes the years 0 to 99 for 1900 to 1999. */
function utcMillis(year: number, month: number, day: number, hour: number, minute: number, second: number): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.setUTCHours(hour, minute, second);
}

function onCalendar(fields: readonly number[]): boolean {
  const [year, month, day, hour, minute, second, offsetHours, offsetMinutes] = fields as [number, number, ...number[]];
  const daysInMonth = new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();
  return (
    month >= 1 &&
    month <= 12 &&
    day! >= 1 &&
    day! <= daysInMonth &&
    hour! <= 23 &&
    minute! <= 59 &&
    second! <= 59 &&
    offsetHours! <= 23 &&
    offsetMinutes! <= 59
  );
}

function micros(value: number, input: unknown, warn: Warn): number {
  if (!Number.isSafeInteger(value)) {
    throw invalidArgument(`the time ${shown(input)} is no integer number of microseconds; write ${EXAMPLE}`);
  }
  if (value >= 1e12 && value < 1e13) {
    warn(
      `the time ${value} was taken as microseconds, ${formatTime(value)}; for milliseconds pass new Date(${value}) instead`,
    );
  }
  return inRange(value, input);
}

function inRange(value: number, input: unknown): number {
  if (value < 0) throw invalidArgument(`the time ${shown(input)} is before 1970; write ${EXAMPLE}`);
  if (!(value <= limits.timestampMax)) {
    throw invalidArgument(`the time ${shown(input)} is after ${formatTime(limits.timestampMax)}; write an earlier one`);
  }
  return value + 0;
}

function unreadable(input: unknown): Error {
  if (typeof input !== "string") return invalidArgument(`the time ${shown(input)} cannot be read; write ${EXAMPLE}`);
  if (/^\d{4}-\d\d-\d\d$/.test(input)) {
    return invalidArgument(`the time "${input}" is a whole day; write a moment of it, such as "${input}T00:00:00Z"`);
  }
  if (/^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?$/.test(input)) {
    return invalidArgument(
      `the time "${input}" has no time zone; write "${input}Z" for UTC, or an offset like "+01:00"`,
    );
  }
  return invalidArgument(`the time ${shown(input)} cannot be read; write ${TEXT_EXAMPLE}`);
}

let warned = false;

function warnOnce(message: string): void {
  if (warned) return;
  warned = true;
  if (typeof process === "object" && typeof process.emitWarning === "function") {
    process.emitWarning(message, { code: "KVTS_MILLISECONDS" });
  } else {
    console.warn(message);
  }
}
