import {
  type Bucket,
  bytesFromJson,
  type CheckedCondition,
  checkKeepFor,
  contentFromJson,
  type EncodedOperation,
  encodeRetentionPrefix,
  feedItemFromJson,
  isKvtsError,
  type KeepFor,
  keyFromJson,
  keyToJson,
  type ResolvedRange,
  type RetentionResult,
  type StatValue,
  type StoreStats,
  textOf,
  toBase64,
  valueToJson,
  type WriteResult,
} from "@kvts/common";
import { arrivedNumber } from "../arrived.ts";
import { brokenAnswer } from "../failures.ts";
import type {
  WireChange,
  WireEvent,
  WireFeedItem,
  WireLease,
  WirePage,
  WirePolicy,
  WireRestored,
  WireVersion,
} from "../wire.ts";

/** A JSON object. */
export type Fields = Readonly<Record<string, unknown>>;

/** An operation as the body of `/v1/batch` has it. */
export function operationToJson(operation: EncodedOperation): Fields {
  if (operation.op === "deleteRange") {
    const { op, range, timestamp } = operation;
    return { op, ...namedRangeToJson(range), timestamp };
  }
  const { op, key, value, timestamp, expiresAt } = operation;
  return { op, ...keyToJson(key), ...(value === undefined ? {} : valueToJson(value)), timestamp, expiresAt };
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

/** A range as a body has it that has to name one: from its first key on, whatever that is. */
export function namedRangeToJson({ start, end }: ResolvedRange): Fields {
  return { startBase64: toBase64(start), ...(end !== undefined && { endBase64: toBase64(end) }) };
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

/** A line of a watch; the error in it is for the caller to look at. */
export function eventFromJson(json: unknown, incarnation: string | undefined): WireEvent {
  const { seq, items, initial, more } = asObject(json, "an event");
  if (!Array.isArray(items)) throw brokenAnswer("an event has no list of items");
  return {
    seq: arrivedNumber(seq, "seq"),
    items: items.map(feedItemFrom),
    initial: initial === true,
    more: more === true,
    incarnation,
  };
}

function feedItemFrom(json: unknown): WireFeedItem {
  const fields = asObject(json, "an operation");
  if (fields.op === undefined) return versionFromJson(json);
  try {
    const item = feedItemFromJson(json);
    if (item.op !== undefined) return item;
  } catch (error) {
    throw isKvtsError(error) ? brokenAnswer(error.message, error) : error;
  }
  throw brokenAnswer("an operation of the feed is of no kind that this client knows");
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

export function leaseFromJson(body: Uint8Array): WireLease {
  const { id, seq, leaseMs } = parseObject(body);
  // It goes into paths and queries as it is.
  if (typeof id !== "string" || !/^[\w-]+$/.test(id)) throw brokenAnswer("its id is none of a snapshot");
  return { id, seq: arrivedNumber(seq, "seq"), leaseMs: arrivedNumber(leaseMs, "leaseMs") };
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

export function restoredFromJson(body: Uint8Array): WireRestored {
  const { to, restored, deleted, bytes, timestamp, seq, sample = [] } = parseObject(body);
  if (!Array.isArray(sample)) throw brokenAnswer("its sample is no list");
  return {
    to: arrivedNumber(to, "to"),
    restored: arrivedNumber(restored, "restored"),
    deleted: arrivedNumber(deleted, "deleted"),
    bytes: arrivedNumber(bytes, "bytes"),
    ...(timestamp !== undefined && { timestamp: arrivedNumber(timestamp, "timestamp") }),
    ...(seq !== undefined && { seq: arrivedNumber(seq, "seq") }),
    sample: sample.map(changeFromJson),
  };
}

export function retentionFromJson(body: Uint8Array): RetentionResult {
  const fields = parseObject(body);
  const horizon = arrivedNumber(fields.horizon, "horizon");
  if (fields.trimmed === undefined) return { horizon };
  const { versions, bytes } = asObject(fields.trimmed, "what would go");
  return {
    horizon,
    trimmed: { versions: arrivedNumber(versions, "versions"), bytes: arrivedNumber(bytes, "bytes") },
  };
}

export function policiesFromJson(body: Uint8Array): WirePolicy[] {
  const { items } = parseObject(body);
  if (!Array.isArray(items)) throw brokenAnswer("a list of policies has no items");
  return items.map((item: unknown) => {
    const fields = asObject(item, "a policy");
    try {
      const prefix = bytesFromJson(fields, "prefix", "prefixBase64", encodeRetentionPrefix) ?? new Uint8Array(0);
      const keepFor = checkKeepFor(fields.keepFor as KeepFor);
      return { prefix, keepFor, horizon: arrivedNumber(fields.horizon, "horizon") };
    } catch (error) {
      throw isKvtsError(error) ? brokenAnswer(error.message, error) : error;
    }
  });
}

export function statsFromJson(body: Uint8Array): StoreStats {
  const { seq, incarnation, stats } = parseObject(body);
  if (typeof incarnation !== "string") throw brokenAnswer("its incarnation is no text");
  const figures = asObject(stats, "the stats") as Readonly<Record<string, StatValue>>;
  return { ...figures, seq: arrivedNumber(seq, "seq"), incarnation };
}

export function parseObject(body: Uint8Array): Fields {
  return asObject(parseJson(body), "it");
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(textOf(body) ?? "");
  } catch (error) {
    throw brokenAnswer("it is not JSON", error);
  }
}

export function asObject(json: unknown, what: string): Fields {
  if (typeof json === "object" && json !== null && !Array.isArray(json)) return json as Fields;
  throw brokenAnswer(`${what} is no object`);
}
