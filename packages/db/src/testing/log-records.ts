import { limits } from "@kvts/common";
import { KeyBuffer } from "../format/key-buffer.ts";
import { joinWords, KIND_DELETE, KIND_MASK, KIND_PUT, META_EXPIRES } from "../format/version-record.ts";
import type { Frame } from "../wal/frame.ts";
import type { GroupEncoder } from "../wal/group-encoder.ts";
import { OperationCursor } from "../wal/operation-cursor.ts";
import type { Random } from "./random.ts";

/** One operation of a log frame in plain form. Bytes are latin-1 text, one character a byte, so that tests can print them. */
export interface LoggedOperation {
  readonly kind: "put" | "delete" | "retract";
  readonly key: string;
  readonly value?: string;
  readonly timestamp: number;
  readonly expiresAt?: number;
}

export interface LoggedBatch {
  readonly requestId?: string;
  readonly operations: readonly LoggedOperation[];
}

const KEY = new KeyBuffer();

/** Adds a batch to a group, values as bytes. */
export function encodeBatch(encoder: GroupEncoder, { requestId, operations }: LoggedBatch): void {
  encoder.beginBatch(requestId);
  for (const { kind, key, value, timestamp, expiresAt } of operations) {
    KEY.setBytes(Buffer.from(key, "latin1"));
    if (kind === "put") encoder.appendPut(KEY, Buffer.from(value ?? "", "latin1"), timestamp, expiresAt);
    else if (kind === "delete") encoder.appendDelete(KEY, timestamp);
    else encoder.appendRetract(KEY, timestamp);
  }
  encoder.endBatch();
}

/** What a frame holds, read with the cursor that the engine uses. */
export function readBatches(frame: Frame): { batches: LoggedBatch[]; seqs: number[] } {
  const cursor = new OperationCursor().open(frame);
  const batches: LoggedBatch[] = [];
  const seqs: number[] = [];
  let operations: LoggedOperation[] = [];
  while (cursor.next()) {
    operations.push(operationAt(cursor));
    seqs.push(joinWords(cursor.seqHi, cursor.seqLo));
    if (!cursor.endsBatch) continue;
    const id = text(cursor, cursor.requestStart, cursor.requestLength);
    batches.push(id === "" ? { operations } : { requestId: id, operations });
    operations = [];
  }
  return { batches, seqs };
}

/** A batch like those that callers make, small ones mostly. */
export function randomBatch(random: Random, valueBytesMax: number): LoggedBatch {
  const operations = Array.from({ length: random.between(1, 4) }, () => randomOperation(random, valueBytesMax));
  return random.chance(0.3) ? { requestId: `request-${random.below(1000)}`, operations } : { operations };
}

function randomOperation(random: Random, valueBytesMax: number): LoggedOperation {
  const key = latin1(random.bytes(random.chance(0.05) ? random.between(1, 300) : random.between(1, 12)));
  const timestamp = random.chance(0.1) ? Number.MAX_SAFE_INTEGER - 1 : random.u32() * random.below(2 ** 20);
  const kind = random.pick(["put", "put", "put", "delete", "retract"] as const);
  if (kind !== "put") return { kind, key, timestamp };
  const value = latin1(random.bytes(random.below(valueBytesMax + 1)));
  return random.chance(0.2)
    ? { kind, key, value, timestamp, expiresAt: timestamp + 1 }
    : { kind, key, value, timestamp };
}

function operationAt(cursor: OperationCursor): LoggedOperation {
  const kind = cursor.meta & KIND_MASK;
  const key = text(cursor, cursor.keyWord * 4, cursor.keyLength);
  const timestamp = joinWords(cursor.tsHi, cursor.tsLo);
  if (kind !== KIND_PUT) return { kind: kind === KIND_DELETE ? "delete" : "retract", key, timestamp };
  const value = text(cursor, cursor.valueWord * 4, cursor.valueLength);
  if ((cursor.meta & META_EXPIRES) === 0) return { kind: "put", key, value, timestamp };
  return { kind: "put", key, value, timestamp, expiresAt: joinWords(cursor.expiresHi, cursor.expiresLo) };
}

function text({ u8 }: OperationCursor, start: number, length: number): string {
  return latin1(u8.subarray(start, start + Math.min(length, limits.valueBytesMax)));
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}
