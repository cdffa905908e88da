import type { ResolvedRange } from "./range.ts";
import type { TimeInput } from "./time.ts";
import type { TypedStore, TypedViewOptions } from "./typed/typed-store.ts";
import type { CheckpointReport, VerifyOptions, VerifyReport } from "./upkeep.ts";

/** A key or a value as callers hand it in: a string is taken as UTF-8, bytes are taken as they are. */
export type BytesInput = string | Uint8Array;

/** The form in which a store gives keys back: strings unless it was opened, or viewed, with `keys: "bytes"`. */
export type Key = string | Uint8Array;

/** Keys that share `prefix`, or keys from `start` (inclusive) to `end` (exclusive); never both. `{}` is every key. */
export type Range =
  | { readonly prefix?: BytesInput; readonly start?: undefined; readonly end?: undefined }
  | { readonly prefix?: undefined; readonly start?: BytesInput | undefined; readonly end?: BytesInput | undefined };

/** A value, and the moment from which it holds. */
export interface Entry<K extends Key = string> {
  readonly key: K;
  /** The bytes, owned by the caller. */
  readonly value: Uint8Array;
  /** Microseconds since the Unix epoch: from here on the value holds. */
  readonly timestamp: number;
  /** Commit order; never reused, so it serves as an ETag. */
  readonly seq: number;
  /** Microseconds since the Unix epoch from which the value reads as deleted. */
  readonly expiresAt?: number;
  readonly deleted?: undefined;
  /** The value as UTF-8 text. */
  text(): string;
  /** The value parsed as JSON. */
  json<T = unknown>(): T;
}

/** A moment from which the key holds nothing. */
export interface Tombstone<K extends Key = string> {
  readonly key: K;
  readonly timestamp: number;
  readonly seq: number;
  readonly deleted: true;
}

/** One element of a key's history. */
export type Version<K extends Key = string> = Entry<K> | Tombstone<K>;

/** What every acknowledged write returns. */
export interface WriteResult {
  /**
   * Microseconds since the Unix epoch: the one given, or the one assigned. Of a batch, the one assigned to the
   * operations without a timestamp; where all of them have one, the last operation's.
   */
  readonly timestamp: number;
  /** Of a batch, the last operation's. */
  readonly seq: number;
}

/** What every call accepts: `signal` abandons it, `timeoutMs` fails it with `DEADLINE_EXCEEDED`. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}

export interface GetOptions extends CallOptions {
  /** The moment to read at, inclusive; without it, the newest version (not "as of now"). */
  readonly asOf?: TimeInput | undefined;
}

export interface ScanOptions extends GetOptions {
  readonly reverse?: boolean | undefined;
  readonly limit?: number | undefined;
  /**
   * Also lists keys whose visible version is a tombstone, as that tombstone, or an expired value, as that value: every
   * key that has a version (at `asOf`), which is what a complete copy of a store needs.
   */
  readonly includeDeleted?: boolean | undefined;
}

export interface DiffOptions extends CallOptions {
  /** The moments to compare, `from` no later than `to`. */
  readonly from: TimeInput;
  readonly to: TimeInput;
  readonly limit?: number | undefined;
}

/** A key for which another version is visible at one moment than at an earlier one; its value may be the same. */
export type Change<K extends Key = string> =
  | { readonly key: K; readonly kind: "added"; readonly before?: undefined; readonly after: Entry<K> }
  | { readonly key: K; readonly kind: "changed"; readonly before: Entry<K>; readonly after: Entry<K> }
  | { readonly key: K; readonly kind: "removed"; readonly before: Entry<K>; readonly after?: undefined };

/** Options with which a scan yields entries alone. */
export type LiveScanOptions = ScanOptions & { readonly includeDeleted?: false | undefined };

export interface HistoryOptions extends CallOptions {
  /** Oldest and newest timestamp wanted, both inclusive. */
  readonly from?: TimeInput | undefined;
  readonly to?: TimeInput | undefined;
  /** Oldest first instead of newest first. */
  readonly reverse?: boolean | undefined;
  readonly limit?: number | undefined;
}

export interface AggregateOptions extends CallOptions {
  /**
   * How long each bucket is: a duration such as `1h`, or a whole number of microseconds. Buckets begin at whole multiples
   * of it since the Unix epoch.
   */
  readonly step: string | number;
  /** Oldest and newest timestamp that counts, both inclusive. */
  readonly from?: TimeInput | undefined;
  readonly to?: TimeInput | undefined;
  /** The most buckets wanted. */
  readonly limit?: number | undefined;
}

/** The numbers among the values that were written to a key with a timestamp from some moment on, for a step. */
export interface Bucket {
  /** Microseconds since the Unix epoch: where it begins, inclusive. It ends before the next multiple of the step. */
  readonly timestamp: number;
  /** How many numbers there are; at least 1. */
  readonly count: number;
  /** How many values there are that are no numbers, and count for nothing. */
  readonly skipped: number;
  /** The number with the least timestamp, and the one with the greatest. */
  readonly first: number;
  readonly last: number;
  readonly min: number;
  readonly max: number;
  /** Of the numbers, each counting the same however long it held. */
  readonly mean: number;
}

/**
 * What has to hold of a key's newest version for a write to be carried out; one of the three. A tombstone, or a value that
 * has expired, counts as absent.
 */
export type Condition =
  | { readonly ifAbsent: true; readonly ifSeq?: undefined; readonly ifTimestamp?: undefined }
  | { readonly ifSeq: number; readonly ifAbsent?: false | undefined; readonly ifTimestamp?: undefined }
  | { readonly ifTimestamp: TimeInput; readonly ifAbsent?: false | undefined; readonly ifSeq?: undefined };

/** A condition on some key. */
export type Precondition = Condition & { readonly key: BytesInput };

/** What every write accepts. */
export interface AnyWriteOptions extends CallOptions {
  /**
   * Names this write, 1 … 128 bytes of UTF-8. A write with the same id and content within ten minutes is not carried out
   * again: it gets the answer of the first.
   */
  readonly requestId?: string | undefined;
}

/** Of these conditions on the key, a write of one operation takes one at most. Unless it holds, the write is `CONFLICT`. */
export interface ConditionOptions {
  /** The key holds nothing. */
  readonly ifAbsent?: boolean | undefined;
  /** The key's newest version is the value that was committed at this seq. */
  readonly ifSeq?: number | undefined;
  /** The key's newest version is a value with this timestamp. */
  readonly ifTimestamp?: TimeInput | undefined;
}

export interface WriteOptions extends AnyWriteOptions {
  /** All of them have to hold, or the write is `CONFLICT`. At most 10,000. */
  readonly preconditions?: readonly Precondition[] | undefined;
}

export interface DeleteOptions extends AnyWriteOptions, ConditionOptions {
  /** The moment from which the key holds nothing; assigned when omitted. */
  readonly timestamp?: TimeInput | undefined;
}

/** What `deleteRange` accepts. */
export interface DeleteRangeOptions extends AnyWriteOptions {
  /** The moment from which the keys hold nothing; assigned when omitted. */
  readonly timestamp?: TimeInput | undefined;
}

/** What `retract` accepts besides the timestamp. A condition is judged as for every other write: by the key's newest version. */
export interface RetractOptions extends AnyWriteOptions, ConditionOptions {}

export interface PutOptions extends AnyWriteOptions, ConditionOptions {
  /** The moment from which the value holds; assigned when omitted. */
  readonly timestamp?: TimeInput | undefined;
  /** The moment from which it reads as deleted; later than `timestamp`. */
  readonly expiresAt?: TimeInput | undefined;
}

/** What is erased: a range, `{}` being every key, or one key. */
export type EraseTarget = Range | { readonly key: BytesInput };

/** What an erasure is at: making it show, writing out memory, tables, the log, and files that somebody still reads. */
export type ErasePhase = "hiding" | "memory" | "tables" | "log" | "files";

/** How far an erasure has come. */
export interface EraseProgress {
  readonly phase: ErasePhase;
  /** Bytes of the tables that hold something erased: all of them, and those that have been seen to. */
  readonly bytesTotal: number;
  readonly bytesDone: number;
}

export interface EraseOptions extends CallOptions {
  /** Changes nothing, and counts what would go. */
  readonly dryRun?: boolean | undefined;
  /** Called when a phase begins and when a table is done; clients of a server learn of some of it. */
  readonly onProgress?: ((progress: EraseProgress) => void) | undefined;
  /** Called once no read shows a version of the keys with a lower seq, and none ever will: a crash changes nothing. */
  readonly onHidden?: ((seq: number) => void) | undefined;
}

/** What has been erased. Erasures that overlap in time are carried out together, and each counts what all of them did. */
export interface EraseResult {
  /** Every version of the keys with a lower seq is gone; with `dryRun` those are counted. */
  readonly seq: number;
  /** Versions that were removed from memory and tables; with `dryRun` those that can be read, deleted ranges apart. */
  readonly removed: number;
  /** Tables that were written anew without them, or removed, and their bytes. */
  readonly tablesRewritten: number;
  readonly bytesRewritten: number;
  /** Names of files that were set aside in `lost/` before: they are not looked into, and may hold what is erased. */
  readonly setAside: readonly string[];
  /**
   * Names of the checkpoints that a server keeps: stores of their own, that may hold what is erased. The embedded engine
   * does not know of its checkpoints, and has none here.
   */
  readonly checkpoints: readonly string[];
}

export interface RestoreOptions extends CallOptions {
  /** Only tells what would be done. */
  readonly dryRun?: boolean | undefined;
}

/** What a restore did, or with `dryRun` would do at this moment. */
export interface RestoreResult<K extends Key = string> {
  /** The moment that it went back to, in microseconds. */
  readonly to: number;
  /** Keys that have a value again, or another one. */
  readonly restored: number;
  /** Keys that hold nothing any more. */
  readonly deleted: number;
  /** Of those keys and values. */
  readonly bytes: number;
  /** Of all that was written, in microseconds; left out where there was nothing to write. */
  readonly timestamp?: number;
  /** The last that was written. */
  readonly seq?: number;
  /**
   * With `dryRun` the first keys that would change, ten at most, and fewer where they are large: `before` what they hold,
   * `after` what they held at `to`.
   */
  readonly sample?: readonly Change<K>[];
}

/** One part of an atomic `write`. Later operations win over earlier ones on the same key and timestamp. */
export type Operation =
  | {
      readonly op: "put";
      readonly key: BytesInput;
      readonly value: BytesInput;
      readonly timestamp?: TimeInput | undefined;
      readonly expiresAt?: TimeInput | undefined;
    }
  | { readonly op: "delete"; readonly key: BytesInput; readonly timestamp?: TimeInput | undefined }
  | { readonly op: "retract"; readonly key: BytesInput; readonly timestamp: TimeInput }
  | ({ readonly op: "deleteRange"; readonly timestamp?: TimeInput | undefined } & Range);

/** What a watch accepts. */
export interface WatchOptions extends CallOptions {
  /**
   * Batches after this seq: the last event's, to go on behind it. Without it, those from now on. With `initial`, the
   * state at this seq comes first, where that can still be read.
   */
  readonly afterSeq?: number | undefined;
  /** First the state of the range at one seq, in pages, then every batch after it. */
  readonly initial?: boolean | undefined;
  /**
   * Also events without items: the first at once, then now and then while nothing happens in the range. They say from
   * where a later watch may go on, and that there is nothing before it.
   */
  readonly progress?: boolean | undefined;
  /** Whose seq `afterSeq` is, as `stats` tells: another store's, or that of a time before a repair, is refused. */
  readonly incarnation?: string | undefined;
}

/** What was taken back at a timestamp of a key: what held before it holds on. */
export interface Retraction<K extends Key = string> {
  readonly op: "retract";
  readonly key: K;
  readonly timestamp: number;
  readonly seq: number;
}

/** The deletion of every key that could be in a range, those written later at an earlier timestamp included. */
export interface DeletedRange {
  readonly op: "deleteRange";
  /** What of it lies in the watched range. Bytes in every store: where a range ends need not be text. */
  readonly range: ResolvedRange;
  readonly timestamp: number;
  readonly seq: number;
}

/** A restore too large for one batch: the keys of a range look as they did at a moment. What it wrote is not told. */
export interface RestoredRange {
  readonly op: "restored";
  /** What of it lies in the watched range. Bytes in every store: where a range ends need not be text. */
  readonly range: ResolvedRange;
  /** The moment that was gone back to, microseconds. */
  readonly to: number;
  /** Of all that it wrote: what was there before can be read just below it. */
  readonly timestamp: number;
  readonly seq: number;
}

/** One operation of a batch: a put or a delete as the version that it made, others by their `op`. */
export type FeedItem<K extends Key = string> =
  | (Version<K> & { readonly op?: undefined })
  | Retraction<K>
  | DeletedRange
  | RestoredRange;

/** What a watch yields: one batch, whole, as far as it lies in the range. */
export interface WatchEvent<K extends Key = string> {
  /** Everything in the range up to here has come: a watch that is to go on after this event begins after this seq. */
  readonly seq: number;
  /** In the order of their seqs; of a page of the initial state, in the order of the keys. */
  readonly items: readonly FeedItem<K>[];
  /** A page of the state at `seq`. */
  readonly initial?: true;
  /** Another part of the same batch, or another page of the same state, follows. */
  readonly more?: true;
}

/** How long history is kept: a duration such as "30d", or whole microseconds; `null` for ever. */
export type KeepFor = string | number | null;

/** How long the history of the keys with a prefix is kept, as far as no longer prefix has a policy of its own. */
export interface RetentionPolicy<K extends Key = string> {
  readonly prefix: K;
  /** A duration such as "30d"; `null` for ever. */
  readonly keepFor: string | null;
  /**
   * Microseconds since the Unix epoch: how far history is cut, 0 where it is not. Versions from here on are all there, and
   * the newest below.
   */
  readonly horizon: number;
}

export interface RetentionOptions extends CallOptions {
  /** Changes nothing, and counts what would go. */
  readonly dryRun?: boolean | undefined;
}

/** What became of a change of retention, or with `dryRun` would. */
export interface RetentionResult {
  /** Of the prefix, microseconds since the Unix epoch; see {@link RetentionPolicy}. */
  readonly horizon: number;
  /** With `dryRun` alone: the versions that would go, of all keys of the prefix, and the bytes of their keys and values. */
  readonly trimmed?: { readonly versions: number; readonly bytes: number };
}

/** A lazy sequence that reads as it is consumed. Iterate it, or take it in pieces; `close` frees what it holds. */
export interface Entries<T> extends AsyncIterable<T>, AsyncDisposable {
  /** The next `count` items at most; empty at the end. */
  nextv(count: number): Promise<T[]>;
  /** Everything that is left. */
  toArray(): Promise<T[]>;
  close(): Promise<void>;
}

/** What can be read, from a store or from a view of one. Absent keys are `undefined`, not an error. */
export interface Reader<K extends Key = string> {
  get(key: BytesInput, options?: GetOptions): Promise<Entry<K> | undefined>;
  /** One answer a key, in the order asked, all at the same seq. */
  getMany(keys: readonly BytesInput[], options?: GetOptions): Promise<(Entry<K> | undefined)[]>;
  /** Each key's visible entry, in byte order of the keys; deleted keys are left out unless `includeDeleted`. */
  scan(range?: Range, options?: LiveScanOptions): Entries<Entry<K>>;
  scan(range: Range | undefined, options: ScanOptions): Entries<Version<K>>;
  /** Every version of one key, tombstones included, newest first; that of a deleted range where the key has another one. */
  history(key: BytesInput, options?: HistoryOptions): Entries<Version<K>>;
  /**
   * A key's history in numbers, for plotting it without reading every version: the numbers of each step of time, oldest
   * first. Steps without numbers are left out.
   */
  aggregate(key: BytesInput, options: AggregateOptions): Entries<Bucket>;
  /** What became of the keys of a range between two moments, in byte order of the keys. */
  diff(range: Range | undefined, options: DiffOptions): Entries<Change<K>>;
  /**
   * The same reads as of a moment: all of them, and nothing later. It holds nothing back, and backdated writes show in
   * it; a snapshot is fixed in the order of commits instead.
   * @throws INVALID_ARGUMENT for what is no time
   */
  at(moment: TimeInput): Reader<K>;
}

export interface ViewOptions<K extends "string" | "bytes" = "string" | "bytes"> {
  /** The form in which keys are given back. */
  readonly keys: K;
}

/** The key type that a `keys` setting stands for. */
export type KeyOf<K extends "string" | "bytes"> = K extends "bytes" ? Uint8Array : string;

/** Figures about a store, nested by subject; names carry their units. The subjects depend on the kind of store. */
export interface StoreStats {
  /** Seq of the newest visible commit. */
  readonly seq: number;
  /** Renewed by repair and by restoring a backup. */
  readonly incarnation: string;
  readonly [subject: string]: StatValue;
}
export type StatValue = string | number | boolean | readonly StatValue[] | { readonly [name: string]: StatValue };

export interface SnapshotOptions extends CallOptions {
  /** The seq to be fixed at; the newest when left out. */
  readonly seq?: number | undefined;
}

/**
 * A view fixed at a seq: later commits, backdated ones too, are invisible to it. Dispose of it soon: it holds bytes back.
 * One of a server is a lease that the client renews for as long as it is open. Where that failed for too long, as after the
 * machine slept, reads fail with SNAPSHOT_EXPIRED.
 */
export interface Snapshot<K extends Key = string> extends Reader<K>, AsyncDisposable {
  readonly seq: number;
  /** Gives it up; further reads fail with CLOSED. */
  close(): Promise<void>;
}

/** A key-value-timestamp store: the embedded engine, a client of a server, or a replicated store. */
export interface Store<K extends Key = string> extends Reader<K>, AsyncDisposable {
  put(key: BytesInput, value: BytesInput, options?: PutOptions): Promise<WriteResult>;
  delete(key: BytesInput, options?: DeleteOptions): Promise<WriteResult>;
  /**
   * A `delete` of every key that could be in the range, in one step whatever their number: those written later at an
   * earlier timestamp read as deleted too, those at a later one do not. `{}` is every key. To take it back for one key,
   * `retract` that key at the timestamp.
   */
  deleteRange(range: Range, options?: DeleteRangeOptions): Promise<WriteResult>;
  /**
   * Takes back what was written to the key at exactly this timestamp, a value or a tombstone; what held before it holds
   * on. It succeeds where nothing was written, and does not keep later writes away from that timestamp.
   */
  retract(key: BytesInput, timestamp: TimeInput, options?: RetractOptions): Promise<WriteResult>;
  /** All or nothing. Operations without a timestamp share one; the result's seq is the last operation's. */
  write(operations: readonly Operation[], options?: WriteOptions): Promise<WriteResult>;
  /**
   * Every batch that changes something in the range, in the order of commits, once it is on disk: none is left out, none
   * comes in part without saying so. It has no end; leave the loop, close it, or abort it.
   * @throws FEED_TRIMMED, with `oldestSeq`, where what follows `afterSeq` is not kept any more; OVERLOADED, with `lastSeq`,
   *   where the reader has fallen behind that far
   */
  watch(range?: Range, options?: WatchOptions): Entries<WatchEvent<K>>;
  /**
   * A view at the newest seq, or at an earlier one. To be awaited: servers have to be asked, the embedded engine answers
   * at once.
   * @throws CURSOR_EXPIRED where `seq` is no longer readable; OVERLOADED where a server has too many of them open
   */
  snapshot(options?: SnapshotOptions): Snapshot<K> | Promise<Snapshot<K>>;
  /**
   * Makes the range look as it did at `to`, with new writes at one timestamp above every version of the keys that have
   * changed: it changes no history, and another restore, to just before that timestamp, undoes it. `{}` is every key. A
   * client sends it once, and waits five minutes for it where no `timeoutMs` is given: it may rewrite much.
   * @throws HISTORY_TRIMMED where `to` lies below a horizon
   */
  restore(range: Range, to: TimeInput, options?: RestoreOptions): Promise<RestoreResult<K>>;
  /**
   * Erases everything that has been written to the keys of a range, or to one key, at every timestamp: no read shows it any
   * more, snapshots included, and when this resolves its bytes are in no file of the store. What is written later stays,
   * backdated or not. `signal` and `timeoutMs` end the waiting; what is hidden by then stays so, and its bytes go. A client
   * sends it once, and waits for as long as it takes where no `timeoutMs` is given.
   * @throws NO_SPACE, what the store refuses writes with: nothing has happened. CLOSED, CORRUPTION, CANCELLED: it is hidden
   *   if it had come so far
   */
  erase(target: EraseTarget, options?: EraseOptions): Promise<EraseResult>;
  /**
   * Sets how long the history of the keys with `prefix` is kept. The longest matching prefix decides; `null` keeps it for
   * ever, inside a shorter prefix that does not, too. What is older shows no more from now on, current values stay, and
   * nothing can be written to the time before. What is cut stays cut whatever is set later.
   */
  setRetention(prefix: BytesInput, keepFor: KeepFor, options?: RetentionOptions): Promise<RetentionResult>;
  /** Takes the policy of exactly this prefix away, so that the next shorter one holds. It succeeds where there is none. */
  deleteRetention(prefix: BytesInput, options?: RetentionOptions): Promise<RetentionResult>;
  /** All policies, in byte order of their prefixes. */
  listRetention(options?: CallOptions): Promise<RetentionPolicy<K>[]>;
  stats(options?: CallOptions): Promise<StoreStats>;
  /** The same store seen with other settings. Closing a view does nothing; close the store itself. */
  with<V extends "string" | "bytes">(options: ViewOptions<V>): Store<KeyOf<V>>;
  /** The same store seen through types of values, of keys, or both. */
  with<In = BytesInput, Out = Uint8Array, Name = string, Prefix = Name>(
    options: TypedViewOptions<Name, Prefix, In, Out>,
  ): TypedStore<Name, Prefix, In, Out>;
  close(): Promise<void>;
}

/** What a server needs of the store that it serves, beyond what every store can do. */
export interface HostedStore<K extends Key = string> extends Store<K> {
  /** At once. */
  snapshot(options?: SnapshotOptions): Snapshot<K>;
  with<V extends "string" | "bytes">(options: ViewOptions<V>): HostedStore<KeyOf<V>>;
  with<In = BytesInput, Out = Uint8Array, Name = string, Prefix = Name>(
    options: TypedViewOptions<Name, Prefix, In, Out>,
  ): TypedStore<Name, Prefix, In, Out>;
  /** Writes memory to tables. */
  flush(): Promise<void>;
  /** Merges all tables into the fewest. */
  compact(): Promise<void>;
  /** Reads everything again, and lists what is wrong. Left out where nothing is on disk. */
  verify?(options?: VerifyOptions): Promise<VerifyReport>;
  /** Makes a copy in a directory that is empty or still to be made. Left out where nothing is on disk. */
  checkpoint?(directory: string, options?: CallOptions): Promise<CheckpointReport>;
}
