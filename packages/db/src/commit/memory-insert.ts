import { invariant } from "@kvts/common";
import type { Scheduler } from "../env/scheduler.ts";
import { hashKey } from "../format/key-buffer.ts";
import { INLINE_VALUE_BYTES_MAX, KIND_DELETE_RANGE, KIND_MASK } from "../format/version-record.ts";
import type { Layers } from "../layers.ts";
import type { Frame } from "../wal/frame.ts";
import { markAt } from "../wal/mark-at.ts";
import { OperationCursor } from "../wal/operation-cursor.ts";

const TIMESTAMP_BYTES = 8;

/** Bytes inserted in one go: well below a millisecond's work. */
const STRETCH_BYTES = 1024 * 1024;
/** A range mark takes as long as so many bytes. */
const MARK_BYTES = 16 * 1024;

/**
 * Inserts a frame's operations into memory: the way of new groups and of replayed ones. Undefined where all is done at
 * once; large frames go in stretches, between which the event loop gets its turn. A full memtable is frozen on the way.
 * @param logNumber the log segment that holds the frame.
 */
export function insertFrame(
  frame: Frame,
  layers: Layers,
  logNumber: number,
  scheduler: Scheduler,
): Promise<void> | undefined {
  const cursor = new OperationCursor().open(frame);
  return insertStretch(cursor, layers, logNumber) ? undefined : insertRest(cursor, layers, logNumber, scheduler);
}

/** True when the frame is done, false when the cursor stands on an operation that is yet to be inserted. */
function insertStretch(cursor: OperationCursor, layers: Layers, logNumber: number): boolean {
  const { taken } = layers;
  let bytes = 0;
  while (cursor.next()) {
    // Here every operation comes by once, those too that another stretch inserts.
    taken.operations++;
    taken.bytes += cursor.keyLength + cursor.valueLength + TIMESTAMP_BYTES;
    const isMark = (cursor.meta & KIND_MASK) === KIND_DELETE_RANGE;
    bytes += isMark ? MARK_BYTES : cursor.valueLength + cursor.keyLength;
    if (bytes > STRETCH_BYTES) return false;
    if (isMark) layers.addMark(markAt(cursor));
    else if (cursor.valueLength > INLINE_VALUE_BYTES_MAX)
      insertLong(cursor, layers, startExtent(cursor, layers, logNumber));
    else insertShort(cursor, layers, logNumber);
  }
  return true;
}

async function insertRest(
  cursor: OperationCursor,
  layers: Layers,
  logNumber: number,
  scheduler: Scheduler,
): Promise<void> {
  do {
    await scheduler.nextTurn();
    if ((cursor.meta & KIND_MASK) === KIND_DELETE_RANGE) layers.addMark(markAt(cursor));
    else if (cursor.valueLength > INLINE_VALUE_BYTES_MAX) await insertLongSlowly(cursor, layers, logNumber, scheduler);
    else insertShort(cursor, layers, logNumber);
  } while (!insertStretch(cursor, layers, logNumber));
}

function insertShort(cursor: OperationCursor, layers: Layers, logNumber: number): void {
  if (insertInline(cursor, layers)) return;
  layers.freeze(logNumber);
  invariant(insertInline(cursor, layers), "I1: an empty memtable has room for any one operation");
}

function insertInline(c: OperationCursor, layers: Layers): boolean {
  return layers.active.insert(
    c.i32,
    c.keyWord,
    c.keyLength,
    hashKey(c.i32, c.keyWord, c.keyLength),
    c.tsHi,
    c.tsLo,
    c.seqHi,
    c.seqLo,
    c.meta,
    c.valueWord,
    c.expiresHi,
    c.expiresLo,
  );
}

/** Where a long value goes: an address in a memtable that has room for its key. */
function startExtent(cursor: OperationCursor, layers: Layers, logNumber: number): number {
  if (!layers.active.hasRoomFor(1, cursor.keyLength) && layers.active.entryCount > 0) layers.freeze(logNumber);
  return layers.active.allocateExtent(cursor.valueLength);
}

function insertLong(cursor: OperationCursor, layers: Layers, address: number): void {
  copyExtent(cursor, layers, address, 0, cursor.valueLength);
  finishExtent(cursor, layers, address);
}

async function insertLongSlowly(
  cursor: OperationCursor,
  layers: Layers,
  logNumber: number,
  scheduler: Scheduler,
): Promise<void> {
  const address = startExtent(cursor, layers, logNumber);
  for (let from = 0; from < cursor.valueLength; from += STRETCH_BYTES) {
    if (from > 0) await scheduler.nextTurn();
    copyExtent(cursor, layers, address, from, Math.min(from + STRETCH_BYTES, cursor.valueLength));
  }
  finishExtent(cursor, layers, address);
}

function copyExtent(cursor: OperationCursor, layers: Layers, address: number, from: number, to: number): void {
  const start = cursor.valueWord * 4;
  layers.active.writeExtent(address + from, cursor.u8.subarray(start + from, start + to));
}

function finishExtent(c: OperationCursor, layers: Layers, address: number): void {
  const inserted = layers.active.insertExtent(
    c.i32,
    c.keyWord,
    c.keyLength,
    hashKey(c.i32, c.keyWord, c.keyLength),
    c.tsHi,
    c.tsLo,
    c.seqHi,
    c.seqLo,
    c.meta,
    address,
    c.expiresHi,
    c.expiresLo,
  );
  invariant(inserted, "I2: there is room for an operation whose room was seen to");
}
