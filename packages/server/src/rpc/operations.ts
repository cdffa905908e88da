import type { Operation as OperationMessage, Range as RangeMessage } from "@kvts/api";
import { invalidArgument, isKvtsError, KvtsError, type Range, rangeDeletion } from "@kvts/common";
import type { ResolvedOperation } from "../service/writes.ts";
import { timestampIn } from "./numbers.ts";

export function rangeIn(range: RangeMessage | undefined): Range {
  if (range === undefined) return {};
  const { prefix, start, end } = range;
  // Both forms together are refused where ranges are resolved, for all faces alike.
  return { prefix, start, end } as Range;
}

/** @throws INVALID_ARGUMENT for an absent range: every key is meant only where an empty one says so */
export function deletedRangeIn(range: RangeMessage | undefined): Range {
  if (range !== undefined) return rangeIn(range);
  throw invalidArgument("the range is missing; send an empty one to delete every key", { field: "range" });
}

/** @throws INVALID_ARGUMENT for an absent value; an empty one is a value */
export function valueIn(value: Uint8Array | undefined): Uint8Array {
  if (value !== undefined) return value;
  throw invalidArgument("value is missing; send an empty one to store no bytes, or delete the key", { field: "value" });
}

/** @throws INVALID_ARGUMENT for an absent timestamp: 0 is one */
export function retractedIn(timestamp: bigint | undefined): number {
  if (timestamp !== undefined) return timestampIn(timestamp, "timestamp")!;
  throw invalidArgument("a retract needs the timestamp of what it takes back", { field: "timestamp" });
}

/** @throws INVALID_ARGUMENT or TOO_LARGE, with the index of the bad operation */
export function operationsIn(operations: readonly OperationMessage[]): ResolvedOperation[] {
  return operations.map((operation, index) => {
    try {
      return operationIn(operation);
    } catch (error) {
      if (!isKvtsError(error)) throw error;
      const details = { ...error.details, operation: index };
      throw new KvtsError(error.code, `operation ${index}: ${error.message}`, { details });
    }
  });
}

function operationIn({ kind }: OperationMessage): ResolvedOperation {
  switch (kind.case) {
    case "put": {
      const { key, value, timestamp, expiresAt } = kind.value;
      return {
        op: "put",
        key,
        value: valueIn(value),
        timestamp: timestampIn(timestamp, "timestamp"),
        expiresAt: timestampIn(expiresAt, "expires_at"),
      };
    }
    case "delete":
      return { op: "delete", key: kind.value.key, timestamp: timestampIn(kind.value.timestamp, "timestamp") };
    case "retract":
      return { op: "retract", key: kind.value.key, timestamp: retractedIn(kind.value.timestamp) };
    case "deleteRange": {
      const { range, timestamp } = kind.value;
      return rangeDeletion(deletedRangeIn(range), timestampIn(timestamp, "timestamp"));
    }
    default:
      throw invalidArgument(
        "the operation is of no kind that this server knows; send put, delete, retract or delete_range",
      );
  }
}
