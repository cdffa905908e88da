import { makeEntries } from "../entries.ts";
import { atIndex, isKvtsError } from "../errors.ts";
import type {
  AggregateOptions,
  Bucket,
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
  Reader,
  RestoreOptions,
  RetractOptions,
  ScanOptions,
  Snapshot,
  SnapshotOptions,
  Store,
  ViewOptions,
  WatchOptions,
  WriteOptions,
  WriteResult,
} from "../store.ts";
import type { TimeInput } from "../time.ts";
import type {
  TypedChange,
  TypedEntry,
  TypedOperation,
  TypedRange,
  TypedReader,
  TypedRestoreResult,
  TypedSnapshot,
  TypedStore,
  TypedVersion,
  TypedWatchEvent,
} from "./typed-store.ts";
import type { Typing } from "./typing.ts";

/** Whether a view's settings name a form of keys, so that no types are asked for. */
export function isPlainView<T extends object>(options: ViewOptions | T): options is ViewOptions {
  const given = options as { readonly keys?: unknown; readonly value?: unknown } | null | undefined;
  return given?.value === undefined && typeof given?.keys !== "object";
}

/** The store of bytes `store` seen through types. */
export function makeTypedStore<K, P, In, Out>(
  store: Store<Uint8Array>,
  typing: Typing<K, P, In, Out>,
): TypedStore<K, P, In, Out> {
  return new TypedView(store, typing);
}

/** A snapshot of bytes seen through types; closing the one closes the other. */
export function makeTypedSnapshot<K, P, In, Out>(
  snapshot: Snapshot<Uint8Array>,
  typing: Typing<K, P, In, Out>,
): TypedSnapshot<K, P, Out> {
  return new TypedSnapshotView(snapshot, typing);
}

class TypedReaderView<K, P, In, Out> implements TypedReader<K, P, Out> {
  protected readonly typing: Typing<K, P, In, Out>;
  readonly #reader: Reader<Uint8Array>;

  constructor(reader: Reader<Uint8Array>, typing: Typing<K, P, In, Out>) {
    this.typing = typing;
    this.#reader = reader;
  }

  async get(key: K, options?: GetOptions): Promise<TypedEntry<K, Out> | undefined> {
    const entry = await this.#reader.get(this.#key(key), options);
    return entry === undefined ? undefined : this.typing.entry(entry);
  }

  async getMany(keys: readonly K[], options?: GetOptions): Promise<(TypedEntry<K, Out> | undefined)[]> {
    const entries = await this.#reader.getMany(mapNumbered(keys, "key", this.#key), options);
    return entries.map((entry) => (entry === undefined ? undefined : this.typing.entry(entry)));
  }

  scan(range?: TypedRange<K, P>, options?: LiveScanOptions): Entries<TypedEntry<K, Out>>;
  scan(range: TypedRange<K, P> | undefined, options: ScanOptions): Entries<TypedVersion<K, Out>>;
  scan(range?: TypedRange<K, P>, options: ScanOptions = {}): Entries<TypedVersion<K, Out>> {
    return mapEntries(
      () => this.#reader.scan(this.typing.range(range), options),
      (version) => this.typing.version(version),
    );
  }

  history(key: K, options?: HistoryOptions): Entries<TypedVersion<K, Out>> {
    return mapEntries(
      () => this.#reader.history(this.#key(key), options),
      (version) => this.typing.version(version),
    );
  }

  aggregate(key: K, options: AggregateOptions): Entries<Bucket> {
    return mapEntries(
      () => this.#reader.aggregate(this.#key(key), options),
      (bucket) => bucket,
    );
  }

  diff(range: TypedRange<K, P> | undefined, options: DiffOptions): Entries<TypedChange<K, Out>> {
    return mapEntries(
      () => this.#reader.diff(this.typing.range(range), options),
      (change) => this.typing.change(change),
    );
  }

  at(moment: TimeInput): TypedReader<K, P, Out> {
    return new TypedReaderView(this.#reader.at(moment), this.typing);
  }

  readonly #key = (key: K): Uint8Array => this.typing.keys.encode(key);
}

class TypedView<K, P, In, Out> extends TypedReaderView<K, P, In, Out> implements TypedStore<K, P, In, Out> {
  readonly #store: Store<Uint8Array>;

  constructor(store: Store<Uint8Array>, typing: Typing<K, P, In, Out>) {
    super(store, typing);
    this.#store = store;
  }

  async put(key: K, value: In, options?: PutOptions): Promise<WriteResult> {
    return await this.#store.put(this.typing.keys.encode(key), this.typing.value.encode(value), options);
  }

  async delete(key: K, options?: DeleteOptions): Promise<WriteResult> {
    return await this.#store.delete(this.typing.keys.encode(key), options);
  }

  async deleteRange(range: TypedRange<K, P>, options?: DeleteRangeOptions): Promise<WriteResult> {
    return await this.#store.deleteRange(this.typing.range(range)!, options);
  }

  async retract(key: K, timestamp: TimeInput, options?: RetractOptions): Promise<WriteResult> {
    return await this.#store.retract(this.typing.keys.encode(key), timestamp, options);
  }

  async write(operations: readonly TypedOperation<K, In, P>[], options?: WriteOptions): Promise<WriteResult> {
    const encoded = mapNumbered(operations, "operation", (operation) => this.typing.operation(operation));
    return await this.#store.write(encoded, options);
  }

  watch(range?: TypedRange<K, P>, options?: WatchOptions): Entries<TypedWatchEvent<K, Out>> {
    return mapEntries(
      () => this.#store.watch(this.typing.range(range), options),
      (event) => this.typing.event(event),
      1,
    );
  }

  async restore(range: TypedRange<K, P>, to: TimeInput, options?: RestoreOptions): Promise<TypedRestoreResult<K, Out>> {
    // A range that is left out is refused by the store.
    const { sample, ...result } = await this.#store.restore(this.typing.range(range)!, to, options);
    if (sample === undefined) return result;
    return { ...result, sample: sample.map((change) => this.typing.change(change)) };
  }

  async erase(target: TypedRange<K, P> | { readonly key: K }, options?: EraseOptions): Promise<EraseResult> {
    if (target === undefined || !("key" in target)) return await this.#store.erase(this.typing.range(target)!, options);
    return await this.#store.erase({ ...target, key: this.typing.keys.encode(target.key) }, options);
  }

  snapshot(options?: SnapshotOptions): TypedSnapshot<K, P, Out> | Promise<TypedSnapshot<K, P, Out>> {
    const opened = this.#store.snapshot(options);
    if (!(opened instanceof Promise)) return makeTypedSnapshot(opened, this.typing);
    return opened.then((snapshot) => makeTypedSnapshot(snapshot, this.typing));
  }
}

class TypedSnapshotView<K, P, In, Out> extends TypedReaderView<K, P, In, Out> implements TypedSnapshot<K, P, Out> {
  readonly #snapshot: Snapshot<Uint8Array>;

  constructor(snapshot: Snapshot<Uint8Array>, typing: Typing<K, P, In, Out>) {
    super(snapshot, typing);
    this.#snapshot = snapshot;
  }

  get seq(): number {
    return this.#snapshot.seq;
  }

  close(): Promise<void> {
    return this.#snapshot.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * `open`'s items, mapped as they are read; what `open` throws fails the first read.
 * @param countMax how many are awaited together: one, where the next may never come
 */
function mapEntries<A, B>(
  open: () => Entries<A>,
  map: (item: A) => B,
  countMax: number = Number.POSITIVE_INFINITY,
): Entries<B> {
  let inner: Entries<A> | undefined;
  return makeEntries({
    async pull(count) {
      inner ??= open();
      return (await inner.nextv(Math.min(count, countMax))).map(map);
    },
    interrupt: () => void inner?.close().catch(() => undefined),
    close: () => inner?.close(),
  });
}

/** Maps what callers gave as an array; errors name the bad one by its index. Whoever takes the result refuses no array. */
function mapNumbered<A, B>(items: readonly A[], what: "key" | "operation", map: (item: A) => B): B[] {
  if (!Array.isArray(items)) return items as unknown as B[];
  return Array.from(items as readonly A[], (item, index) => {
    try {
      return map(item);
    } catch (error) {
      throw isKvtsError(error) ? atIndex(error, what, index) : error;
    }
  });
}
