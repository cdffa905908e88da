import {
  type AggregateOptions,
  type Bucket,
  type DiffOptions,
  type GetOptions,
  type HistoryOptions,
  type LiveScanOptions,
  makeTypedSnapshot,
  makeTypedStore,
  type ScanOptions,
  type SnapshotOptions,
  type TimeInput,
  type TypedChange,
  type TypedEntry,
  type TypedRange,
  type TypedReader,
  type TypedStore,
  type TypedVersion,
  type Typing,
} from "@kvts/common";
import type { Db, LocalReader, LocalSnapshot } from "./db.ts";
import { type LocalEntries, localEntries } from "./read/local-entries.ts";

/** Typed reads of the embedded engine, at once too, without a promise. */
export interface LocalTypedReader<K, P, Out> extends TypedReader<K, P, Out> {
  getSync(key: K, options?: GetOptions): TypedEntry<K, Out> | undefined;
  scan(range?: TypedRange<K, P>, options?: LiveScanOptions): LocalEntries<TypedEntry<K, Out>>;
  scan(range: TypedRange<K, P> | undefined, options: ScanOptions): LocalEntries<TypedVersion<K, Out>>;
  history(key: K, options?: HistoryOptions): LocalEntries<TypedVersion<K, Out>>;
  aggregate(key: K, options: AggregateOptions): LocalEntries<Bucket>;
  diff(range: TypedRange<K, P> | undefined, options: DiffOptions): LocalEntries<TypedChange<K, Out>>;
  at(moment: TimeInput): LocalTypedReader<K, P, Out>;
}

/** A snapshot of the embedded engine, seen through types. */
export interface LocalTypedSnapshot<K, P, Out> extends LocalTypedReader<K, P, Out>, AsyncDisposable {
  readonly seq: number;
  close(): Promise<void>;
}

/** A typed view of the embedded engine. */
export interface LocalTypedStore<K, P, In, Out> extends TypedStore<K, P, In, Out>, LocalTypedReader<K, P, Out> {
  scan(range?: TypedRange<K, P>, options?: LiveScanOptions): LocalEntries<TypedEntry<K, Out>>;
  scan(range: TypedRange<K, P> | undefined, options: ScanOptions): LocalEntries<TypedVersion<K, Out>>;
  history(key: K, options?: HistoryOptions): LocalEntries<TypedVersion<K, Out>>;
  aggregate(key: K, options: AggregateOptions): LocalEntries<Bucket>;
  diff(range: TypedRange<K, P> | undefined, options: DiffOptions): LocalEntries<TypedChange<K, Out>>;
  at(moment: TimeInput): LocalTypedReader<K, P, Out>;
  snapshot(options?: SnapshotOptions): LocalTypedSnapshot<K, P, Out>;
}

/** The engine's bytes seen through types. */
export function makeLocalTypedStore<K, P, In, Out>(
  db: Db<Uint8Array>,
  typing: Typing<K, P, In, Out>,
): LocalTypedStore<K, P, In, Out> {
  const typed = makeTypedStore(db, typing);
  return {
    put: (...call) => typed.put(...call),
    delete: (...call) => typed.delete(...call),
    deleteRange: (...call) => typed.deleteRange(...call),
    retract: (...call) => typed.retract(...call),
    write: (...call) => typed.write(...call),
    watch: (...call) => typed.watch(...call),
    restore: (...call) => typed.restore(...call),
    erase: (...call) => typed.erase(...call),
    snapshot: (options) => makeLocalTypedSnapshot(db.snapshot(options), typing),
    ...makeLocalTypedReader(db, typed, typing),
  };
}

function makeLocalTypedSnapshot<K, P, In, Out>(
  snapshot: LocalSnapshot<Uint8Array>,
  typing: Typing<K, P, In, Out>,
): LocalTypedSnapshot<K, P, Out> {
  const typed = makeTypedSnapshot(snapshot, typing);
  return {
    seq: typed.seq,
    close: () => typed.close(),
    [Symbol.asyncDispose]: () => typed.close(),
    ...makeLocalTypedReader(snapshot, typed, typing),
  };
}

function makeLocalTypedReader<K, P, In, Out>(
  reader: LocalReader<Uint8Array>,
  typed: TypedReader<K, P, Out>,
  typing: Typing<K, P, In, Out>,
): LocalTypedReader<K, P, Out> {
  return {
    get: (...call) => typed.get(...call),
    getMany: (...call) => typed.getMany(...call),
    getSync(key, options) {
      const entry = reader.getSync(typing.keys.encode(key), options);
      return entry === undefined ? undefined : typing.entry(entry);
    },
    scan: ((range?: TypedRange<K, P>, options: ScanOptions = {}) =>
      localEntries(typed.scan(range, options), function* () {
        for (const version of reader.scan(typing.range(range), options)) yield typing.version(version);
      })) as LocalTypedReader<K, P, Out>["scan"],
    history: (key, options) =>
      localEntries(typed.history(key, options), function* () {
        for (const version of reader.history(typing.keys.encode(key), options)) yield typing.version(version);
      }),
    aggregate: (key, options) =>
      localEntries(typed.aggregate(key, options), function* () {
        yield* reader.aggregate(typing.keys.encode(key), options);
      }),
    diff: (range, options) =>
      localEntries(typed.diff(range, options), function* () {
        for (const change of reader.diff(typing.range(range), options)) yield typing.change(change);
      }),
    at: (moment) => makeLocalTypedReader(reader.at(moment), typed.at(moment), typing),
  };
}
