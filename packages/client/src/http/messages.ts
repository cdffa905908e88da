import {
  type Bucket,
  type CheckedCondition,
  contentFromJson,
  type EncodedOperation,
  isKvtsError,
  keyFromJson,
  keyToJson,
  type ResolvedRange,
  type StatValue,
  type StoreStats,
  textOf,
  toBase64,
  valueToJson,
  type WriteResult,
} from "@kvts/common";
import { arrivedNumber } from "../arrived.ts";
import { brokenAnswer } from "../failures.ts";
import type { WireChange, WirePage, WireVersion } from "../wire.ts";

type Fields = Readonly<Record<string, unknown>>;

/** An operation as the body of `/v1/batch` has it. */
export function operationToJson(operation: EncodedOperation): Fields {
  if (operation.op === "deleteRange") {
    const { op, range, timestamp } = operation;
    return { op, ...rangeToJson(range), timestamp };
  }
  const { op, key, value, timestamp, expiresAt } = operation;
  return { op, ...keyToJson(key), ...(value === undefined ? {} : valueToJson(value)), timestamp, expiresAt };
}

/** A range as fields of a body. */
export function rangeToJson({ start, end }: ResolvedRange): Fields {
  return {
    ...(start.length === 0 ? {} : boundToJson("start", start)),
    ...(end === undefined ? {} : boundToJson("end", end)),
  };
}

function boundToJson(name: string, bound: Uint8Array): Fields {
  const text = textOf(bound);
  return text === undefined ? { [`${name}Base64`]: toBase64(bound) } : { [name]: text };
}

/** A condition as parameters of a target, or as fields of a body. */
export function conditionToJson(condition: CheckedCondition | undefined): ConditionJson {
  switch (condition?.kind) {
    case "ifAbsent":
      return { ifAbsent: true };
    case "ifSeq":
      return { ifSeq: condition.seq };
    case "ifTimestamp":
      return { ifTimestamp: condition.timestamp };
    default:
      return {};
  }
}

interface ConditionJson {
  readonly ifAbsent?: true;
  readonly ifSeq?: number;
  readonly ifTimestamp?: number;
}

/** A key as the body of `/v1/get` has it. */
export function keyToItem(key: Uint8Array): string | { readonly keyBase64: string } {
  const json = keyToJson(key);
  return "key" in json ? json.key : json;
}

export function resultFromJson(body: Uint8Array): WriteResult {
  const { timestamp, seq } = parseObject(body);
  return { timestamp: arrivedNumber(timestamp, "timestamp"), seq: arrivedNumber(seq, "seq") };
}

/** A version object. Fields that this version does not know are passed over, so that servers may add some. */
export function versionFromJson(json: unknown): WireVersion {
  const fields = asObject(json, "a version");
  const { expiresAt } = fields;
  try {
    return {
      key: keyFromJson(fields),
      value: contentFromJson(fields).value,
      timestamp: arrivedNumber(fields.timestamp, "timestamp"),
      seq: arrivedNumber(fields.seq, "seq"),
      expiresAt: expiresAt === undefined ? undefined : arrivedNumber(expiresAt, "expiresAt"),
    };
  } catch (error) {
    throw isKvtsError(error) ? brokenAnswer(error.message, error) : error;
  }
}

/** The same, or `null` for a key that holds nothing. */
export function foundFromJson(json: unknown): WireVersion | undefined {
  return json === null ? undefined : versionFromJson(json);
}

/** A change object. */
export function changeFromJson(json: unknown): WireChange {
  const { before, after } = asObject(json, "a change");
  const [earlier, later] = [before, after].map((side) => (side === undefined ? undefined : versionFromJson(side)));
  const either = earlier ?? later;
  if (either === undefined) throw brokenAnswer("a change has neither a before nor an after");
  return { key: either.key, before: earlier, after: later };
}

const figureNames = ["first", "last", "min", "max", "mean"] as const;

/** A bucket object. */
export function bucketFromJson(json: unknown): Bucket {
  const fields = asObject(json, "a bucket");
  for (const name of figureNames) {
    if (typeof fields[name] !== "number") throw brokenAnswer(`the ${name} of a bucket is no number`);
  }
  const { first, last, min, max, mean } = fields as Readonly<Record<(typeof figureNames)[number], number>>;
  return {
    timestamp: arrivedNumber(fields.timestamp, "timestamp"),
    count: arrivedNumber(fields.count, "count"),
    skipped: arrivedNumber(fields.skipped, "skipped"),
    ...{ first, last, min, max, mean },
  };
}

export function pageFromJson<T>(body: Uint8Array, convert: (item: unknown) => T): WirePage<T> {
  const { items, nextPageToken = "", seq } = parseObject(body);
  if (!Array.isArray(items)) throw brokenAnswer("its items are no list");
  if (typeof nextPageToken !== "string") throw brokenAnswer("its page token is no text");
  return { items: items.map((item) => convert(item)), nextPageToken, seq: arrivedNumber(seq, "seq") };
}

export function statsFromJson(body: Uint8Array): StoreStats {
  const { seq, incarnation, stats } = parseObject(body);
  if (typeof incarnation !== "string") throw brokenAnswer("its incarnation is no text");
  const figures = asObject(stats, "the stats") as Readonly<Record<string, StatValue>>;
  return { ...figures, seq: arrivedNumber(seq, "seq"), incarnation };
}

function parseObject(body: Uint8Array): Fields {
  return asObject(parseJson(body), "it");
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(textOf(body) ?? "");
  } catch (error) {
    throw brokenAnswer("it is not JSON", error);
  }
}

function asObject(json: unknown, what: string): Fields {
  if (typeof json === "object" && json !== null && !Array.isArray(json)) return json as Fields;
  throw brokenAnswer(`${what} is no object`);
}
