import { fromBase64, textOf, toBase64 } from "./bytes.ts";
import { invalidArgument } from "./errors.ts";
import { checkFields } from "./fields.ts";
import { encodeKey, encodeValue } from "./keys.ts";
import { checkSeq } from "./numbers.ts";
import type { BytesInput, Key, Version } from "./store.ts";
import { checkTimestamp, formatTime, parseRfc3339 } from "./time.ts";
import { checkExpiry } from "./validate.ts";

/** A version in JSON, the same in HTTP bodies, on the command line and in NDJSON files. */
export interface VersionJson {
  /** The key when its bytes are UTF-8. */
  readonly key?: string;
  readonly keyBase64?: string;
  /** Integer microseconds since the Unix epoch. */
  readonly timestamp: number;
  /** The same moment in RFC 3339. */
  readonly time: string;
  readonly seq: number;
  /** Integer microseconds since the Unix epoch. */
  readonly expiresAt?: number;
  /** The value when its bytes are UTF-8. */
  readonly value?: string;
  readonly valueBase64?: string;
  readonly deleted?: true;
}

/** The value of a version, or that it is a tombstone. */
export type ParsedContent =
  | { readonly value: Uint8Array; readonly deleted?: undefined }
  | { readonly deleted: true; readonly value?: undefined };

/** What a version object says. */
export type ParsedVersion = ParsedContent & {
  readonly key: Uint8Array;
  readonly timestamp?: number;
  readonly seq?: number;
  readonly expiresAt?: number;
};

/** A version as its JSON object, fields in their documented order. */
export function versionToJson(version: Version<Key>): VersionJson {
  return {
    ...keyToJson(version.key),
    timestamp: version.timestamp,
    time: formatTime(version.timestamp),
    seq: version.seq,
    ...(version.deleted === true
      ? { deleted: true }
      : {
          ...(version.expiresAt === undefined ? {} : { expiresAt: version.expiresAt }),
          ...valueToJson(version.value),
        }),
  };
}

export function keyToJson(key: Key): { readonly key: string } | { readonly keyBase64: string } {
  const text = typeof key === "string" ? key : textOf(key);
  return text === undefined ? { keyBase64: toBase64(key as Uint8Array) } : { key: text };
}

export function valueToJson(value: Uint8Array): { readonly value: string } | { readonly valueBase64: string } {
  const text = textOf(value);
  return text === undefined ? { valueBase64: toBase64(value) } : { value: text };
}

const versionFields = [
  "key",
  "keyBase64",
  "timestamp",
  "time",
  "seq",
  "expiresAt",
  "value",
  "valueBase64",
  "deleted",
] as const;

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads a version object. `timestamp`, `time`, `seq` and `expiresAt` may be absent.
 * @throws INVALID_ARGUMENT naming the field: unknown, doubled, missing, of the wrong type, or contradicting another
 * @throws TOO_LARGE for a key or value above its limit
 */
export function versionFromJson(json: unknown): ParsedVersion {
  checkFields(json, versionFields, "a version");
  const fields = json as Fields;
  const timestamp = timestampFromJson(fields);
  const seq = numberField(fields, "seq", checkSeq);
  const expiresAt = numberField(fields, "expiresAt", checkTimestamp);
  const content = contentFromJson(fields);
  if (expiresAt !== undefined && content.deleted === true) throw bad("expiresAt", "belongs to a value, not to deleted");
  if (expiresAt !== undefined && timestamp !== undefined) checkExpiry(timestamp, expiresAt);
  return {
    key: keyFromJson(fields),
    ...content,
    ...(timestamp === undefined ? {} : { timestamp }),
    ...(seq === undefined ? {} : { seq }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
}

/** The key of an object with `key` or `keyBase64`. */
export function keyFromJson(fields: Fields): Uint8Array {
  const bytes = bytesFromJson(fields, "key", "keyBase64", encodeKey);
  if (bytes === undefined) throw bad("key", "is missing; give key, or keyBase64 for bytes that are not UTF-8");
  return bytes;
}

/** What an object with one of `value`, `valueBase64` and `deleted: true` holds. */
export function contentFromJson(fields: Fields): ParsedContent {
  const value = bytesFromJson(fields, "value", "valueBase64", encodeValue);
  const deleted = fields.deleted;
  if (deleted !== undefined && deleted !== true) throw bad("deleted", "can only be true; leave it out for a value");
  if (deleted === true && value !== undefined) throw bad("deleted", "contradicts the value; give one of them");
  if (deleted === true) return { deleted };
  if (value === undefined) throw bad("value", "is missing; give one of value, valueBase64 and deleted: true");
  return { value };
}

/** The bytes under one of two names, `undefined` when neither is there. `encode` checks them: `encodeKey` for instance. */
export function bytesFromJson(
  fields: Fields,
  name: string,
  base64Name: string,
  encode: (input: BytesInput) => Uint8Array,
): Uint8Array | undefined {
  const text = stringField(fields, name);
  const base64 = stringField(fields, base64Name);
  if (text !== undefined && base64 !== undefined) throw bad(base64Name, `contradicts ${name}; give one of them`);
  if (text !== undefined) return encode(text);
  if (base64 === undefined) return undefined;
  const bytes = fromBase64(base64);
  if (bytes === undefined) throw bad(base64Name, "is not base64; use the standard alphabet with padding");
  return encode(bytes);
}

function timestampFromJson(fields: Fields): number | undefined {
  const timestamp = numberField(fields, "timestamp", checkTimestamp);
  const time = stringField(fields, "time");
  if (time === undefined) return timestamp;
  const parsed = parseRfc3339(time);
  if (timestamp !== undefined && timestamp !== parsed) {
    throw bad("time", `contradicts timestamp ${timestamp}, which is ${formatTime(timestamp)}; leave one of them out`);
  }
  return parsed;
}

function numberField(fields: Fields, name: string, check: (value: number, name: string) => number): number | undefined {
  const value = fields[name];
  if (value === undefined) return undefined;
  if (typeof value !== "number") throw bad(name, "must be a number");
  return check(value, name);
}

function stringField(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  if (value === undefined || typeof value === "string") return value;
  throw bad(name, "must be a string");
}

function bad(field: string, problem: string): Error {
  return invalidArgument(`${field} ${problem}`, { field });
}
