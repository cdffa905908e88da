import { compareBytes, equalBytes, fromHex, invariant, type ResolvedRange, toHex } from "@kvts/common";

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
type CommittedRange = Extract<ModelOperation, { op: "deleteRange" }> & { readonly seq: number };

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
}

export interface ModelHistory {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly reverse?: boolean | undefined;
  readonly limit?: number | undefined;
  readonly atSeq?: number | undefined;
}

/**
 * What every other implementation is compared with: the list of committed operations, and docs/semantics.md said over
 * it as plainly as possible. Operations are filed by key, in commit order; nothing else is kept, and nothing is cached.
 */
export class Model {
  /** Hexadecimal key, which sorts as the bytes do → that key's operations, lowest seq first. */
  readonly #operations: Map<string, CommittedOperation[]> = new Map();
  /** Deleted ranges, lowest seq first. */
  readonly #ranges: CommittedRange[] = [];
  #seq = 0;

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

  /** Commits a batch, whose operations get consecutive seqs; the last of them gets `seq`, by default the next free one. */
  commit(operations: readonly ModelOperation[], seq: number = this.#seq + operations.length): void {
    invariant(seq - operations.length >= this.#seq, `seqs grow: ${operations.length} up to ${seq} after ${this.#seq}`);
    operations.forEach((operation, index) => {
      const own = seq - operations.length + 1 + index;
      if (operation.op === "deleteRange") {
        this.#ranges.push({ ...operation, seq: own });
        return;
      }
      const id = toHex(operation.key);
      const filed = this.#operations.get(id) ?? [];
      filed.push({ ...operation, seq: own });
      this.#operations.set(id, filed);
    });
    this.#seq = seq;
  }

  /**
   * Every version of `key` there is at `atSeq`, newest first. A deleted range is one of those of a key that has a version
   * of its own besides.
   */
  versions(key: Uint8Array, atSeq: number = Number.POSITIVE_INFINITY): ModelVersion[] {
    const own = (this.#operations.get(toHex(key)) ?? []).filter(({ seq }) => seq <= atSeq);
    const versions = winners(own);
    return versions.length === 0 || this.#ranges.length === 0 ? versions : this.entries(key, atSeq);
  }

  /** The same, with deleted ranges whether or not anything was ever written to the key: what conditions are judged by. */
  entries(key: Uint8Array, atSeq: number = Number.POSITIVE_INFINITY): ModelVersion[] {
    const own = (this.#operations.get(toHex(key)) ?? []).filter(({ seq }) => seq <= atSeq);
    const deletes = this.#ranges
      .filter(({ seq, range }) => seq <= atSeq && isWithin(key, range))
      .map(({ timestamp, seq }) => ({ op: "delete", key, timestamp, seq }) as const);
    return winners(deletes.length === 0 ? own : [...own, ...deletes].sort((a, b) => a.seq - b.seq));
  }

  /** The version with the greatest timestamp, not above `asOf` where that is given; a tombstone or expired one too. */
  newest(key: Uint8Array, { asOf, atSeq }: Omit<ModelView, "now">): ModelVersion | undefined {
    return this.versions(key, atSeq).find((version) => asOf === undefined || version.timestamp <= asOf);
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
    const ids = this.#keysIn(range);
    if (options.reverse === true) ids.reverse();
    const visible = (key: Uint8Array): ModelVersion | undefined =>
      options.includeDeleted === true ? this.newest(key, options) : this.get(key, options);
    const versions = ids.map((id) => visible(fromHex(id)!)).filter((version) => version !== undefined);
    return versions.slice(0, options.limit);
  }

  /** For each key of the range for which another version is visible at `to` than at `from`: the two, in byte order. */
  diff(range: ResolvedRange, options: ModelDiff): { before: ModelEntry | undefined; after: ModelEntry | undefined }[] {
    const { from, to, atSeq } = options;
    const keys = this.#keysIn(range).map((id) => fromHex(id)!);
    return keys
      .map((key) => ({
        before: this.get(key, { asOf: from, now: from, atSeq }),
        after: this.get(key, { asOf: to, now: to, atSeq }),
      }))
      .filter(({ before, after }) => before !== after && before?.seq !== after?.seq)
      .slice(0, options.limit);
  }

  /**
   * The versions with `from` ≤ timestamp ≤ `to`, newest first. It lists what was written: tombstones are there, and
   * a value whose expiry has passed is listed as the value that it was, with its `expiresAt`.
   */
  history(key: Uint8Array, options: ModelHistory = {}): ModelVersion[] {
    const { from = 0, to = Number.POSITIVE_INFINITY } = options;
    const versions = this.versions(key, options.atSeq).filter(({ timestamp }) => timestamp >= from && timestamp <= to);
    if (options.reverse === true) versions.reverse();
    return versions.slice(0, options.limit);
  }

  /** The hexadecimal keys of a range, in order. */
  #keysIn(range: ResolvedRange): string[] {
    const start = toHex(range.start);
    const end = range.end === undefined ? undefined : toHex(range.end);
    return [...this.#operations.keys()].filter((id) => id >= start && (end === undefined || id < end)).sort();
  }
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

/** Whether an operation is one on the key, by itself or with the range that it is in. */
export function writesTo(operation: ModelOperation, key: Uint8Array): boolean {
  return operation.op === "deleteRange" ? isWithin(key, operation.range) : equalBytes(operation.key, key);
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
