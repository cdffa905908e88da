import {
  checkOperationFields,
  encodeOperations,
  expiryRefusal,
  type KvtsError,
  limits,
  type Operation,
  parseTime,
  rangeOf,
} from "@kvts/common";
import { KeyBuffer } from "../format/key-buffer.ts";
import { isEmptyRange } from "../marks/range-mark.ts";
import type { Horizons } from "../retention/horizons.ts";
import { writeTrimmed } from "../retention/trimmed.ts";
import type { GroupEncoder } from "../wal/group-encoder.ts";

const KEY = new KeyBuffer();

/** What an encoded batch tells of its timestamps. */
export interface BatchTimestamps {
  /** The last operation's; the assigned one where any operation takes it. */
  readonly timestamp: number;
  /** Whether any operation takes the assigned timestamp. */
  readonly assigns: boolean;
  /**
   * Why it has to be refused, unless it repeats one that was carried out: an operation lies below its key's horizon, or
   * expires before the assigned timestamp.
   */
  readonly refusal: KvtsError | undefined;
}

/**
 * Writes a caller's batch into a group's frame, straight from what the caller handed in: encoding keys and values into
 * arrays of their own first took 40 % of a load. All of the batch goes in, or nothing.
 * The batch stays open, to be ended or discarded.
 * @param moment see `GroupEncoder.beginBatch`
 * @param assigned for operations without a timestamp of their own, microseconds
 * @param now microseconds, for relative times
 * @param horizons below which nothing may be written
 * @throws as `encodeOperations` does
 */
export function encodeBatch(
  encoder: GroupEncoder,
  operations: readonly Operation[],
  requestId: string | undefined,
  moment: number | undefined,
  assigned: number,
  now: () => number,
  horizons?: Horizons,
): BatchTimestamps {
  // One reading of the clock, so that "now" is the same in all of them.
  let read: number | undefined;
  const once = (): number => (read ??= now());
  encoder.beginBatch(requestId, moment);
  try {
    return appendAll(encoder, operations, assigned, once, horizons);
  } catch (error) {
    encoder.discardBatch();
    // It has the words for what is wrong with a batch, and says in which operation.
    encodeOperations(operations, once);
    throw error;
  }
}

function appendAll(
  encoder: GroupEncoder,
  operations: readonly Operation[],
  assigned: number,
  now: () => number,
  horizons: Horizons | undefined,
): BatchTimestamps {
  const bytesMeasured = encoder.bytes + limits.batchBytesMax;
  let isMeasured = false;
  let timestamp = assigned;
  let assigns = false;
  let refusal: KvtsError | undefined;
  // By number, up to the length that has been checked: a getter may change the array that it is in.
  const count = operations.length;
  for (let at = 0; at < count; at++) {
    const operation = operations[at]!;
    checkOperationFields(operation);
    assigns ||= operation.timestamp === undefined;
    timestamp = operation.timestamp === undefined ? assigned : parseTime(operation.timestamp, now);
    const refused = append(encoder, operation, timestamp, now, horizons);
    refusal ??= refused;
    // A frame is longer than keys and values: only beyond the limit do they need to be counted, and then once.
    if (isMeasured || encoder.bytes <= bytesMeasured) continue;
    encodeOperations(operations, now);
    isMeasured = true;
  }
  return { timestamp: assigns ? assigned : timestamp, assigns, refusal };
}

/** What a write at `timestamp` is refused with; undefined where it is not. */
export function refusalBelow(horizons: Horizons, key: KeyBuffer, timestamp: number): KvtsError | undefined {
  const horizon = horizons.of(key.i32, 0, key.length);
  return timestamp < horizon ? writeTrimmed(timestamp, horizon) : undefined;
}

/** @returns what it is refused with once it is known to be no repetition: see {@link BatchTimestamps} */
function append(
  encoder: GroupEncoder,
  operation: Operation,
  timestamp: number,
  now: () => number,
  horizons: Horizons | undefined,
): KvtsError | undefined {
  if (operation.op === "deleteRange") {
    const range = rangeOf(operation);
    encoder.appendDeleteRange(range, timestamp);
    const horizon = horizons === undefined || isEmptyRange(range.start, range.end) ? 0 : horizons.greatestIn(range);
    return timestamp < horizon ? writeTrimmed(timestamp, horizon) : undefined;
  }
  KEY.set(operation.key);
  const refusal = horizons === undefined ? undefined : refusalBelow(horizons, KEY, timestamp);
  if (operation.op === "delete") {
    encoder.appendDelete(KEY, timestamp);
  } else if (operation.op === "retract") {
    encoder.appendRetract(KEY, timestamp);
  } else {
    const expiresAt = operation.expiresAt === undefined ? undefined : parseTime(operation.expiresAt, now);
    const expired = expiresAt === undefined ? undefined : expiryRefusal(timestamp, expiresAt);
    // With a timestamp of its own it can never have been carried out.
    if (expired !== undefined && operation.timestamp !== undefined) throw expired;
    encoder.appendPut(KEY, operation.value, timestamp, expiresAt);
    return refusal ?? expired;
  }
  return refusal;
}
