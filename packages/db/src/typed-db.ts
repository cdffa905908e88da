import {
  type Entries,
  type GetOptions,
  type HistoryOptions,
  type LiveScanOptions,
  makeTypedStore,
  type ScanOptions,
  type Store,
  type TypedEntry,
  type TypedRange,
  type TypedStore,
  type TypedVersion,
  type Typing,
} from "@kvts/common";
import type { LocalReader } from "./db.ts";
import type { LocalEntries } from "./read/local-entries.ts";

/** A typed view of the embedded engine: its reads work at once too, without a promise. */
export interface LocalTypedStore<K, P, In, Out> extends TypedStore<K, P, In, Out> {
  getSync(key: K, options?: GetOptions): TypedEntry<K, Out> | undefined;
  scan(range?: TypedRange<K, P>, options?: LiveScanOptions): LocalEntries<TypedEntry<K, Out>>;
  scan(range: TypedRange<K, P> | undefined, options: ScanOptions): LocalEntries<TypedVersion<K, Out>>;
  history(key: K, options?: HistoryOptions): LocalEntries<TypedVersion<K, Out>>;
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
    write: (...call) => typed.write(...call),
    get: (...call) => typed.get(...call),
    getMany: (...call) => typed.getMany(...call),
    getSync(key, options) {
      const entry = db.getSync(typing.keys.encode(key), options);
      return entry === undefined ? undefined : typing.entry(entry);
    },
    scan: ((range?: TypedRange<K, P>, options: ScanOptions = {}) =>
      local(typed.scan(range, options), function* () {
        for (const version of db.scan(typing.range(range), options)) yield typing.version(version);
      })) as LocalTypedStore<K, P, In, Out>["scan"],
    history: (key, options) =>
      local(typed.history(key, options), function* () {
        for (const version of db.history(typing.keys.encode(key), options)) yield typing.version(version);
      }),
  };
}

/** A sequence that can be read in either way. */
function local<T>(entries: Entries<T>, atOnce: () => Iterator<T>): LocalEntries<T> {
  return Object.assign(entries, { [Symbol.iterator]: atOnce });
}
