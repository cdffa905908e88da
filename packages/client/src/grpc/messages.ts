import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  Bucket,
  Change,
  ConditionSchema,
  CreateSnapshotResponse,
  DeleteRetentionResponse,
  FeedItem,
  GetStatusResponse,
  OperationSchema,
  RangeSchema,
  RenewSnapshotResponse,
  RestoreResponse,
  RetentionPolicy,
  SetRetentionResponse,
  Version,
  WatchResponse,
} from "@kvts/api";
import type {
  CheckedCondition,
  EncodedOperation,
  Bucket as Figures,
  ResolvedRange,
  RetentionResult,
  StatValue,
  StoreStats,
  WriteResult,
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

/** An optional integer as generated messages carry it. */
export function toInt64(value: number | undefined): bigint | undefined {
  return value === undefined ? undefined : BigInt(value);
}

export function toOperation(operation: EncodedOperation): MessageInitShape<typeof OperationSchema> {
  if (operation.op === "deleteRange") {
    const { range, timestamp } = operation;
    return { kind: { case: "deleteRange", value: { range: toRange(range), timestamp: toInt64(timestamp) } } };
  }
  const { op, ...fields } = operation;
  const { key, value } = fields;
  const timestamp = toInt64(fields.timestamp);
  if (op !== "put") return { kind: { case: op, value: { key, timestamp } } };
  return { kind: { case: "put", value: { key, value, timestamp, expiresAt: toInt64(fields.expiresAt) } } };
}

export function toRange({ start, end }: ResolvedRange): MessageInitShape<typeof RangeSchema> {
  return { start, end };
}

export function toCondition(condition: CheckedCondition): MessageInitShape<typeof ConditionSchema> {
  switch (condition.kind) {
    case "ifAbsent":
      return { kind: { case: "ifAbsent", value: true } };
    case "ifSeq":
      return { kind: { case: "ifSeq", value: BigInt(condition.seq) } };
    case "ifTimestamp":
      return { kind: { case: "ifTimestamp", value: BigInt(condition.timestamp) } };
  }
}

export function fromResult(result: { readonly timestamp: bigint; readonly seq: bigint }): WriteResult {
  return { timestamp: arrivedNumber(result.timestamp, "timestamp"), seq: arrivedNumber(result.seq, "seq") };
}

export function fromVersion({ key, value, timestamp, seq, expiresAt, deleted }: Version): WireVersion {
  if (deleted !== (value === undefined)) throw brokenAnswer("a version is neither a value nor a tombstone");
  return {
    key,
    value,
    timestamp: arrivedNumber(timestamp, "timestamp"),
    seq: arrivedNumber(seq, "seq"),
    expiresAt: expiresAt === undefined ? undefined : arrivedNumber(expiresAt, "expiresAt"),
  };
}

export function fromChange({ key, before, after }: Change): WireChange {
  if (before === undefined && after === undefined) throw brokenAnswer("a change has neither a before nor an after");
  return { key, before: before && fromVersion(before), after: after && fromVersion(after) };
}

export function fromEvent({ seq, items, initial, more, incarnation }: WatchResponse): WireEvent {
  return {
    seq: arrivedNumber(seq, "seq"),
    items: items.map(fromFeedItem),
    initial,
    more,
    incarnation: incarnation === "" ? undefined : incarnation,
  };
}

function fromFeedItem({ kind }: FeedItem): WireFeedItem {
  switch (kind.case) {
    case "version":
      return fromVersion(kind.value);
    case "retraction": {
      const { key, timestamp, seq } = kind.value;
      return {
        op: "retract",
        key,
        timestamp: arrivedNumber(timestamp, "timestamp"),
        seq: arrivedNumber(seq, "seq"),
      };
    }
    case "rangeDeletion": {
      const { range, timestamp, seq } = kind.value;
      if (range === undefined) throw brokenAnswer("a deleted range of the feed has no range");
      return {
        op: "deleteRange",
        range: { start: range.start ?? new Uint8Array(0), end: range.end },
        timestamp: arrivedNumber(timestamp, "timestamp"),
        seq: arrivedNumber(seq, "seq"),
      };
    }
    case "rangeRestoration": {
      const { range, to, timestamp, seq } = kind.value;
      if (range === undefined) throw brokenAnswer("a restored range of the feed has no range");
      return {
        op: "restored",
        range: { start: range.start ?? new Uint8Array(0), end: range.end },
        to: arrivedNumber(to, "to"),
        timestamp: arrivedNumber(timestamp, "timestamp"),
        seq: arrivedNumber(seq, "seq"),
      };
    }
    default:
      throw brokenAnswer("an operation of the feed is of no kind that this client knows");
  }
}

export function fromLease({ snapshot, seq, leaseMs }: CreateSnapshotResponse | RenewSnapshotResponse): WireLease {
  return { id: snapshot, seq: arrivedNumber(seq, "seq"), leaseMs: arrivedNumber(leaseMs, "leaseMs") };
}

export function fromBucket({ timestamp, count, skipped, first, last, min, max, mean }: Bucket): Figures {
  return {
    timestamp: arrivedNumber(timestamp, "timestamp"),
    count: arrivedNumber(count, "count"),
    skipped: arrivedNumber(skipped, "skipped"),
    ...{ first, last, min, max, mean },
  };
}

export function fromRestored({ timestamp, seq, sample, ...counts }: RestoreResponse): WireRestored {
  return {
    to: arrivedNumber(counts.to, "to"),
    restored: arrivedNumber(counts.restored, "restored"),
    deleted: arrivedNumber(counts.deleted, "deleted"),
    bytes: arrivedNumber(counts.bytes, "bytes"),
    ...(timestamp !== undefined && { timestamp: arrivedNumber(timestamp, "timestamp") }),
    ...(seq !== undefined && { seq: arrivedNumber(seq, "seq") }),
    sample: sample.map(fromChange),
  };
}

export function fromRetention({ horizon, trimmed }: SetRetentionResponse | DeleteRetentionResponse): RetentionResult {
  if (trimmed === undefined) return { horizon: arrivedNumber(horizon, "horizon") };
  const [versions, bytes] = [arrivedNumber(trimmed.versions, "versions"), arrivedNumber(trimmed.bytes, "bytes")];
  return { horizon: arrivedNumber(horizon, "horizon"), trimmed: { versions, bytes } };
}

export function fromPolicy({ prefix, keepFor, horizon }: RetentionPolicy): WirePolicy {
  return {
    prefix,
    keepFor: keepFor === undefined ? undefined : arrivedNumber(keepFor, "keep_for"),
    horizon: arrivedNumber(horizon, "horizon"),
  };
}

export function fromPage<M, T>(
  page: { readonly nextPageToken: string; readonly seq: bigint },
  items: readonly M[],
  convert: (item: M) => T,
): WirePage<T> {
  return { items: items.map(convert), nextPageToken: page.nextPageToken, seq: arrivedNumber(page.seq, "seq") };
}

export function fromStatus({ seq, incarnation, stats = {} }: GetStatusResponse): StoreStats {
  // A Struct's JSON; the figures of a store have no nulls.
  const figures = stats as Readonly<Record<string, StatValue>>;
  return { ...figures, seq: arrivedNumber(seq, "seq"), incarnation };
}
