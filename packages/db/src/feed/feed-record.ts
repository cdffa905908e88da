import {
  copyBytes,
  decodeKey,
  type FeedItem,
  type Key,
  makeEntry,
  makeTombstone,
  type ResolvedRange,
} from "@kvts/common";
import {
  joinWords,
  KIND_DELETE,
  KIND_DELETE_RANGE,
  KIND_MASK,
  KIND_PUT,
  META_EXPIRES,
} from "../format/version-record.ts";
import { overlap } from "../marks/overlap.ts";
import type { KeyForm } from "../read/key-decoder.ts";
import { markAt } from "../wal/mark-at.ts";
import type { OperationCursor } from "../wal/operation-cursor.ts";
import type { RestoreMark } from "./restore-mark.ts";

/** What a record takes in memory beside its bytes, about. */
const RECORD_BYTES = 128;
const NO_VALUE = new Uint8Array(0);
/** The kind of a restore that no log holds: no operation of a log has it. */
const KIND_RESTORED = KIND_MASK + 1;

/**
 * One operation of the feed, decoded once for all who watch it: nobody changes its bytes. Of a deleted range `key` is where
 * it starts and `value` where it ends, empty where it does not; so of a restored one.
 */
export interface FeedRecord {
  readonly kind: number;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly timestamp: number;
  readonly seq: number;
  readonly expiresAt: number | undefined;
  /** The moment that a restore has gone back to, microseconds. */
  readonly to: number | undefined;
}

/** Consecutive operations of one batch that lie in some range. */
export interface FeedBatch {
  readonly records: readonly FeedRecord[];
  /** Everything in the range up to here is in it or in those before. */
  readonly seq: number;
  /** Whoever has seen everything up to here lacks nothing before this batch. */
  readonly afterSeq: number;
  /** More of the same batch follows. */
  readonly more: boolean;
  readonly bytes: number;
}

/** The range that `cursor` deletes; undefined where it stands on an operation on one key. */
export function deletedRangeAt(cursor: OperationCursor): ResolvedRange | undefined {
  return (cursor.meta & KIND_MASK) === KIND_DELETE_RANGE ? markAt(cursor) : undefined;
}

export function cursorSeq(cursor: OperationCursor): number {
  return joinWords(cursor.seqHi, cursor.seqLo);
}

/** The operation that `cursor` stands on, with bytes of its own. */
export function recordAt(cursor: OperationCursor): FeedRecord {
  const { u8, meta, keyWord, keyLength, valueWord, valueLength } = cursor;
  const keyStart = keyWord * 4;
  const valueStart = valueWord * 4;
  const expires = (meta & META_EXPIRES) !== 0;
  return {
    kind: meta & KIND_MASK,
    key: new Uint8Array(u8.subarray(keyStart, keyStart + keyLength)),
    value: valueLength === 0 ? NO_VALUE : new Uint8Array(u8.subarray(valueStart, valueStart + valueLength)),
    timestamp: joinWords(cursor.tsHi, cursor.tsLo),
    seq: cursorSeq(cursor),
    expiresAt: expires ? joinWords(cursor.expiresHi, cursor.expiresLo) : undefined,
    to: undefined,
  };
}

/** The one event of a restore that no log holds, for whoever has seen everything up to `afterSeq`. */
export function restoredBatch({ seq, timestamp, range, to }: RestoreMark, afterSeq: number): FeedBatch {
  const { start: key, end: value = NO_VALUE } = range;
  const record = { kind: KIND_RESTORED, key, value, timestamp, seq, expiresAt: undefined, to };
  return { records: [record], seq, afterSeq, more: false, bytes: recordBytes(record) };
}

export function recordBytes({ key, value }: FeedRecord): number {
  return RECORD_BYTES + key.length + value.length;
}

/**
 * The record as a watch of `range`, which it concerns, gives it out, with bytes that belong to the caller.
 * @throws INVALID_ARGUMENT for such a key
 */
export function feedItemOf<K extends Key>(record: FeedRecord, form: KeyForm, range: ResolvedRange): FeedItem<K> {
  const { kind, timestamp, seq, expiresAt, to } = record;
  if (kind === KIND_DELETE_RANGE || kind === KIND_RESTORED) {
    const { start, end } = overlap(
      { start: record.key, end: record.value.length === 0 ? undefined : record.value },
      range,
    )!;
    const shown = { start: copyBytes(start), end: end && copyBytes(end) };
    if (to !== undefined) return { op: "restored", range: shown, to, timestamp, seq };
    return { op: "deleteRange", range: shown, timestamp, seq };
  }
  const key = decodeKey(copyBytes(record.key), form) as K;
  if (kind === KIND_PUT) return makeEntry({ key, value: copyBytes(record.value), timestamp, seq, expiresAt });
  if (kind === KIND_DELETE) return makeTombstone(key, timestamp, seq);
  return { op: "retract", key, timestamp, seq };
}
