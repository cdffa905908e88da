import {
  type Clock,
  checkRequestId,
  checkTimestamp,
  type DeleteOptions,
  type DeleteRangeOptions,
  formatTime,
  type HostedStore,
  KvtsError,
  type Operation,
  type PutOptions,
  type Range,
  type RetractOptions,
  type WriteOptions,
  type WriteResult,
} from "@kvts/common";

/** Options with moments in microseconds, as the faces hand them on. */
export type ResolvedPutOptions = PutOptions & { readonly timestamp?: number | undefined };
export type ResolvedDeleteOptions = DeleteOptions & { readonly timestamp?: number | undefined };
export type ResolvedDeleteRangeOptions = DeleteRangeOptions & { readonly timestamp?: number | undefined };
export type ResolvedOperation = Operation & { readonly timestamp?: number | undefined };

/**
 * Writes, with what a server checks beyond the store: no timestamp may be far ahead of its clock, save that of a retract.
 * A version may have come there otherwise, and nothing else takes it back.
 */
export interface Writes {
  put(key: Uint8Array, value: Uint8Array, options: ResolvedPutOptions): Promise<WriteResult>;
  delete(key: Uint8Array, options: ResolvedDeleteOptions): Promise<WriteResult>;
  deleteRange(range: Range, options: ResolvedDeleteRangeOptions): Promise<WriteResult>;
  /** How many keys hold a value that they would not hold any more after `deleteRange`. Reads all of them. */
  countDeleted(range: Range, options: ResolvedDeleteRangeOptions): Promise<number>;
  retract(key: Uint8Array, timestamp: number, options: RetractOptions): Promise<WriteResult>;
  write(operations: readonly ResolvedOperation[], options: WriteOptions): Promise<WriteResult>;
}

export function createWrites(store: HostedStore<Uint8Array>, clock: Clock, maxFutureSkewMs: number): Writes {
  const check = (timestamp: number | undefined): void => {
    if (timestamp !== undefined) checkNotAhead(timestamp, clock.now(), maxFutureSkewMs);
  };
  return {
    async put(key, value, options) {
      check(options.timestamp);
      return await store.put(key, value, options);
    },
    async delete(key, options) {
      check(options.timestamp);
      return await store.delete(key, options);
    },
    async deleteRange(range, options) {
      check(options.timestamp);
      return await store.deleteRange(range, options);
    },
    async countDeleted(range, { timestamp, requestId, signal }) {
      check(timestamp);
      checkRequestId(requestId);
      const newest = timestamp ?? clock.now();
      let count = 0;
      for await (const entry of store.scan(range, { signal })) if (entry.timestamp <= newest) count++;
      return count;
    },
    async retract(key, timestamp, options) {
      return await store.retract(key, timestamp, options);
    },
    async write(operations, options) {
      for (const { op, timestamp } of operations) if (op !== "retract") check(timestamp);
      return await store.write(operations, options);
    },
  };
}

/**
 * One write far in the future would hide all that come after it until then.
 * @throws TIMESTAMP_AHEAD
 */
function checkNotAhead(timestamp: number, now: number, maxFutureSkewMs: number): void {
  checkTimestamp(timestamp);
  const newest = now + maxFutureSkewMs * 1000;
  if (timestamp <= newest) return;
  throw new KvtsError(
    "TIMESTAMP_AHEAD",
    `the timestamp ${formatTime(timestamp)} is more than ${maxFutureSkewMs} ms ahead of the server's clock, ${formatTime(now)}; write an earlier one, or set the client's clock right`,
    { details: { newestAccepted: newest } },
  );
}
