import {
  type Bucket,
  compareBytes,
  equalBytes,
  fromHex,
  invariant,
  KvtsError,
  type ResolvedRange,
  toHex,
} from "@kvts/common";
import { greatestHorizon, horizonOf, type ModelHorizons, NO_HORIZONS } from "./model-retention.ts";

/** One operation with its timestamp, in microseconds, and its place in commit order. */
export type ModelOperation =
  | {
      readonly op: "put";
      readonly key: Uint8Array;
      readonly value: Uint8Array;
      readonly timestamp: number;
      readonly expiresAt?: number | undefined;
    }
  | { readonly op: "delete" | "retract"; readonly key: Uint8Array; readonly timestamp: number }
  | { readonly op: "deleteRange"; readonly range: ResolvedRange; readonly timestamp: number };

export type CommittedOperation = Exclude<ModelOperation, { op: "deleteRange" }> & { readonly seq: number };
export type CommittedRange = Extract<ModelOperation, { op: "deleteRange" }> & { readonly seq: number };

/** What a restore that is told of as one range was asked. */
export interface ModelRestored {
  readonly range: ResolvedRange;
  /** Microseconds. */
  readonly to: number;
}

/** What `watch` tells of. */
export type FedOperation =
  | CommittedOperation
  | CommittedRange
  | (ModelRestored & { readonly op: "restored"; readonly timestamp: number; readonly seq: number });

/** What `history` lists: a put or a delete. */
export type ModelVersion = CommittedOperation & { readonly op: "put" | "delete" };
/** What reads of values return. */
export type ModelEntry = ModelVersion & { readonly op: "put" };

/** How a read of values looks at the store. */
export interface ModelView {
  /** Microseconds on the reader's clock. It decides about expiry where `asOf` does not. */
  readonly now: number;
  /** The moment to read at, inclusive; the newest version where it is absent. */
  readonly asOf?: number | undefined;
  /** Only operations up to this seq exist. */
  readonly atSeq?: number | undefined;
  /** By which history is cut; the model's own where they are absent. */
  readonly horizons?: ModelHorizons | undefined;
}

export interface ModelScan extends ModelView {
  readonly reverse?: boolean | undefined;
  readonly limit?: number | undefined;
  readonly includeDeleted?: boolean | undefined;
}

export interface ModelDiff {
  readonly from: number;
  readonly to: number;
  readonly limit?: number | undefined;
  readonly atSeq?: number | undefined;
  readonly horizons?: ModelHorizons | undefined;
}

export interface ModelRestore {
  readonly to: number;
  readonly now: number;
}

export type UntimedOperation =
  | Omit<Extract<ModelOperation, { op: "put" }>, "timestamp">
  | { readonly op: "delete"; readonly key: Uint8Array };

/** What one batch did in a range. */
export interface ModelBatch {
  readonly seq: number;
  readonly items: readonly FedOperation[];
}

export interface ModelHistory {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly reverse?: boolean | undefined;
  readonly limit?: number | undefined;
  readonly atSeq?: number | undefined;
  readonly horizons?: ModelHorizons | undefined;
}

export interface ModelAggregate {
  readonly step: number;
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly limit?: number | undefined;
  readonly atSeq?: number | undefined;
  readonly horizons?: ModelHorizons | undefined;
}

/**
 * What every other implementation is compared with: the list of committed operations, and docs/semantics.md said over
 * it as plainly as possible. Operations are filed by key, in commit order; nothing else is kept, and nothing is cached.
 */
export class Model {
  /** Hexadecimal key, which sorts as the bytes do → that key's operations, lowest seq first. */
  readonly #operations: Map<string, CommittedOperation[]> = new Map();
  readonly #batches: (readonly FedOperation[])[] = [];
  /** Deleted ranges, lowest seq first. */
  #ranges: CommittedRange[] = [];
  #seq = 0;
  /** How far history is cut. */
  horizons: ModelHorizons = NO_HORIZONS;

  /** Seq of the last committed operation; 0 before the first. */
  get seq(): number {
    return this.#seq;
  }

  /** Number of distinct keys that any operation has named. */
  get keys(): number {
    return this.#operations.size;
  }

  /** Number of deleted ranges. */
  get ranges(): number {
    return this.#ranges.length;
  }

  /**
   * Commits a batch, whose operations get consecutive seqs; the last of them gets `seq`, by default the next free one.
   * With `restored` they all get that one, and are told of as one restored range.
   */
  commit(
    operations: readonly ModelOperation[],
    seq: number = this.#seq + operations.length,
    restored?: ModelRestored,
  ): void {
    const shared = restored !== undefined;
    const count = shared ? 1 : operations.length;
    invariant(seq - count >= this.#seq, `seqs grow: ${operations.length} up to ${seq} after ${this.#seq}`);
    const batch = operations.map((operation, index) => {
      return { ...operation, seq: shared ? seq : seq - operations.length + 1 + index };
    });
    for (const operation of batch) {
      if (operation.op === "deleteRange") {
        this.#ranges.push(operation);
        continue;
      }
      const id = toHex(operation.key);
      const filed = this.#operations.get(id) ?? [];
      filed.push(operation);
      this.#operations.set(id, filed);
    }
    this.#batches.push(shared ? [{ op: "restored", ...restored, timestamp: batch[0]!.timestamp, seq }] : batch);
    this.#seq = seq;
  }

  /** Commits an erasure, with `seq`: nothing that was ever written to a key of the range, or deleted with it, has happened. */
  erase({ start, end }: ResolvedRange, seq: number = this.#seq + 1): void {
    invariant(seq > this.#seq, `seqs grow: ${seq} after ${this.#seq}`);
    for (const key of [...this.#operations.keys()]) {
      if (key >= toHex(start) && (end === undefined || key < toHex(end))) this.#operations.delete(key);
    }
    this.#ranges = this.#ranges.flatMap((deleted) => outside(deleted, { start, end }));
    this.#seq = seq;
  }

  /** What an erasure would take: the versions of the keys' own that are kept. */
  countErased(range: ResolvedRange): number {
    const kept = (id: string) => {
      const key = fromHex(id)!;
      return keptOf(winners(this.#own(key, this.#seq)), horizonOf(this.horizons, id)).length;
    };
    return this.#keysIn(range).reduce((sum, id) => sum + kept(id), 0);
  }

  /** What `watch` yields: each batch after a seq, without what lies outside the range, where anything is left of it. */
  feed(range: ResolvedRange, afterSeq: number): ModelBatch[] {
    return this.#batches
      .map((batch) => {
        const items = batch.filter(({ seq }) => seq > afterSeq).flatMap((operation) => within(operation, range));
        return { seq: batch.at(-1)!.seq, items };
      })
      .filter(({ items }) => items.length > 0);
  }

  /**
   * Every version of `key` there is at `atSeq`, newest first. Below the key's horizon there is but the newest, and not that
   * where it says no more than nothing would. A deleted range is one of those of a key that has a version of its own.
   */
  versions(
    key: Uint8Array,
    atSeq: number = Number.POSITIVE_INFINITY,
    horizons: ModelHorizons = this.horizons,
  ): ModelVersion[] {
    const horizon = horizonOf(horizons, toHex(key));
    const own = this.#own(key, atSeq);
    if (keptOf(winners(own), horizon).length === 0) return [];
    return keptOf(this.entries(key, atSeq), horizon);
  }

  /** What was ever written, with deleted ranges whether or not anything was written to the key: for conditions. */
  entries(key: Uint8Array, atSeq: number = Number.POSITIVE_INFINITY): ModelVersion[] {
    const own = this.#own(key, atSeq);
    const deletes = this.#ranges
      .filter(({ seq, range }) => seq <= atSeq && isWithin(key, range))
      .map(({ timestamp, seq }) => ({ op: "delete", key, timestamp, seq }) as const);
    return winners(deletes.length === 0 ? own : [...own, ...deletes].sort((a, b) => a.seq - b.seq));
  }

  /** The version with the greatest timestamp, not above `asOf` where that is given; a tombstone or expired one too. */
  newest(key: Uint8Array, { asOf, atSeq, horizons }: Omit<ModelView, "now">): ModelVersion | undefined {
    this.#checkHorizon(horizonOf(horizons ?? this.horizons, toHex(key)), asOf);
    return this.versions(key, atSeq, horizons).find((version) => asOf === undefined || version.timestamp <= asOf);
  }

  /** The newest version, unless it is a tombstone, or reads as one at the moment of the view. */
  get(key: Uint8Array, view: ModelView): ModelEntry | undefined {
    const version = this.newest(key, view);
    if (version === undefined || version.op === "delete") return undefined;
    const moment = view.asOf ?? view.now;
    return version.expiresAt !== undefined && version.expiresAt <= moment ? undefined : version;
  }

  /**
   * For each key of the range, in byte order, what `get` returns, or with `includeDeleted` what `newest` returns; keys
   * for which that is nothing are left out.
   */
  scan(range: ResolvedRange, options: ModelScan): ModelVersion[] {
    this.#checkHorizon(greatestHorizon(options.horizons ?? this.horizons, range), options.asOf);
    const ids = this.#keysIn(range);
    if (options.reverse === true) ids.reverse();
    const visible = (key: Uint8Array): ModelVersion | undefined =>
      options.includeDeleted === true ? this.newest(key, options) : this.get(key, options);
    const versions = ids.map((id) => visible(fromHex(id)!)).filter((version) => version !== undefined);
    return versions.slice(0, options.limit);
  }

  /** Of the keys with a prefix, in hexadecimal: the versions that would not show by other horizons, and their bytes. */
  trimmedBy(prefix: string, horizons: ModelHorizons): { versions: number; bytes: number } {
    const keys = [...this.#operations.keys()].filter((id) => id.startsWith(prefix)).map((id) => fromHex(id)!);
    const gone = keys.flatMap((key) => {
      const own = winners(this.#own(key, Number.POSITIVE_INFINITY));
      const kept = new Set(keptOf(own, horizonOf(horizons, toHex(key))));
      return keptOf(own, horizonOf(this.horizons, toHex(key))).filter((version) => !kept.has(version));
    });
    const bytes = gone.reduce(
      (sum, version) => sum + version.key.length + (version.op === "put" ? version.value.length : 0),
      0,
    );
    return { versions: gone.length, bytes };
  }

  /** For each key of the range for which another version is visible at `to` than at `from`: the two, in byte order. */
  diff(range: ResolvedRange, options: ModelDiff): { before: ModelEntry | undefined; after: ModelEntry | undefined }[] {
    const { from, to, atSeq, horizons } = options;
    this.#checkHorizon(greatestHorizon(horizons ?? this.horizons, range), from);
    const keys = this.#keysIn(range).map((id) => fromHex(id)!);
    return keys
      .map((key) => ({
        before: this.get(key, { asOf: from, now: from, atSeq, horizons }),
        after: this.get(key, { asOf: to, now: to, atSeq, horizons }),
      }))
      .filter(({ before, after }) => before !== after && before?.seq !== after?.seq)
      .slice(0, options.limit);
  }

  /**
   * The versions with `from` ≤ timestamp ≤ `to`, newest first. It lists what was written: tombstones are there, and
   * a value whose expiry has passed is listed as the value that it was, with its `expiresAt`.
   */
  history(key: Uint8Array, options: ModelHistory = {}): ModelVersion[] {
    const { from = 0, to = Number.POSITIVE_INFINITY, atSeq, horizons } = options;
    this.#checkHorizon(horizonOf(horizons ?? this.horizons, toHex(key)), to);
    const versions = this.versions(key, atSeq, horizons).filter(
      ({ timestamp }) => timestamp >= from && timestamp <= to,
    );
    if (options.reverse === true) versions.reverse();
    return versions.slice(0, options.limit);
  }

  /**
   * What makes the range look as it did at `to`, still without timestamps, and the greatest timestamp after `to` that any of
   * its keys has: they all have to be above it.
   */
  restore(range: ResolvedRange, { to, now }: ModelRestore): { operations: UntimedOperation[]; newest: number } {
    const moment = Math.max(now, to);
    const keys = this.#keysIn(range).map((id) => fromHex(id)!);
    const operations = keys.flatMap((key): UntimedOperation[] => {
      const then = this.get(key, { asOf: to, now: to });
      if (then?.seq === this.get(key, { now: moment })?.seq) return [];
      if (then === undefined) return [{ op: "delete", key }];
      const { value, expiresAt } = then;
      // What has expired since has the time again that it had left.
      const expired = expiresAt !== undefined && expiresAt <= moment;
      return [{ op: "put", key, value, expiresAt: expired ? restoredExpiry(expiresAt, to, moment) : expiresAt }];
    });
    const newest = Math.max(0, ...keys.map((key) => this.newest(key, {})?.timestamp ?? 0).filter((time) => time > to));
    return { operations, newest };
  }

  #checkHorizon(horizon: number, moment: number | undefined): void {
    if (moment !== undefined && moment < horizon) throw trimmed(horizon);
  }

  /** The numbers of each step of time that has any, oldest first: which values count, and where each step begins. */
  aggregate(key: Uint8Array, options: ModelAggregate): Bucket[] {
    const { step, from, to, atSeq, limit, horizons } = options;
    const values = this.history(key, { from, to, atSeq, horizons, reverse: true }).filter(
      (version) => version.op === "put",
    );
    const starts = new Set(values.map(({ timestamp }) => Math.floor(timestamp / step) * step));
    const buckets = [...starts].map((start) => {
      const inside = values.filter(({ timestamp }) => timestamp >= start && timestamp < start + step);
      const numbers = inside.map(({ value }) => modelNumber(value)).filter((number) => number !== undefined);
      return {
        timestamp: start,
        count: numbers.length,
        skipped: inside.length - numbers.length,
        first: numbers[0]!,
        last: numbers.at(-1)!,
        min: Math.min(...numbers),
        max: Math.max(...numbers),
        mean: numbers.reduce((sum, number) => sum + number, 0) / numbers.length,
      };
    });
    return buckets.filter(({ count }) => count > 0).slice(0, limit);
  }

  /** The operations on a key alone, lowest seq first. */
  #own(key: Uint8Array, atSeq: number): CommittedOperation[] {
    return (this.#operations.get(toHex(key)) ?? []).filter(({ seq }) => seq <= atSeq);
  }

  /** The hexadecimal keys of a range, in order. */
  #keysIn(range: ResolvedRange): string[] {
    const start = toHex(range.start);
    const end = range.end === undefined ? undefined : toHex(range.end);
    return [...this.#operations.keys()].filter((id) => id >= start && (end === undefined || id < end)).sort();
  }
}

function restoredExpiry(expiresAt: number, to: number, now: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, now + expiresAt - to);
}

/**
 * For one timestamp the operation with the highest seq is the only one that counts, and where that is a retract there is
 * no version. Newest first.
 * @param operations lowest seq first
 */
function winners(operations: readonly CommittedOperation[]): ModelVersion[] {
  const byTimestamp = new Map(operations.map((operation) => [operation.timestamp, operation]));
  return [...byTimestamp.values()].filter(isVersion).sort((a, b) => b.timestamp - a.timestamp);
}

function isWithin(key: Uint8Array, { start, end }: ResolvedRange): boolean {
  return compareBytes(key, start) >= 0 && (end === undefined || compareBytes(key, end) < 0);
}

/** The operation as far as it lies in the range. */
function within(operation: FedOperation, { start, end }: ResolvedRange): FedOperation[] {
  if (operation.op !== "deleteRange" && operation.op !== "restored")
    return isWithin(operation.key, { start, end }) ? [operation] : [];
  const deleted = operation.range;
  const first = [start, deleted.start].sort(compareBytes)[1]!;
  const last = [end, deleted.end].filter((bound) => bound !== undefined).sort(compareBytes)[0];
  if (last !== undefined && compareBytes(first, last) >= 0) return [];
  return [{ ...operation, range: { start: first, end: last } }];
}

/** A deleted range after an erasure: a bound of it that lies in what is erased moves to where that ends. */
function outside(deleted: CommittedRange, erased: ResolvedRange): CommittedRange[] {
  const { range } = deleted;
  if (isEmpty(range)) return [deleted];
  const start = isWithin(range.start, erased) ? erased.end : range.start;
  const end = range.end !== undefined && isWithin(range.end, erased) ? erased.start : range.end;
  if (start === undefined || isEmpty({ start, end })) return [];
  return [{ ...deleted, range: { start, end } }];
}

function isEmpty({ start, end }: ResolvedRange): boolean {
  return end !== undefined && compareBytes(start, end) >= 0;
}

/** Whether an operation is one on the key, by itself or with the range that it is in. */
export function writesTo(operation: ModelOperation, key: Uint8Array): boolean {
  return operation.op === "deleteRange" ? isWithin(key, operation.range) : equalBytes(operation.key, key);
}

/** Of versions, newest first, those that are kept: below the horizon the newest, where that says anything. */
function keptOf(versions: readonly ModelVersion[], horizon: number): ModelVersion[] {
  const kept = versions.filter(({ timestamp }) => timestamp >= horizon);
  const newest = versions[kept.length];
  return newest === undefined || isSpent(newest, horizon) ? kept : [...kept, newest];
}

/** What is refused below a horizon. */
export function trimmed(horizon: number): KvtsError {
  const message = `history before ${horizon} is not kept; ask for what there was then or later`;
  return new KvtsError("HISTORY_TRIMMED", message, { details: { oldestReadable: horizon } });
}

function isSpent(version: ModelVersion, horizon: number): boolean {
  return version.op === "delete" || (version.expiresAt !== undefined && version.expiresAt < horizon);
}

/** JSON knows which texts are numbers. */
function modelNumber(value: Uint8Array): number | undefined {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value));
    return typeof parsed === "number" && Number.isFinite(parsed) ? parsed + 0 : undefined;
  } catch {
    return undefined;
  }
}

function isVersion(operation: CommittedOperation): operation is ModelVersion {
  return operation.op !== "retract";
}

/** Whether two answers are the same version: kind, key, value, timestamp, seq and expiry. */
export function sameVersion(a: ModelVersion | undefined, b: ModelVersion | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.op !== b.op || a.timestamp !== b.timestamp || a.seq !== b.seq || !equalBytes(a.key, b.key)) return false;
  return a.op === "delete" || b.op === "delete" || (equalBytes(a.value, b.value) && a.expiresAt === b.expiresAt);
}
