import type {
  AggregateOptions,
  Bucket,
  BytesInput,
  DeletedRange,
  DeleteOptions,
  DeleteRangeOptions,
  DiffOptions,
  Entries,
  EraseOptions,
  EraseResult,
  GetOptions,
  HistoryOptions,
  LiveScanOptions,
  PutOptions,
  RestoredRange,
  RestoreOptions,
  RestoreResult,
  RetractOptions,
  ScanOptions,
  SnapshotOptions,
  WatchOptions,
  WriteOptions,
  WriteResult,
} from "../store.ts";
import type { TimeInput } from "../time.ts";
import type { KeyType } from "./key-type.ts";
import type { ValueType } from "./value-type.ts";

/** What a view with types of its own is made of: types for the values, the keys, or both. */
export interface TypedViewOptions<K = string, P = K, In = BytesInput, Out = Uint8Array> {
  /** Strings unless given. */
  readonly keys?: KeyType<K, P> | undefined;
  /** Bytes unless given. */
  readonly value?: ValueType<In, Out> | undefined;
}

/** A value of a type, and the moment from which it holds. */
export interface TypedEntry<K, Out> {
  readonly key: K;
  readonly value: Out;
  /** Microseconds since the Unix epoch. */
  readonly timestamp: number;
  readonly seq: number;
  /** Microseconds since the Unix epoch. */
  readonly expiresAt?: number;
  readonly deleted?: undefined;
}

/** A moment from which the key holds nothing. */
export interface TypedTombstone<K> {
  readonly key: K;
  readonly timestamp: number;
  readonly seq: number;
  readonly deleted: true;
}

export type TypedVersion<K, Out> = TypedEntry<K, Out> | TypedTombstone<K>;

/** A key for which another version is visible at one moment than at an earlier one. */
export type TypedChange<K, Out> =
  | { readonly key: K; readonly kind: "added"; readonly before?: undefined; readonly after: TypedEntry<K, Out> }
  | {
      readonly key: K;
      readonly kind: "changed";
      readonly before: TypedEntry<K, Out>;
      readonly after: TypedEntry<K, Out>;
    }
  | { readonly key: K; readonly kind: "removed"; readonly before: TypedEntry<K, Out>; readonly after?: undefined };

/** What was taken back at a timestamp of a key. */
export interface TypedRetraction<K> {
  readonly op: "retract";
  readonly key: K;
  readonly timestamp: number;
  readonly seq: number;
}

/**
 * One operation of a batch: a put or a delete as the version that it made, others by their `op`. A deleted range has its
 * bounds as bytes, since they need not be whole keys.
 */
export type TypedFeedItem<K, Out> =
  | (TypedVersion<K, Out> & { readonly op?: undefined })
  | TypedRetraction<K>
  | DeletedRange
  | RestoredRange;

/** What a watch yields: one batch, whole, as far as it lies in the range. */
export interface TypedWatchEvent<K, Out> {
  /** Everything in the range up to here has come: a watch that is to go on after this event begins after this seq. */
  readonly seq: number;
  readonly items: readonly TypedFeedItem<K, Out>[];
  /** A page of the state at `seq`. */
  readonly initial?: true;
  /** Another part of the same batch, or another page of the same state, follows. */
  readonly more?: true;
}

/** What a restore did, or with `dryRun` would do. */
export interface TypedRestoreResult<K, Out> extends Omit<RestoreResult, "sample"> {
  readonly sample?: readonly TypedChange<K, Out>[];
}

/** Keys that begin with `prefix`, or keys from `start` (inclusive) to `end` (exclusive); never both. */
export type TypedRange<K, P> =
  | { readonly prefix?: P; readonly start?: undefined; readonly end?: undefined }
  | { readonly prefix?: undefined; readonly start?: K | P | undefined; readonly end?: K | P | undefined };

export type TypedOperation<K, In, P = K> =
  | {
      readonly op: "put";
      readonly key: K;
      readonly value: In;
      readonly timestamp?: TimeInput | undefined;
      readonly expiresAt?: TimeInput | undefined;
    }
  | { readonly op: "delete"; readonly key: K; readonly timestamp?: TimeInput | undefined }
  | { readonly op: "retract"; readonly key: K; readonly timestamp: TimeInput }
  | ({ readonly op: "deleteRange"; readonly timestamp?: TimeInput | undefined } & TypedRange<K, P>);

/** Reads of a typed view. */
export interface TypedReader<K, P, Out> {
  get(key: K, options?: GetOptions): Promise<TypedEntry<K, Out> | undefined>;
  getMany(keys: readonly K[], options?: GetOptions): Promise<(TypedEntry<K, Out> | undefined)[]>;
  scan(range?: TypedRange<K, P>, options?: LiveScanOptions): Entries<TypedEntry<K, Out>>;
  scan(range: TypedRange<K, P> | undefined, options: ScanOptions): Entries<TypedVersion<K, Out>>;
  history(key: K, options?: HistoryOptions): Entries<TypedVersion<K, Out>>;
  /** Of the bytes: a value counts that is a number in JSON, whatever its type makes of it. */
  aggregate(key: K, options: AggregateOptions): Entries<Bucket>;
  diff(range: TypedRange<K, P> | undefined, options: DiffOptions): Entries<TypedChange<K, Out>>;
  /** The same reads as of a moment. */
  at(moment: TimeInput): TypedReader<K, P, Out>;
}

/** A view fixed at a seq, seen through types. */
export interface TypedSnapshot<K, P, Out> extends TypedReader<K, P, Out>, AsyncDisposable {
  readonly seq: number;
  close(): Promise<void>;
}

/** A store seen through types: what is written and read are values and keys of them instead of bytes. */
export interface TypedStore<K, P, In, Out> extends TypedReader<K, P, Out> {
  put(key: K, value: In, options?: PutOptions): Promise<WriteResult>;
  delete(key: K, options?: DeleteOptions): Promise<WriteResult>;
  deleteRange(range: TypedRange<K, P>, options?: DeleteRangeOptions): Promise<WriteResult>;
  retract(key: K, timestamp: TimeInput, options?: RetractOptions): Promise<WriteResult>;
  write(operations: readonly TypedOperation<K, In, P>[], options?: WriteOptions): Promise<WriteResult>;
  /** What is stored in the range and does not fit the types fails the watch. */
  watch(range?: TypedRange<K, P>, options?: WatchOptions): Entries<TypedWatchEvent<K, Out>>;
  restore(range: TypedRange<K, P>, to: TimeInput, options?: RestoreOptions): Promise<TypedRestoreResult<K, Out>>;
  erase(target: TypedRange<K, P> | { readonly key: K }, options?: EraseOptions): Promise<EraseResult>;
  /** A view at the newest seq, or at an earlier one; to be awaited. */
  snapshot(options?: SnapshotOptions): TypedSnapshot<K, P, Out> | Promise<TypedSnapshot<K, P, Out>>;
}
