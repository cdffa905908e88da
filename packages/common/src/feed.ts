import { invalidArgument } from "./errors.ts";
import { checkFields } from "./fields.ts";
import { checkSeq } from "./numbers.ts";
import { checkCallOptions } from "./options.ts";
import type { ResolvedRange } from "./range.ts";
import { type RangeJson, rangeFromJson, rangeJsonFields, rangeToJson } from "./range-json.ts";
import type { FeedItem, Key, RestoredRange, WatchEvent, WatchOptions } from "./store.ts";
import { checkTimestamp, formatTime } from "./time.ts";
import {
  keyFromJson,
  keyToJson,
  type ParsedVersion,
  type VersionJson,
  versionFromJson,
  versionToJson,
} from "./version-json.ts";

/** A retraction in JSON. */
export interface RetractionJson {
  readonly op: "retract";
  /** The key when its bytes are UTF-8. */
  readonly key?: string;
  readonly keyBase64?: string;
  /** Integer microseconds since the Unix epoch. */
  readonly timestamp: number;
  /** The same moment in RFC 3339. */
  readonly time: string;
  readonly seq: number;
}

/** A deleted range in JSON. */
export interface DeletedRangeJson extends RangeJson {
  readonly op: "deleteRange";
  /** Integer microseconds since the Unix epoch. */
  readonly timestamp: number;
  /** The same moment in RFC 3339. */
  readonly time: string;
  readonly seq: number;
}

/** A restored range in JSON. */
export interface RestoredRangeJson extends RangeJson {
  readonly op: "restored";
  /** Integer microseconds since the Unix epoch: the moment that was gone back to. */
  readonly to: number;
  /** Integer microseconds since the Unix epoch: that of all that was written. */
  readonly timestamp: number;
  /** The same moment in RFC 3339. */
  readonly time: string;
  readonly seq: number;
}

/** An operation of the change feed in JSON: a version object for a put or a delete, for others an object with `op`. */
export type FeedItemJson =
  | (VersionJson & { readonly op?: undefined })
  | RetractionJson
  | DeletedRangeJson
  | RestoredRangeJson;

/** An event of the change feed in JSON, the same in HTTP bodies and on the command line. */
export interface WatchEventJson {
  readonly seq: number;
  readonly items: readonly FeedItemJson[];
  readonly initial?: true;
  readonly more?: true;
}

/** What an operation of the change feed says in JSON. */
export type ParsedFeedItem =
  | (ParsedVersion & { readonly op?: undefined })
  | { readonly op: "retract"; readonly key: Uint8Array; readonly timestamp: number; readonly seq: number }
  | { readonly op: "deleteRange"; readonly range: ResolvedRange; readonly timestamp: number; readonly seq: number }
  | RestoredRange;

export function feedItemToJson(item: FeedItem<Key>): FeedItemJson {
  if (item.op === undefined) return versionToJson(item);
  const { op, timestamp, seq } = item;
  const order = { timestamp, time: formatTime(timestamp), seq };
  if (op === "retract") return { op, ...keyToJson(item.key), ...order } as RetractionJson;
  const range = rangeToJson(item.range);
  return op === "restored" ? { op, ...range, to: item.to, ...order } : { op, ...range, ...order };
}

/** An event as its JSON object, fields in their documented order. */
export function watchEventToJson({ seq, items, initial, more }: WatchEvent<Key>): WatchEventJson {
  return {
    seq,
    items: items.map(feedItemToJson),
    ...(initial === true && { initial }),
    ...(more === true && { more }),
  };
}

/** @throws INVALID_ARGUMENT, TOO_LARGE as `versionFromJson` does */
export function feedItemFromJson(json: unknown): ParsedFeedItem {
  const op = typeof json === "object" && json !== null ? (json as { op?: unknown }).op : undefined;
  if (op === undefined) return versionFromJson(json);
  if (op !== "retract" && op !== "deleteRange" && op !== "restored") {
    throw invalidArgument(`op is "retract", "deleteRange" or "restored" where it is there, not ${JSON.stringify(op)}`);
  }
  checkFields(json, ["op", ...namesOf[op], "timestamp", "time", "seq"], "an operation");
  const fields = json as Readonly<Record<string, unknown>>;
  const timestamp = checkTimestamp(fields.timestamp as number, "timestamp");
  const seq = checkSeq(fields.seq as number, "seq");
  if (op === "retract") return { op, key: keyFromJson(fields), timestamp, seq };
  const range = rangeFromJson(fields);
  if (op === "deleteRange") return { op, range, timestamp, seq };
  return { op, range, to: checkTimestamp(fields.to as number, "to"), timestamp, seq };
}

/** The fields that say what an operation was done to, and how. */
const namesOf = {
  retract: ["key", "keyBase64"],
  deleteRange: rangeJsonFields,
  restored: [...rangeJsonFields, "to"],
} as const;

/** Options of a watch that have been looked at. */
export interface CheckedWatchOptions {
  readonly afterSeq: number | undefined;
  readonly initial: boolean;
  readonly progress: boolean;
  readonly incarnation: string | undefined;
}

/** @throws INVALID_ARGUMENT */
export function checkWatchOptions(options: WatchOptions = {}): CheckedWatchOptions {
  checkCallOptions(options, "watch");
  const { afterSeq, initial, progress, incarnation } = options;
  if (incarnation !== undefined && (typeof incarnation !== "string" || incarnation === "")) {
    throw invalidArgument("incarnation is the text that stats gives under that name");
  }
  return {
    afterSeq: afterSeq === undefined ? undefined : checkSeq(afterSeq, "afterSeq"),
    initial: initial === true,
    progress: progress === true,
    incarnation,
  };
}

/**
 * What both ends say of a position that is not this store's.
 * @throws INVALID_ARGUMENT
 */
export function checkIncarnation(given: string | undefined, own: string): void {
  if (given === undefined || given === own) return;
  throw invalidArgument(
    `the feed position is of incarnation ${given}, and this store is ${own}: another store, or the same one before a repair; begin again with initial`,
    { field: "incarnation", incarnation: own },
  );
}
