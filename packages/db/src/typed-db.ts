import {
  type AggregateOptions,
  type Bucket,
  type DiffOptions,
  type GetOptions,
  type HistoryOptions,
  type LiveScanOptions,
  makeTypedStore,
  type ScanOptions,
  type Store,
  type TimeInput,
  type TypedChange,
  type TypedEntry,
  type TypedRange,
  type TypedReader,
  type TypedStore,
  type TypedVersion,
  type Typing,
} from "@kvts/common";
import type { LocalReader } from "./db.ts";
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

/** A typed view of the embedded engine. */
export interface LocalTypedStore<K, P, In, Out> extends TypedStore<K, P, In, Out>, LocalTypedReader<K, P, Out> {
  scan(range?: TypedRange<K, P>, options?: LiveScanOptions): LocalEntries<TypedEntry<K, Out>>;
  scan(range: TypedRange<K, P> | undefined, options: ScanOptions): LocalEntries<TypedVersion<K, Out>>;
  history(key: K, options?: HistoryOptions): LocalEntries<TypedVersion<K, Out>>;
  aggregate(key: K, options: AggregateOptions): LocalEntries<Bucket>;
  diff(range: TypedRange<K, P> | undefined, options: DiffOptions): LocalEntries<TypedChange<K, Out>>;
  at(moment: TimeInput): LocalTypedReader<K, P, Out>;
}

/** The engine's bytes seen through types. */
export function makeLocalTypedStore<K, P, In, Out>(
  db: LocalReader<Uint8Array> & Store<Uint8Array>,
  typing: Typing<K, P, In, Out>,
): LocalTypedStore<K, P, In, Out> {
  const typed = makeTypedStore(db, typing);
  return {
    put: (...call) => typed.put(...call),
    delete: (...call) => typed.delete(...call),
    deleteRange: (...call) => typed.deleteRange(...call),
    retract: (...call) => typed.retract(...call),
    write: (...call) => typed.write(...call),
    ...makeLocalTypedReader(db, typed, typing),
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
