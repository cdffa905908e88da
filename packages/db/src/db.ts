import {
  type AggregateOptions,
  abortable,
  type Bucket,
  type BytesInput,
  type CallOptions,
  type Change,
  type CheckpointReport,
  callSignal,
  checkCallOptions,
  checkErase,
  checkKeepFor,
  checkKeyForm,
  checkOperationCount,
  checkOperationFields,
  checkOptionNames,
  checkRequestId,
  checkRestore,
  checkSeq,
  checkWatchOptions,
  copyBytes,
  type DeleteOptions,
  type DeleteRangeOptions,
  type DiffOptions,
  decodeKey,
  type Entries,
  type Entry,
  type EraseOptions,
  type EraseResult,
  type EraseTarget,
  encodePreconditions,
  encodeRetentionPrefix,
  FixedMoment,
  formatKeepFor,
  type GetOptions,
  type HistoryOptions,
  type HostedStore,
  isPlainView,
  type KeepFor,
  type Key,
  type KeyOf,
  type LiveScanOptions,
  makeEntries,
  type Operation,
  type OptionNames,
  ownPrecondition,
  type PutOptions,
  parseTime,
  type Range,
  type Reader,
  type ResolvedRange,
  type RestoreOptions,
  type RestoreResult,
  type RetentionOptions,
  type RetentionPolicy,
  type RetentionResult,
  type RetractOptions,
  rangeDeletion,
  resolveRange,
  type ScanOptions,
  type Snapshot,
  type SnapshotOptions,
  type StoreStats,
  type TimeInput,
  type TypedViewOptions,
  Typing,
  throwIfAborted,
  type VerifyOptions,
  type VerifyReport,
  type Version,
  type ViewOptions,
  type WatchEvent,
  type WatchOptions,
  type WriteOptions,
  type WriteResult,
} from "@kvts/common";
import type { Engine } from "./engine.ts";
import { type InitialState, Watch } from "./feed/watch.ts";
import type { LocalEntries } from "./read/local-entries.ts";
import { EngineReader } from "./read/reader.ts";
import { EngineReaderAt } from "./read/reader-at.ts";
import type { Recovery } from "./recovered.ts";
import { type LocalTypedStore, makeLocalTypedStore } from "./typed-db.ts";

/** The reads that the embedded engine has beyond every store's: at once, without a promise. */
export interface LocalReader<K extends Key = string> {
  /** The newest version's entry, or the one at `asOf`. Reads from disk at once where it has to. */
  getSync(key: BytesInput, options?: GetOptions): Entry<K> | undefined;
  scan(range?: Range, options?: LiveScanOptions): LocalEntries<Entry<K>>;
  scan(range: Range | undefined, options: ScanOptions): LocalEntries<Version<K>>;
  history(key: BytesInput, options?: HistoryOptions): LocalEntries<Version<K>>;
  aggregate(key: BytesInput, options: AggregateOptions): LocalEntries<Bucket>;
  diff(range: Range | undefined, options: DiffOptions): LocalEntries<Change<K>>;
  at(moment: TimeInput): LocalReaderAt<K>;
}

/** Reads of the embedded engine as of a moment. */
export interface LocalReaderAt<K extends Key = string> extends Reader<K>, LocalReader<K> {
  scan(range?: Range, options?: LiveScanOptions): LocalEntries<Entry<K>>;
  scan(range: Range | undefined, options: ScanOptions): LocalEntries<Version<K>>;
  history(key: BytesInput, options?: HistoryOptions): LocalEntries<Version<K>>;
  aggregate(key: BytesInput, options: AggregateOptions): LocalEntries<Bucket>;
  diff(range: Range | undefined, options: DiffOptions): LocalEntries<Change<K>>;
  at(moment: TimeInput): LocalReaderAt<K>;
}

/** A snapshot of the embedded engine. */
export interface LocalSnapshot<K extends Key = string> extends Snapshot<K>, LocalReader<K> {
  scan(range?: Range, options?: LiveScanOptions): LocalEntries<Entry<K>>;
  scan(range: Range | undefined, options: ScanOptions): LocalEntries<Version<K>>;
  history(key: BytesInput, options?: HistoryOptions): LocalEntries<Version<K>>;
  aggregate(key: BytesInput, options: AggregateOptions): LocalEntries<Bucket>;
  diff(range: Range | undefined, options: DiffOptions): LocalEntries<Change<K>>;
  at(moment: TimeInput): LocalReaderAt<K>;
}

/** The embedded engine: a store in a directory of this process. */
export interface Db<K extends Key = string> extends HostedStore<K>, LocalReader<K> {
  /** What opening found and did. */
  readonly recovery: Recovery;
  /**
   * Makes a copy of the store as it is at a moment after the call: everything acknowledged before is in it, every batch
   * whole or not at all. `directory` is empty, or still to be made. Tables are shared with the store by hard links where the
   * file system has them. The copy is a store of its own, with an incarnation of its own, to be opened like any other.
   * @throws INVALID_ARGUMENT where the directory cannot be used; NO_SPACE; CANCELLED once `signal` fires
   */
  checkpoint(directory: string, options?: CallOptions): Promise<CheckpointReport>;
  scan(range?: Range, options?: LiveScanOptions): LocalEntries<Entry<K>>;
  scan(range: Range | undefined, options: ScanOptions): LocalEntries<Version<K>>;
  history(key: BytesInput, options?: HistoryOptions): LocalEntries<Version<K>>;
  aggregate(key: BytesInput, options: AggregateOptions): LocalEntries<Bucket>;
  diff(range: Range | undefined, options: DiffOptions): LocalEntries<Change<K>>;
  at(moment: TimeInput): LocalReaderAt<K>;
  snapshot(options?: SnapshotOptions): LocalSnapshot<K>;
  /**
   * Reads every table, the manifest and the log again, past the caches, and lists everything that is wrong: checksums and
   * order, filters and indexes against the keys, the manifest against the files. It shows one moment of the store, which
   * goes on meanwhile; tables of that moment stay on disk until they have been read.
   * @throws CANCELLED, DEADLINE_EXCEEDED; CLOSED where the store is closed meanwhile; UNIMPLEMENTED where a newer kvts
   *   wrote some of it
   */
  verify(options?: VerifyOptions): Promise<VerifyReport>;
  with<F extends "string" | "bytes">(options: ViewOptions<F>): Db<KeyOf<F>>;
  with<In = BytesInput, Out = Uint8Array, Name = string, Prefix = Name>(
    options: TypedViewOptions<Name, Prefix, In, Out>,
  ): LocalTypedStore<Name, Prefix, In, Out>;
}

/** One face of an engine, with keys in one form. `owner` closes the engine, a view of it does not. */
export function makeDb<F extends "string" | "bytes">(engine: Engine, form: F, owner: boolean): Db<KeyOf<F>> {
  return new EngineDb(engine, form, owner) as unknown as Db<KeyOf<F>>;
}

const checkpointOptions: OptionNames<CallOptions> = { signal: true, timeoutMs: true };

class ReadFace<K extends Key> implements LocalReader<K> {
  protected readonly reader: EngineReader<K>;

  constructor(reader: EngineReader<K>) {
    this.reader = reader;
  }

  get(key: BytesInput, options?: GetOptions): Promise<Entry<K> | undefined> {
    return this.reader.get(key, options);
  }

  getSync(key: BytesInput, options?: GetOptions): Entry<K> | undefined {
    return this.reader.getSync(key, options);
  }

  getMany(keys: readonly BytesInput[], options?: GetOptions): Promise<(Entry<K> | undefined)[]> {
    return this.reader.getMany(keys, options);
  }

  scan(range?: Range, options?: LiveScanOptions): LocalEntries<Entry<K>>;
  scan(range: Range | undefined, options: ScanOptions): LocalEntries<Version<K>>;
  scan(range?: Range, options?: ScanOptions): LocalEntries<Version<K>> {
    return this.reader.scan(range, options);
  }

  history(key: BytesInput, options?: HistoryOptions): LocalEntries<Version<K>> {
    return this.reader.history(key, options);
  }

  aggregate(key: BytesInput, options: AggregateOptions): LocalEntries<Bucket> {
    return this.reader.aggregate(key, options);
  }

  diff(range: Range | undefined, options: DiffOptions): LocalEntries<Change<K>> {
    return this.reader.diff(range, options);
  }

  at(moment: TimeInput): LocalReaderAt<K> {
    return new EngineReaderAt(this.reader, new FixedMoment(moment, () => this.reader.now()));
  }
}

class EngineDb<K extends Key> extends ReadFace<K> implements Db<K> {
  readonly #engine: Engine;
  readonly #form: "string" | "bytes";
  readonly #owner: boolean;
  readonly #now: () => number;

  constructor(engine: Engine, form: "string" | "bytes", owner: boolean) {
    super(new EngineReader<K>(engine.readSource(), form));
    this.#engine = engine;
    this.#form = form;
    this.#owner = owner;
    this.#now = () => engine.now();
  }

  get recovery(): Recovery {
    return this.#engine.recovery;
  }

  put(key: BytesInput, value: BytesInput, options?: PutOptions): Promise<WriteResult> {
    try {
      if (options === undefined) return this.#engine.put(key, value, undefined, undefined, undefined);
      checkCallOptions(options, "put");
      const timestamp = this.#time(options.timestamp);
      const expiresAt = this.#time(options.expiresAt);
      const requestId = checkRequestId(options.requestId);
      const preconditions = ownPrecondition(key, options, this.#now);
      return bounded(options, () => this.#engine.put(key, value, timestamp, expiresAt, requestId, preconditions));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  delete(key: BytesInput, options?: DeleteOptions): Promise<WriteResult> {
    try {
      checkCallOptions(options, "delete");
      const timestamp = this.#time(options?.timestamp);
      const requestId = checkRequestId(options?.requestId);
      const preconditions = options === undefined ? [] : ownPrecondition(key, options, this.#now);
      return bounded(options, () => this.#engine.delete(key, timestamp, requestId, preconditions));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  deleteRange(range: Range, options?: DeleteRangeOptions): Promise<WriteResult> {
    try {
      checkCallOptions(options, "deleteRange");
      const operation = rangeDeletion(range, this.#time(options?.timestamp));
      const requestId = checkRequestId(options?.requestId);
      return bounded(options, () => this.#engine.write([operation], requestId));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  retract(key: BytesInput, timestamp: TimeInput, options?: RetractOptions): Promise<WriteResult> {
    try {
      checkCallOptions(options, "retract");
      checkOperationFields({ op: "retract", key, timestamp });
      const at = parseTime(timestamp, this.#now);
      const requestId = checkRequestId(options?.requestId);
      const preconditions = options === undefined ? [] : ownPrecondition(key, options, this.#now);
      return bounded(options, () => this.#engine.retract(key, at, requestId, preconditions));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  write(operations: readonly Operation[], options?: WriteOptions): Promise<WriteResult> {
    try {
      checkCallOptions(options, "write");
      checkOperationCount(operations);
      const requestId = checkRequestId(options?.requestId);
      const preconditions = encodePreconditions(options?.preconditions, this.#now);
      return bounded(options, () => this.#engine.write(operations, requestId, preconditions));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async restore(range: Range, to: TimeInput, options?: RestoreOptions): Promise<RestoreResult<K>> {
    const { dryRun, ...goal } = checkRestore(range, to, options, this.#now);
    const signal = callSignal(options);
    throwIfAborted(signal);
    if (dryRun) return { to: goal.to, ...(await this.#engine.previewRestore<K>(goal, this.#form, signal)) };
    const { timestamp, seq, ...counts } = await this.#engine.restore(goal, signal);
    return { to: goal.to, ...counts, ...(timestamp !== undefined && seq !== undefined && { timestamp, seq }) };
  }

  async erase(target: EraseTarget, options?: EraseOptions): Promise<EraseResult> {
    const { range, dryRun } = checkErase(target, options);
    const signal = callSignal(options);
    if (dryRun) return await this.#engine.countErased(range, signal);
    const { onProgress = () => {}, onHidden = () => {} } = options ?? {};
    return await this.#engine.erase(range, onProgress, signal, onHidden);
  }

  watch(range?: Range, options?: WatchOptions): Entries<WatchEvent<K>> {
    try {
      const checked = checkWatchOptions(options);
      const signal = callSignal(options);
      const resolved = resolveRange(range);
      const { feed } = this.#engine;
      const initialState = (seq: number) => this.#stateAt(seq, resolved, signal);
      const form = this.#form;
      const nowSeq = feed.publishedSeq;
      return makeEntries(
        new Watch<K>({ feed, range: resolved, form, options: checked, signal, nowSeq, initialState }),
        signal,
      );
    } catch (error) {
      return makeEntries<WatchEvent<K>>({ pull: () => Promise.reject(error) });
    }
  }

  async setRetention(prefix: BytesInput, keepFor: KeepFor, options?: RetentionOptions): Promise<RetentionResult> {
    checkCallOptions(options, "setRetention");
    return await this.#changeRetention(prefix, checkKeepFor(keepFor), options);
  }

  async deleteRetention(prefix: BytesInput, options?: RetentionOptions): Promise<RetentionResult> {
    checkCallOptions(options, "deleteRetention");
    return await this.#changeRetention(prefix, "none", options);
  }

  async listRetention(options?: CallOptions): Promise<RetentionPolicy<K>[]> {
    checkCallOptions(options, "listRetention");
    throwIfAborted(callSignal(options));
    return this.#engine.listRetention().map(({ prefix, keepFor, horizon }) => ({
      prefix: decodeKey(copyBytes(prefix), this.#form) as K,
      keepFor: formatKeepFor(keepFor),
      horizon,
    }));
  }

  async #changeRetention(
    prefix: BytesInput,
    keepFor: number | undefined | "none",
    options: RetentionOptions | undefined,
  ): Promise<RetentionResult> {
    const bytes = encodeRetentionPrefix(prefix);
    const signal = callSignal(options);
    throwIfAborted(signal);
    return await abortable(this.#engine.changeRetention(bytes, keepFor, options?.dryRun === true, signal), signal);
  }

  snapshot(options?: SnapshotOptions): LocalSnapshot<K> {
    checkCallOptions(options, "snapshot");
    const seq = options?.seq;
    throwIfAborted(callSignal(options));
    return new EngineSnapshot<K>(this.#engine, this.#form, seq === undefined ? undefined : checkSeq(seq));
  }

  async stats(options?: CallOptions): Promise<StoreStats> {
    checkCallOptions(options, "stats");
    throwIfAborted(callSignal(options));
    return this.#engine.stats();
  }

  with<F extends "string" | "bytes">(options: ViewOptions<F>): Db<KeyOf<F>>;
  with<In, Out, Name, Prefix>(options: TypedViewOptions<Name, Prefix, In, Out>): LocalTypedStore<Name, Prefix, In, Out>;
  with<In, Out, Name, Prefix>(
    options: ViewOptions | TypedViewOptions<Name, Prefix, In, Out>,
  ): Db<Key> | LocalTypedStore<Name, Prefix, In, Out> {
    if (isPlainView(options)) return makeDb(this.#engine, checkKeyForm(options.keys), false);
    return makeLocalTypedStore(makeDb(this.#engine, "bytes", false), new Typing(options));
  }

  flush(): Promise<void> {
    return this.#engine.flush();
  }

  compact(): Promise<void> {
    return this.#engine.compact();
  }

  async checkpoint(directory: string, options?: CallOptions): Promise<CheckpointReport> {
    if (options !== undefined) checkOptionNames(options, checkpointOptions, "checkpoint");
    return await this.#engine.checkpoint(directory, callSignal(options));
  }

  verify(options: VerifyOptions = {}): Promise<VerifyReport> {
    return this.#engine.verify(options);
  }

  async close(): Promise<void> {
    if (this.#owner) await this.#engine.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @throws CURSOR_EXPIRED */
  #stateAt(seq: number, range: ResolvedRange, signal: AbortSignal | undefined): InitialState<K> {
    const pin = this.#engine.pinSnapshot(seq);
    const reader = new EngineReader<K>(this.#engine.readSource(pin), this.#form);
    const entries = reader.scan(range, { signal });
    return {
      nextv: (count) => entries.nextv(count),
      close: async () => {
        await entries.close();
        pin.release();
      },
    };
  }

  #time(input: TimeInput | undefined): number | undefined {
    return input === undefined ? undefined : parseTime(input, this.#now);
  }
}

class EngineSnapshot<K extends Key> extends ReadFace<K> implements LocalSnapshot<K> {
  readonly seq: number;
  readonly #release: () => void;

  constructor(engine: Engine, form: "string" | "bytes", seq: number | undefined) {
    const pin = engine.pinSnapshot(seq);
    super(new EngineReader<K>(engine.readSource(pin), form));
    this.seq = pin.seq;
    this.#release = () => pin.release();
  }

  async close(): Promise<void> {
    this.#release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** A write under the caller's signal and deadline: what has been handed over is carried out all the same. */
function bounded(options: CallOptions | undefined, write: () => Promise<WriteResult>): Promise<WriteResult> {
  const signal = callSignal(options);
  throwIfAborted(signal);
  return abortable(write(), signal);
}
