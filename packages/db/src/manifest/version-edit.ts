import { toHex } from "@kvts/common";
import type { Erasure } from "../erase/erasure.ts";
import { marksAfter, type RestoreMark } from "../feed/restore-mark.ts";
import type { ByteReader, ByteWriter } from "../format/coding.ts";
import { corruption } from "../format/corruption.ts";
import { INCARNATION_BYTES, incarnationBytes } from "../format/incarnation.ts";
import type { Horizon, Policy } from "../retention/horizon.ts";
import type { LogPosition } from "../wal/format.ts";
import { decodeTableMeta, encodeTableMeta, type TableMeta } from "./table-meta.ts";
import { FieldWriter, readFields } from "./tagged-fields.ts";

export interface LeveledTable {
  readonly level: number;
  readonly meta: TableMeta;
}

/** Everything committed after a seq is in the log's segments from this number on. */
export interface FeedStart {
  readonly segment: number;
  readonly afterSeq: number;
}

/** One change of the store's state. Fields that are absent stay as they were. */
export interface VersionEdit {
  /** 16 bytes as hex. */
  readonly incarnation?: string;
  /** No file bears this number or a greater one. */
  readonly nextFileNumber?: number;
  /** Logs from this number on are to be replayed. */
  readonly logNumber?: number;
  readonly seqCeiling?: number;
  readonly timestampCeiling?: number;
  /** Seqs below it can be read only where they are pinned. */
  readonly seqFloor?: number;
  /** How far the log is on disk for certain, at least. */
  readonly durableLog?: LogPosition;
  /** The store was closed in order; holds only where nothing follows. */
  readonly closed?: CleanClose;
  /** Numbers of tables that go. A table that changes level is removed and added. */
  readonly removed?: readonly number[];
  readonly added?: readonly LeveledTable[];
  /** All retention policies, and all horizons, in force. */
  readonly policies?: readonly Policy[];
  readonly horizons?: readonly Horizon[];
  /** All erasures whose bytes are not gone yet. */
  readonly erasures?: readonly Erasure[];
  /** Numbers of all files of request ids in force, in the order of their seqs. */
  readonly requestFiles?: readonly number[];
  /** What the change feed can be read from; left out where no log is kept for it. */
  readonly feed?: FeedStart;
  /** Restores that no log holds, in the order of their seqs: they come to those of before, as far as the feed goes back. */
  readonly restores?: readonly RestoreMark[];
  /** Numbers of all files of range marks in force, in the order of their seqs. */
  readonly markFiles?: readonly number[];
  /** Files with lower numbers that the state does not name are to be set aside, not removed. Ends with its manifest. */
  readonly keepsBelow?: number;
}

export interface CleanClose {
  readonly lastSeq: number;
  readonly lastAssigned: number;
}

/** What `edit` says of retention, to be said again. */
export function retentionOf({
  policies,
  horizons,
}: Pick<VersionEdit, "policies" | "horizons">): Pick<VersionEdit, "policies" | "horizons"> {
  return { ...(policies === undefined ? {} : { policies }), ...(horizons === undefined ? {} : { horizons }) };
}

/** The restores that the feed tells of after `edit`, where there are any. */
export function restoresAfter(
  { feed, restores: before = [] }: Pick<VersionEdit, "feed" | "restores">,
  edit: Pick<VersionEdit, "feed" | "restores">,
): Pick<VersionEdit, "restores"> {
  const restores = marksAfter([...before, ...(edit.restores ?? [])], (edit.feed ?? feed)?.afterSeq ?? 0);
  return restores.length === 0 ? {} : { restores };
}

/** Levels from 0 to 6. */
export const LEVEL_COUNT = 7;

const INCARNATION = 2;
const NEXT_FILE_NUMBER = 4;
const LOG_NUMBER = 6;
const SEQ_CEILING = 8;
const TIMESTAMP_CEILING = 10;
const SEQ_FLOOR = 12;
const CLOSED = 14;
const REMOVED = 16;
const ADDED = 18;
const KEEPS_BELOW = 20;
const REQUEST_FILES = 22;
const DURABLE_LOG = 24;
const FEED = 26;
const MARK_FILES = 34;
const POLICIES = 30;
const HORIZONS = 32;
const ERASURES = 38;
const RESTORE = 40;

/** The edit as tagged fields, owned by the caller. */
export function encodeEdit(edit: VersionEdit): Uint8Array {
  const out = new FieldWriter();
  const { incarnation, closed, requestFiles, markFiles, durableLog, feed } = edit;
  if (incarnation !== undefined) out.bytes(INCARNATION, incarnationBytes(incarnation));
  out.number(NEXT_FILE_NUMBER, edit.nextFileNumber);
  out.number(LOG_NUMBER, edit.logNumber);
  out.number(SEQ_CEILING, edit.seqCeiling);
  out.number(TIMESTAMP_CEILING, edit.timestampCeiling);
  out.number(SEQ_FLOOR, edit.seqFloor);
  for (const removed of edit.removed ?? []) out.number(REMOVED, removed);
  for (const { level, meta } of edit.added ?? []) {
    out.field(ADDED, (field) => {
      field.varint(level);
      field.bytes(encodeTableMeta(meta));
    });
  }
  if (closed !== undefined) {
    out.field(CLOSED, (field) => {
      field.varint(closed.lastSeq);
      field.varint(closed.lastAssigned);
    });
  }
  out.number(KEEPS_BELOW, edit.keepsBelow);
  if (requestFiles !== undefined) out.field(REQUEST_FILES, (field) => writeNumbers(field, requestFiles));
  if (durableLog !== undefined) {
    out.field(DURABLE_LOG, (field) => {
      field.varint(durableLog.segment);
      field.varint(durableLog.offset);
    });
  }
  if (feed !== undefined) {
    out.field(FEED, (field) => {
      field.varint(feed.segment);
      field.varint(feed.afterSeq);
    });
  }
  if (markFiles !== undefined) out.field(MARK_FILES, (field) => writeNumbers(field, markFiles));
  encodeRetention(out, edit);
  encodeErasures(out, edit);
  encodeRestores(out, edit);
  return out.finish();
}

function writeNumbers(field: ByteWriter, numbers: readonly number[]): void {
  for (const number of numbers) field.varint(number);
}

function encodeRetention(out: FieldWriter, { policies, horizons }: VersionEdit): void {
  if (policies !== undefined) {
    out.field(POLICIES, (field) => {
      for (const { prefix, keepFor } of policies) {
        field.blob(prefix);
        field.u8(keepFor === undefined ? 0 : 1);
        if (keepFor !== undefined) field.varint(keepFor);
      }
    });
  }
  if (horizons !== undefined) {
    out.field(HORIZONS, (field) => {
      for (const { prefix, timestamp } of horizons) {
        field.blob(prefix);
        field.varint(timestamp);
      }
    });
  }
}

function encodeErasures(out: FieldWriter, { erasures }: VersionEdit): void {
  if (erasures === undefined) return;
  out.field(ERASURES, (field) => {
    for (const { start, end, seq } of erasures) {
      field.blob(start);
      field.u8(end === undefined ? 0 : 1);
      if (end !== undefined) field.blob(end);
      field.varint(seq);
    }
  });
}

function encodeRestores(out: FieldWriter, { restores = [] }: VersionEdit): void {
  for (const { seq, timestamp, range, to } of restores) {
    out.field(RESTORE, (field) => {
      field.varint(seq);
      field.varint(timestamp);
      field.varint(to);
      field.blob(range.start);
      field.u8(range.end === undefined ? 0 : 1);
      if (range.end !== undefined) field.blob(range.end);
    });
  }
}

/**
 * @param file named in errors, with `base`, where in it the bytes begin.
 * @throws CORRUPTION
 */
export function decodeEdit(bytes: Uint8Array, file: string, base: number): VersionEdit {
  const edit: { -readonly [K in keyof VersionEdit]: VersionEdit[K] } = {};
  const removed: number[] = [];
  const added: LeveledTable[] = [];
  const restores: RestoreMark[] = [];
  readFields(bytes, file, base, (tag, field, at) => {
    if (tag === INCARNATION) edit.incarnation = toHex(field.bytes(INCARNATION_BYTES));
    else if (tag === NEXT_FILE_NUMBER) edit.nextFileNumber = field.varint();
    else if (tag === LOG_NUMBER) edit.logNumber = field.varint();
    else if (tag === SEQ_CEILING) edit.seqCeiling = field.varint();
    else if (tag === TIMESTAMP_CEILING) edit.timestampCeiling = field.varint();
    else if (tag === SEQ_FLOOR) edit.seqFloor = field.varint();
    else if (tag === CLOSED) edit.closed = { lastSeq: field.varint(), lastAssigned: field.varint() };
    else if (tag === REMOVED) removed.push(field.varint());
    else if (tag === ADDED) added.push(readAdded(field, file, at));
    else if (tag === KEEPS_BELOW) edit.keepsBelow = field.varint();
    else if (tag === REQUEST_FILES) edit.requestFiles = readAll(field, (numbers) => numbers.varint());
    else if (tag === MARK_FILES) edit.markFiles = readAll(field, (numbers) => numbers.varint());
    else if (tag === DURABLE_LOG) edit.durableLog = { segment: field.varint(), offset: field.varint() };
    else if (tag === FEED) edit.feed = { segment: field.varint(), afterSeq: field.varint() };
    else if (tag === POLICIES) edit.policies = readAll(field, readPolicy);
    else if (tag === HORIZONS) edit.horizons = readAll(field, readHorizon);
    else if (tag === ERASURES) edit.erasures = readAll(field, readErasure);
    else if (tag === RESTORE) restores.push(readRestore(field));
    else return false;
    return true;
  });
  if (removed.length > 0) edit.removed = removed;
  if (added.length > 0) edit.added = added;
  if (restores.length > 0) edit.restores = restores;
  return edit;
}

function readAll<T>(field: ByteReader, read: (field: ByteReader) => T): T[] {
  const items: T[] = [];
  while (field.remaining > 0) items.push(read(field));
  return items;
}

function readPolicy(field: ByteReader): Policy {
  const prefix = new Uint8Array(field.blob());
  return { prefix, keepFor: field.u8() === 0 ? undefined : field.varint() };
}

function readHorizon(field: ByteReader): Horizon {
  return { prefix: new Uint8Array(field.blob()), timestamp: field.varint() };
}

function readErasure(field: ByteReader): Erasure {
  return {
    start: new Uint8Array(field.blob()),
    end: field.u8() === 0 ? undefined : new Uint8Array(field.blob()),
    seq: field.varint(),
  };
}

function readRestore(field: ByteReader): RestoreMark {
  const [seq, timestamp, to] = [field.varint(), field.varint(), field.varint()];
  const start = new Uint8Array(field.blob());
  return { seq, timestamp, range: { start, end: field.u8() === 0 ? undefined : new Uint8Array(field.blob()) }, to };
}

function readAdded(field: ByteReader, file: string, at: number): LeveledTable {
  const level = field.varint();
  if (level >= LEVEL_COUNT) throw corruption(file, at, `a table is at level ${level}, and there are ${LEVEL_COUNT}`);
  const start = at + field.position;
  return { level, meta: decodeTableMeta(field.bytes(field.remaining), file, start) };
}
