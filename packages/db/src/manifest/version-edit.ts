import { KvtsError } from "@kvts/common";
import { ByteReader, ByteWriter } from "../format/coding.ts";
import { corruption } from "../format/corruption.ts";
import type { TableMeta } from "./table-meta.ts";

export interface LeveledTable {
  readonly level: number;
  readonly meta: TableMeta;
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
  /** The store was closed in order; holds only where nothing follows. */
  readonly closed?: CleanClose;
  /** Numbers of tables that go. A table that changes level is removed and added. */
  readonly removed?: readonly number[];
  readonly added?: readonly LeveledTable[];
}

export interface CleanClose {
  readonly lastSeq: number;
  readonly lastAssigned: number;
}

/** Levels from 0 to 6. */
export const LEVEL_COUNT = 7;

// Fields are (tag, length, bytes). A reader passes over odd tags that it does not know, and refuses even ones.
const INCARNATION = 2;
const NEXT_FILE_NUMBER = 4;
const LOG_NUMBER = 6;
const SEQ_CEILING = 8;
const TIMESTAMP_CEILING = 10;
const SEQ_FLOOR = 12;
const CLOSED = 14;
const REMOVED = 16;
const ADDED = 18;

/** The edit as bytes, owned by the caller. */
export function encodeEdit(edit: VersionEdit): Uint8Array {
  const out = new ByteWriter();
  const field = (tag: number, write: (payload: ByteWriter) => void): void => {
    const payload = new ByteWriter();
    write(payload);
    out.varint(tag);
    out.blob(payload.view());
  };
  const number = (tag: number, value: number | undefined): void => {
    if (value !== undefined) field(tag, (payload) => payload.varint(value));
  };
  const { incarnation, closed } = edit;
  if (incarnation !== undefined) field(INCARNATION, (payload) => payload.text(incarnation));
  number(NEXT_FILE_NUMBER, edit.nextFileNumber);
  number(LOG_NUMBER, edit.logNumber);
  number(SEQ_CEILING, edit.seqCeiling);
  number(TIMESTAMP_CEILING, edit.timestampCeiling);
  number(SEQ_FLOOR, edit.seqFloor);
  for (const removed of edit.removed ?? []) number(REMOVED, removed);
  for (const { level, meta } of edit.added ?? []) {
    field(ADDED, (payload) => {
      payload.varint(level);
      writeMeta(payload, meta);
    });
  }
  if (closed !== undefined) {
    field(CLOSED, (payload) => {
      payload.varint(closed.lastSeq);
      payload.varint(closed.lastAssigned);
    });
  }
  return new Uint8Array(out.view());
}

/**
 * @param file named in errors, with `base`, where in it the bytes begin.
 * @throws CORRUPTION
 */
export function decodeEdit(bytes: Uint8Array, file: string, base: number): VersionEdit {
  const reader = new ByteReader(bytes, file, base);
  const edit: { -readonly [K in keyof VersionEdit]: VersionEdit[K] } = {};
  const removed: number[] = [];
  const added: LeveledTable[] = [];
  while (reader.remaining > 0) {
    const tag = reader.varint();
    const length = reader.varint();
    const at = base + reader.position;
    const payload = new ByteReader(reader.bytes(length), file, at);
    if (tag === INCARNATION) edit.incarnation = payload.text();
    else if (tag === NEXT_FILE_NUMBER) edit.nextFileNumber = payload.varint();
    else if (tag === LOG_NUMBER) edit.logNumber = payload.varint();
    else if (tag === SEQ_CEILING) edit.seqCeiling = payload.varint();
    else if (tag === TIMESTAMP_CEILING) edit.timestampCeiling = payload.varint();
    else if (tag === SEQ_FLOOR) edit.seqFloor = payload.varint();
    else if (tag === CLOSED) edit.closed = { lastSeq: payload.varint(), lastAssigned: payload.varint() };
    else if (tag === REMOVED) removed.push(payload.varint());
    else if (tag === ADDED) added.push(readAdded(payload, file, at));
    else if (tag % 2 === 1) continue;
    else throw newerVersion(file, at, tag);
    payload.end();
  }
  if (removed.length > 0) edit.removed = removed;
  if (added.length > 0) edit.added = added;
  return edit;
}

function readAdded(payload: ByteReader, file: string, at: number): LeveledTable {
  const level = payload.varint();
  if (level >= LEVEL_COUNT) throw corruption(file, at, `a table is at level ${level}, and there are ${LEVEL_COUNT}`);
  return { level, meta: readMeta(payload) };
}

/** A table's figures, as the manifest and the table's own footer hold them. */
export function writeMeta(out: ByteWriter, meta: TableMeta): void {
  for (const name of NUMBERS) out.varint(meta[name]);
  out.blob(meta.smallest);
  out.blob(meta.largest);
  // 0 says that nothing expires: `expiresAt` is later than a timestamp, so at least 1.
  out.varint(meta.minExpiresAt ?? 0);
  out.varint(meta.maxExpiresAt ?? 0);
}

/** Reads what {@link writeMeta} wrote. @throws CORRUPTION */
export function readMeta(reader: ByteReader): TableMeta {
  const numbers = {} as Record<(typeof NUMBERS)[number], number>;
  for (const name of NUMBERS) numbers[name] = reader.varint();
  const smallest = new Uint8Array(reader.blob());
  const largest = new Uint8Array(reader.blob());
  const minExpiresAt = reader.varint() || undefined;
  const maxExpiresAt = reader.varint() || undefined;
  return { ...numbers, smallest, largest, minExpiresAt, maxExpiresAt };
}

const NUMBERS = [
  "number",
  "fileBytes",
  "keyCount",
  "entryCount",
  "deleteCount",
  "retractCount",
  "rangeTombstoneCount",
  "rawBytes",
  "minTimestamp",
  "maxTimestamp",
  "minSeq",
  "maxSeq",
] as const;

function newerVersion(file: string, offset: number, tag: number): KvtsError {
  return new KvtsError(
    "CORRUPTION",
    `${file} holds a field (tag ${tag}, at byte ${offset}) that this version does not know; open it with the newer version of kvts that wrote it`,
    { details: { file, offset } },
  );
}
