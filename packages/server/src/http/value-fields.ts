import {
  bytesFromJson,
  encodeBound,
  encodeKey,
  encodeValue,
  invalidArgument,
  keyFromJson,
  parseDuration,
  parseTime,
  type Range,
  type TimeInput,
  type Warn,
} from "@kvts/common";
import { jsonValueBytes } from "./json-value.ts";
import { timeText } from "./target.ts";

/** Reads moments of requests: the server's clock, and whom to tell of numbers that look like milliseconds. */
export interface Times {
  now(): number;
  readonly warn: Warn;
}

/** Microseconds of a moment in a JSON body. */
export function timeIn(input: TimeInput | undefined, times: Times): number | undefined {
  return input === undefined ? undefined : parseTime(input, times.now, times.warn);
}

/** Microseconds of a moment in a query. */
export function queryTime(text: string | undefined, times: Times): number | undefined {
  return text === undefined ? undefined : timeIn(timeText(text), times);
}

export interface ExpiryFields {
  readonly expiresAt?: TimeInput | undefined;
  readonly ttl?: string | undefined;
}

/** When a value expires, in microseconds. A `ttl` counts from its timestamp, or from now where that is yet to be assigned. */
export function expiryIn(
  { expiresAt, ttl }: ExpiryFields,
  timestamp: number | undefined,
  times: Times,
): number | undefined {
  if (ttl === undefined) return timeIn(expiresAt, times);
  if (expiresAt !== undefined) throw invalidArgument("ttl and expiresAt are two ways to say one thing; leave one out");
  const micros = parseDuration(ttl);
  if (micros === 0) throw invalidArgument("ttl must be longer than nothing", { field: "ttl" });
  return (timestamp ?? times.now()) + micros;
}

export interface KeyFields {
  readonly key?: string | undefined;
  readonly keyBase64?: string | undefined;
}

export function keyIn(fields: KeyFields): Uint8Array {
  return encodeKey(keyFromJson({ ...fields }));
}

type RangeName = "prefix" | "start" | "end";
export type RangeFields = { readonly [name in RangeName | `${RangeName}Base64`]?: string | undefined };

/** The range of a JSON body. Both forms together are refused where ranges are resolved, for all faces alike. */
export function rangeIn(fields: RangeFields): Range {
  const bound = (name: RangeName): Uint8Array | undefined =>
    bytesFromJson({ ...fields }, name, `${name}Base64`, (text) => encodeBound(text, name));
  return { prefix: bound("prefix"), start: bound("start"), end: bound("end") } as Range;
}

/** The same where every key is meant only when something says so: nobody is to change them all by leaving something out. */
export function namedRangeIn({ prefix, prefixBase64, start, startBase64, end, endBase64 }: RangeFields): Range {
  const fields: RangeFields = { prefix, prefixBase64, start, startBase64, end, endBase64 };
  if (Object.values(fields).some((value) => value !== undefined)) return rangeIn(fields);
  throw invalidArgument('name the keys by prefix, or by start and end; the prefix "" stands for every key', {
    field: "prefix",
  });
}

export interface ValueFields {
  readonly value?: string | undefined;
  readonly valueBase64?: string | undefined;
  readonly valueJson?: unknown;
}

const valueNames = ["value", "valueBase64", "valueJson"];

/** @throws INVALID_ARGUMENT, showing the right call, unless `json` is an object with a value: it may be meant to be one */
export function requireValue(json: unknown): void {
  if (typeof json === "object" && json !== null && valueNames.some((name) => Object.hasOwn(json, name))) return;
  throw invalidArgument(
    'a body of application/json names the value that it holds: {"value": "text"}, {"valueBase64": "…"} or {"valueJson": …}; to store the document itself, send it with the header content-type: application/octet-stream',
    { field: "value" },
  );
}

/** The bytes of the one value that is there. */
export function valueIn(fields: ValueFields): Uint8Array {
  const bytes = bytesFromJson({ ...fields }, "value", "valueBase64", encodeValue);
  const hasJson = Object.hasOwn(fields, "valueJson");
  if (bytes !== undefined && hasJson) {
    throw invalidArgument("valueJson contradicts the other value; give one of them", { field: "valueJson" });
  }
  if (bytes !== undefined) return bytes;
  if (hasJson) return encodeValue(jsonValueBytes(fields.valueJson));
  throw invalidArgument("the value is missing; give one of value, valueBase64 and valueJson", { field: "value" });
}
