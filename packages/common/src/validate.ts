import { utf8 } from "./bytes.ts";
import { atIndex, invalidArgument, isKvtsError, KvtsError } from "./errors.ts";
import { checkFields } from "./fields.ts";
import { encodeKey, encodeValue, isWellFormed } from "./keys.ts";
import { limits } from "./limits.ts";
import { type ResolvedRange, resolveRange } from "./range.ts";
import { shown } from "./shown.ts";
import type { Operation, Range } from "./store.ts";
import { formatTime, parseTime, type TimeInput } from "./time.ts";

/** An operation of which everything is checked that can be before its timestamp is assigned. */
export type EncodedOperation = EncodedKeyOperation | EncodedRangeOperation;

/** One on a key. */
export interface EncodedKeyOperation {
  readonly op: "put" | "delete" | "retract";
  readonly key: Uint8Array;
  /** Present for a put. */
  readonly value: Uint8Array | undefined;
  /** Microseconds; `undefined` until assigned, which that of a retract never is. */
  readonly timestamp: number | undefined;
  readonly expiresAt: number | undefined;
}

/** One on every key that could be in a range, which is in memory of its own. */
export interface EncodedRangeOperation {
  readonly op: "deleteRange";
  readonly range: ResolvedRange;
  /** Microseconds; `undefined` until assigned. */
  readonly timestamp: number | undefined;
}

/**
 * The operation that a `deleteRange` call stands for.
 * @throws INVALID_ARGUMENT where no range is given: every key is meant only where `{}` says so
 */
export function rangeDeletion<T extends TimeInput | undefined>(
  range: Range,
  timestamp: T,
): Extract<Operation, { op: "deleteRange" }> & { readonly timestamp: T } {
  checkFields(range, ["prefix", "start", "end"], "a range");
  return { op: "deleteRange", ...range, timestamp };
}

/**
 * A batch, checked as a whole and encoded. Bytes are not copied.
 * @param now microseconds, for relative times
 * @throws INVALID_ARGUMENT or TOO_LARGE, with `operation`, the index of the bad one, in the details
 */
export function encodeOperations(operations: readonly Operation[], now: () => number): EncodedOperation[] {
  checkOperationCount(operations);
  // One reading of the clock, so that "now" is the same in all of them. Array.from visits holes, which are refused, and
  // counts by the length that has been checked: a getter may change the array that it is in.
  let moment: number | undefined;
  const once = (): number => (moment ??= now());
  const { length } = operations;
  const encoded = Array.from({ length }, (_, index) => encodeNumbered(operations[index]!, index, once));
  checkBatchBytes(encoded);
  return encoded;
}

/** @throws INVALID_ARGUMENT, TOO_LARGE unless these are an array of 1 … `limits.batchOperationsMax` */
export function checkOperationCount(operations: readonly Operation[]): void {
  if (!Array.isArray(operations)) throw invalidArgument("a write takes an array of operations");
  if (operations.length === 0) throw invalidArgument("a write has at least one operation; this one is empty");
  if (operations.length > limits.batchOperationsMax) {
    throw new KvtsError(
      "TOO_LARGE",
      `a write has at most ${limits.batchOperationsMax} operations; split these ${operations.length}`,
      { details: { limit: limits.batchOperationsMax } },
    );
  }
}

/** One operation, checked and encoded. */
export function encodeOperation(operation: Operation, now: () => number): EncodedOperation {
  checkOperationFields(operation);
  if (operation.op === "deleteRange") {
    return { op: "deleteRange", range: rangeOf(operation), timestamp: optionalTime(operation.timestamp, now) };
  }
  const key = encodeKey(operation.key);
  const timestamp = optionalTime(operation.timestamp, now);
  if (operation.op !== "put") return { op: operation.op, key, value: undefined, timestamp, expiresAt: undefined };
  const value = encodeValue(operation.value);
  const expiresAt = optionalTime(operation.expiresAt, now);
  if (timestamp !== undefined && expiresAt !== undefined) checkExpiry(timestamp, expiresAt);
  return { op: "put", key, value, timestamp, expiresAt };
}

/** The range of a `deleteRange` operation. @throws as `resolveRange` does */
export function rangeOf({ prefix, start, end }: Extract<Operation, { op: "deleteRange" }>): ResolvedRange {
  return resolveRange({ prefix, start, end } as Range);
}

/** @throws INVALID_ARGUMENT unless a value lives for at least a microsecond */
export function checkExpiry(timestamp: number, expiresAt: number): void {
  const refusal = expiryRefusal(timestamp, expiresAt);
  if (refusal !== undefined) throw refusal;
}

/** What a value that would not live for a microsecond is refused with; undefined for one that does. */
export function expiryRefusal(timestamp: number, expiresAt: number): KvtsError | undefined {
  if (expiresAt > timestamp) return undefined;
  return invalidArgument(
    `expiresAt ${formatTime(expiresAt)} must be later than the value's timestamp ${formatTime(timestamp)}`,
  );
}

/** A request id, checked: 1 … 128 bytes of UTF-8; `undefined` when there is none. */
export function checkRequestId(requestId: string | undefined): string | undefined {
  if (requestId === undefined) return undefined;
  const length = typeof requestId === "string" && isWellFormed(requestId) ? utf8(requestId).length : 0;
  if (length < 1 || length > limits.requestIdBytesMax) {
    throw invalidArgument(
      `requestId must be a string of 1 to ${limits.requestIdBytesMax} bytes of UTF-8, without lone surrogates`,
    );
  }
  return requestId;
}

const operationFields = {
  put: ["op", "key", "value", "timestamp", "expiresAt"],
  delete: ["op", "key", "timestamp"],
  retract: ["op", "key", "timestamp"],
  deleteRange: ["op", "prefix", "start", "end", "timestamp"],
} as const;

/**
 * @throws INVALID_ARGUMENT unless it is a put, a delete, a retract or a deleteRange, with no other fields than theirs, present or not; a
 *   retract's timestamp has to be
 */
export function checkOperationFields(operation: Operation): void {
  const op: unknown = (operation as { op?: unknown } | null | undefined)?.op;
  if (op !== "put" && op !== "delete" && op !== "retract" && op !== "deleteRange") {
    throw invalidArgument(`op must be "put", "delete", "retract" or "deleteRange", not ${shown(op)}`);
  }
  checkFields(operation, operationFields[op], `a ${op}`);
  if (op === "retract" && operation.timestamp === undefined) {
    throw invalidArgument("a retract needs the timestamp of what it takes back", { field: "timestamp" });
  }
}

function optionalTime(input: Operation["timestamp"], now: () => number): number | undefined {
  return input === undefined ? undefined : parseTime(input, now);
}

function encodeNumbered(operation: Operation, index: number, now: () => number): EncodedOperation {
  try {
    return encodeOperation(operation, now);
  } catch (error) {
    throw isKvtsError(error) ? atIndex(error, "operation", index) : error;
  }
}

/** A batch of one is bounded by the limits of its key and value alone, so that the longest value fits with its key. */
function checkBatchBytes(operations: readonly EncodedOperation[]): void {
  let bytes = 0;
  for (const operation of operations) bytes += bytesOf(operation);
  if (bytes > limits.batchBytesMax && operations.length > 1) {
    throw new KvtsError(
      "TOO_LARGE",
      `a write has at most ${limits.batchBytesMax} bytes of keys and values; split these ${bytes}`,
      { details: { limit: limits.batchBytesMax } },
    );
  }
}

function bytesOf(operation: EncodedOperation): number {
  if (operation.op !== "deleteRange") return operation.key.length + (operation.value?.length ?? 0);
  return operation.range.start.length + (operation.range.end?.length ?? 0);
}
