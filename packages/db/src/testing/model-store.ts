import {
  type AnyWriteOptions,
  type BytesInput,
  type CallOptions,
  type Change,
  type Clock,
  callSignal,
  checkCallOptions,
  checkErase,
  checkExpiry,
  checkKeepFor,
  checkKeyForm,
  checkRequestId,
  checkRestore,
  checkSeq,
  checkWatchOptions,
  conflictAt,
  copyBytes,
  type DeleteOptions,
  type DeleteRangeOptions,
  decodeKey,
  type EncodedOperation,
  type EncodedPrecondition,
  type Entries,
  type EraseCall,
  type EraseOptions,
  type EraseResult,
  type EraseTarget,
  encodeOperations,
  encodePreconditions,
  encodeRetentionPrefix,
  formatKeepFor,
  fromHex,
  type HostedStore,
  invalidArgument,
  isPlainView,
  judgeCondition,
  type KeepFor,
  type KeyOf,
  KvtsError,
  limits,
  makeChange,
  makeEntries,
  makeTypedStore,
  type Operation,
  otherContent,
  ownPrecondition,
  type PutOptions,
  type Range,
  type RestoreCall,
  type RestoreOptions,
  type RestoreResult,
  RestoreSample,
  type RetentionOptions,
  type RetentionPolicy,
  type RetentionResult,
  type RetractOptions,
  rangeDeletion,
  resolveRange,
  type Snapshot,
  type SnapshotOptions,
  type StoreStats,
  systemClock,
  type TimeInput,
  type TypedStore,
  type TypedViewOptions,
  Typing,
  throwIfAborted,
  toHex,
  type ViewOptions,
  type WatchEvent,
  type WatchOptions,
  type WriteOptions,
  type WriteResult,
} from "@kvts/common";
import { Model, type ModelOperation, trimmed, type UntimedOperation, writesTo } from "./model.ts";
import { ModelReader, type Moment } from "./model-reader.ts";
import { greatestHorizon, horizonOf, type ModelPolicies, movedHorizons } from "./model-retention.ts";
import { type ModelFeed, ModelWatch } from "./model-watch.ts";

export interface ModelStoreOptions {
  readonly clock?: Clock;
}

/** An empty store in memory that answers as the reference model says: what servers and clients are developed against. */
export function createModelStore(options: ModelStoreOptions = {}): HostedStore {
  return new ModelStoreView(new ModelStore(options.clock ?? systemClock), "string", true);
}

/** Microseconds that a request id and its answer are kept. */
const REQUEST_WINDOW = 600_000_000;

interface NamedWrite {
  readonly content: string;
  readonly result: WriteResult;
  readonly moment: number;
}

/** What all views of one store share. */
class ModelStore {
  readonly clock: Clock;
  readonly model: Model = new Model();
  readonly incarnation: string = crypto.randomUUID();
  /** Watches that wait for the next commit, or the end. */
  readonly waiting: Set<() => void> = new Set();
  closed = false;
  policies: ModelPolicies = new Map();
  /** The feed begins behind it. */
  feedFloor = 0;
  readonly #named: Map<string, NamedWrite> = new Map();
  #lastAssigned = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  readonly now = (): number => this.clock.now();

  readonly newest = (): Moment => {
    if (this.closed) throw closedError("store");
    return { now: this.now(), atSeq: this.model.seq, horizons: this.model.horizons };
  };

  write(
    operations: readonly Operation[],
    options: AnyWriteOptions,
    preconditions: readonly EncodedPrecondition[],
  ): WriteResult {
    throwIfAborted(callSignal(options));
    const requestId = checkRequestId(options.requestId);
    const encoded = encodeOperations(operations, this.now);
    if (this.closed) throw closedError("store");
    if (requestId === undefined) return this.#commit(encoded, preconditions);
    const content = contentOf(encoded, preconditions);
    const known = this.#named.get(requestId);
    if (known !== undefined && known.moment >= this.now() - REQUEST_WINDOW) {
      if (known.content !== content) throw otherContent(requestId);
      return known.result;
    }
    const result = this.#commit(encoded, preconditions);
    this.#named.set(requestId, { content, result, moment: this.now() });
    return result;
  }

  wakeWatches(): void {
    for (const wake of this.waiting) wake();
  }

  #commit(encoded: readonly EncodedOperation[], preconditions: readonly EncodedPrecondition[]): WriteResult {
    const assigned = Math.max(this.now(), this.#lastAssigned + 1, ...this.model.horizons.values());
    if (assigned > limits.timestampMax) throw invalidArgument("no timestamp is left to assign; give one");
    const timed = encoded.map((operation) => withTimestamp(operation, assigned));
    this.#judge(timed, preconditions);
    this.#checkHorizons(timed);
    const assigns = encoded.some(({ timestamp }) => timestamp === undefined);
    if (assigns) this.#lastAssigned = assigned;
    this.model.commit(timed);
    this.wakeWatches();
    return { timestamp: assigns ? assigned : timed.at(-1)!.timestamp, seq: this.model.seq };
  }

  /** @throws HISTORY_TRIMMED */
  planRestore({ range, to }: RestoreCall) {
    const { now, horizons } = this.newest();
    const horizon = greatestHorizon(horizons!, range);
    if (to < horizon) throw trimmed(horizon);
    return this.model.restore(range, { to, now });
  }

  /** All of it at one timestamp, above all that was there. */
  restore({ range, to }: RestoreCall, { operations, newest }: ReturnType<ModelStore["planRestore"]>): WriteResult {
    if (newest >= limits.timestampMax) throw invalidArgument(`nothing can be newer than ${newest}; retract that first`);
    const assigned = Math.max(this.now(), this.#lastAssigned + 1, ...this.model.horizons.values());
    const timestamp = Math.max(assigned, newest + 1);
    if (timestamp === assigned) this.#lastAssigned = assigned;
    const timed = operations.map((operation) => ({ ...operation, timestamp }));
    // What is more than one batch is told of as one range.
    if (timed.length <= limits.batchOperationsMax) this.model.commit(timed);
    else this.model.commit(timed, this.model.seq + 1, { range, to });
    this.wakeWatches();
    return { timestamp, seq: this.model.seq };
  }

  /** At once, without anything to write anew. */
  erase({ range, dryRun }: EraseCall): EraseResult {
    this.newest();
    const result = {
      removed: this.model.countErased(range),
      tablesRewritten: 0,
      bytesRewritten: 0,
      setAside: [],
      checkpoints: [],
    };
    if (dryRun) return { seq: this.model.seq + 1, ...result };
    this.model.erase(range);
    this.feedFloor = this.model.seq;
    this.wakeWatches();
    return { seq: this.model.seq, ...result };
  }

  /** @throws HISTORY_TRIMMED */
  #checkHorizons(operations: readonly ModelOperation[]): void {
    for (const operation of operations) {
      const { horizons } = this.model;
      const horizon =
        operation.op === "deleteRange"
          ? greatestHorizon(horizons, operation.range)
          : horizonOf(horizons, toHex(operation.key));
      if (operation.timestamp < horizon) throw trimmed(horizon);
    }
  }

  /** @param keepFor "none" for no policy */
  changeRetention(prefix: BytesInput, keepFor: KeepFor | "none", options: RetentionOptions): RetentionResult {
    throwIfAborted(callSignal(options));
    const id = toHex(encodeRetentionPrefix(prefix));
    const policies = new Map(this.policies);
    if (keepFor === "none") policies.delete(id);
    else policies.set(id, checkKeepFor(keepFor));
    if (this.closed) throw closedError("store");
    const horizons = movedHorizons(policies, this.model.horizons, this.now());
    const horizon = horizonOf(horizons, id);
    if (options.dryRun === true) return { horizon, trimmed: this.model.trimmedBy(id, horizons) };
    this.policies = policies;
    this.model.horizons = horizons;
    return { horizon };
  }

  /** @throws CONFLICT */
  #judge(operations: readonly ModelOperation[], preconditions: readonly EncodedPrecondition[]): void {
    for (const [index, { key, condition }] of preconditions.entries()) {
      const version = this.model.entries(key)[0];
      const deleted = this.model.get(key, { now: this.now() }) === undefined;
      const own = operations.filter((operation) => writesTo(operation, key));
      const lowest = own.length === 0 ? undefined : Math.min(...own.map(({ timestamp }) => timestamp));
      const conflict = judgeCondition(condition, version && { ...version, deleted }, lowest);
      if (conflict !== undefined) throw conflictAt(conflict, index, preconditions.length);
    }
  }
}

/** What makes a write another one than the last of the same id. */
function contentOf(operations: readonly EncodedOperation[], preconditions: readonly EncodedPrecondition[]): string {
  return JSON.stringify([
    operations.map((operation) => {
      if (operation.op === "deleteRange") {
        const { range, ...rest } = operation;
        return [toHex(range.start), range.end && toHex(range.end), rest];
      }
      const { key, value, ...rest } = operation;
      return [toHex(key), value && toHex(value), rest];
    }),
    preconditions.map(({ key, condition }) => [toHex(key), condition]),
  ]);
}

class ModelStoreView<F extends "string" | "bytes"> extends ModelReader<F> implements HostedStore<KeyOf<F>> {
  readonly #store: ModelStore;
  readonly #form: F;
  readonly #owner: boolean;

  constructor(store: ModelStore, form: F, owner: boolean) {
    super(store.model, form, store.now, store.newest);
    this.#store = store;
    this.#form = form;
    this.#owner = owner;
  }

  async put(key: BytesInput, value: BytesInput, options: PutOptions = {}): Promise<WriteResult> {
    checkCallOptions(options, "put");
    const { timestamp, expiresAt } = options;
    const operation = { op: "put", key, value, timestamp, expiresAt } as const;
    return this.#store.write([operation], options, ownPrecondition(key, options, this.#store.now));
  }

  async delete(key: BytesInput, options: DeleteOptions = {}): Promise<WriteResult> {
    checkCallOptions(options, "delete");
    const operation = { op: "delete", key, timestamp: options.timestamp } as const;
    return this.#store.write([operation], options, ownPrecondition(key, options, this.#store.now));
  }

  async deleteRange(range: Range, options: DeleteRangeOptions = {}): Promise<WriteResult> {
    checkCallOptions(options, "deleteRange");
    return this.#store.write([rangeDeletion(range, options.timestamp)], options, []);
  }

  async retract(key: BytesInput, timestamp: TimeInput, options: RetractOptions = {}): Promise<WriteResult> {
    checkCallOptions(options, "retract");
    const operation = { op: "retract", key, timestamp } as const;
    return this.#store.write([operation], options, ownPrecondition(key, options, this.#store.now));
  }

  async write(operations: readonly Operation[], options: WriteOptions = {}): Promise<WriteResult> {
    checkCallOptions(options, "write");
    return this.#store.write(operations, options, encodePreconditions(options.preconditions, this.#store.now));
  }

  watch(range?: Range, options?: WatchOptions): Entries<WatchEvent<KeyOf<F>>> {
    try {
      const checked = checkWatchOptions(options);
      const signal = callSignal(options);
      const { model, incarnation, now, waiting } = this.#store;
      const state = { isClosed: () => this.#store.closed, floor: () => this.#store.feedFloor };
      const feed: ModelFeed = { model, incarnation, now, waiting, ...state };
      return makeEntries(new ModelWatch(feed, resolveRange(range), this.#form, checked, signal), signal);
    } catch (error) {
      return makeEntries<WatchEvent<KeyOf<F>>>({ pull: () => Promise.reject(error) });
    }
  }

  async restore(range: Range, to: TimeInput, options?: RestoreOptions): Promise<RestoreResult<KeyOf<F>>> {
    const call = checkRestore(range, to, options, this.#store.now);
    throwIfAborted(callSignal(options));
    const plan = this.#store.planRestore(call);
    const restored = plan.operations.filter(({ op }) => op === "put").length;
    const bytes = plan.operations.reduce(
      (sum, one) => sum + one.key.length + (one.op === "put" ? one.value.length : 0),
      0,
    );
    const result = { to: call.to, restored, deleted: plan.operations.length - restored, bytes };
    if (call.dryRun) return { ...result, sample: await this.#sample(plan.operations, call.to) };
    return plan.operations.length === 0 ? result : { ...result, ...this.#store.restore(call, plan) };
  }

  async #sample(operations: readonly UntimedOperation[], to: number): Promise<readonly Change<KeyOf<F>>[]> {
    const sample = new RestoreSample<KeyOf<F>>();
    for (const { key } of operations) {
      const [now, then] = [await this.get(key), await this.get(key, { asOf: to })];
      sample.add(makeChange(decodeKey(key, this.#form), now, then));
    }
    return sample.changes;
  }

  async erase(target: EraseTarget, options: EraseOptions = {}): Promise<EraseResult> {
    const call = checkErase(target, options);
    throwIfAborted(callSignal(options));
    options.onProgress?.({ phase: "hiding", bytesTotal: 0, bytesDone: 0 });
    const result = this.#store.erase(call);
    if (!call.dryRun) options.onHidden?.(result.seq);
    return result;
  }

  async setRetention(prefix: BytesInput, keepFor: KeepFor, options: RetentionOptions = {}): Promise<RetentionResult> {
    checkCallOptions(options, "setRetention");
    checkKeepFor(keepFor);
    return this.#store.changeRetention(prefix, keepFor, options);
  }

  async deleteRetention(prefix: BytesInput, options: RetentionOptions = {}): Promise<RetentionResult> {
    checkCallOptions(options, "deleteRetention");
    return this.#store.changeRetention(prefix, "none", options);
  }

  async listRetention(options: CallOptions = {}): Promise<RetentionPolicy<KeyOf<F>>[]> {
    checkCallOptions(options, "listRetention");
    throwIfAborted(callSignal(options));
    const { horizons } = this.#store.newest();
    return [...this.#store.policies]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([id, keepFor]) => ({
        prefix: decodeKey(fromHex(id)!, this.#form),
        keepFor: formatKeepFor(keepFor),
        horizon: horizonOf(horizons!, id),
      }));
  }

  async stats(options: CallOptions = {}): Promise<StoreStats> {
    checkCallOptions(options, "stats");
    throwIfAborted(callSignal(options));
    const { atSeq } = this.#store.newest();
    return { seq: atSeq, incarnation: this.#store.incarnation, model: { keys: this.#store.model.keys } };
  }

  snapshot(options: SnapshotOptions = {}): Snapshot<KeyOf<F>> {
    checkCallOptions(options, "snapshot");
    throwIfAborted(callSignal(options));
    const newest = this.#store.newest();
    const seq = checkSeq(options.seq ?? newest.atSeq);
    if (seq > newest.atSeq) throw invalidArgument(`seq ${seq} is not committed yet; the newest is ${newest.atSeq}`);
    return new ModelSnapshot(this.#store, this.#form, { now: newest.now, atSeq: seq });
  }

  with<V extends "string" | "bytes">(options: ViewOptions<V>): HostedStore<KeyOf<V>>;
  with<In, Out, Name, Prefix>(options: TypedViewOptions<Name, Prefix, In, Out>): TypedStore<Name, Prefix, In, Out>;
  with<In, Out, Name, Prefix>(
    options: ViewOptions | TypedViewOptions<Name, Prefix, In, Out>,
  ): HostedStore<KeyOf<"string" | "bytes">> | TypedStore<Name, Prefix, In, Out> {
    if (isPlainView(options)) return new ModelStoreView(this.#store, checkKeyForm(options.keys), false);
    return makeTypedStore(this.with({ keys: "bytes" }), new Typing(options));
  }

  /** There are no tables: everything is in memory, and stays there. */
  async flush(): Promise<void> {
    this.#store.newest();
  }

  /** There is nothing to merge. */
  async compact(): Promise<void> {
    this.#store.newest();
  }

  async close(): Promise<void> {
    if (!this.#owner) return;
    this.#store.closed = true;
    this.#store.wakeWatches();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

class ModelSnapshot<F extends "string" | "bytes"> extends ModelReader<F> implements Snapshot<KeyOf<F>> {
  readonly seq: number;
  readonly #state: { closed: boolean };

  constructor(store: ModelStore, form: F, moment: Moment) {
    const state = { closed: false };
    super(store.model, form, store.now, () => {
      if (state.closed) throw closedError("snapshot");
      store.newest();
      return moment;
    });
    this.seq = moment.atSeq;
    this.#state = state;
  }

  async close(): Promise<void> {
    this.#state.closed = true;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** The operation as it is committed: with its timestamp, and with bytes of its own. */
function withTimestamp(operation: EncodedOperation, assigned: number): ModelOperation {
  if (operation.op === "deleteRange") return { ...operation, timestamp: operation.timestamp ?? assigned };
  const { op, expiresAt, timestamp = assigned } = operation;
  const key = copyBytes(operation.key);
  if (op !== "put") return { op, key, timestamp };
  if (expiresAt !== undefined) checkExpiry(timestamp, expiresAt);
  return { op, key, value: copyBytes(operation.value!), timestamp, expiresAt };
}

function closedError(what: string): KvtsError {
  return new KvtsError("CLOSED", `the ${what} is closed; open another`);
}
