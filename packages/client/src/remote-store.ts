import {
  type AnyWriteOptions,
  type BytesInput,
  type CallOptions,
  type CheckpointReport,
  type ConditionOptions,
  checkCallOptions,
  checkErase,
  checkKeepFor,
  checkKeyForm,
  checkPositiveInteger,
  checkRequestId,
  checkRestore,
  checkSeq,
  conditionIn,
  copyBytes,
  type DeleteOptions,
  type DeleteRangeOptions,
  decodeKey,
  type EncodedKeyOperation,
  type EncodedOperation,
  type EncodedPrecondition,
  type EncodedRangeOperation,
  type Entries,
  type EraseOptions,
  type EraseResult,
  type EraseTarget,
  encodeOperation,
  encodeOperations,
  encodePreconditions,
  encodeRetentionPrefix,
  formatKeepFor,
  invalidArgument,
  isPlainView,
  type KeepFor,
  type KeyOf,
  KvtsError,
  makeTypedStore,
  type Operation,
  type PutOptions,
  type Range,
  type RestoreOptions,
  type RestoreResult,
  type RetentionOptions,
  type RetentionPolicy,
  type RetentionResult,
  type RetractOptions,
  rangeDeletion,
  type Snapshot,
  type SnapshotOptions,
  type StoreStats,
  type TimeInput,
  type TypedStore,
  type TypedViewOptions,
  Typing,
  type VerifyOptions,
  type VerifyReport,
  type ViewOptions,
  type WatchEvent,
  type WatchOptions,
  type WriteOptions,
  type WriteResult,
} from "@kvts/common";
import { Caller } from "./caller.ts";
import { deadlineOf, type FollowOptions, followOperation } from "./follow-operation.ts";
import { openWatch } from "./open-watch.ts";
import type { Settings } from "./options.ts";
import type { Remote } from "./remote.ts";
import { RemoteReader } from "./remote-reader.ts";
import { RemoteSnapshot } from "./remote-snapshot.ts";
import { RequestNames } from "./request-names.ts";
import { type Runtime, systemRuntime } from "./runtime.ts";
import type { ServedStore } from "./served-store.ts";
import type { SingleWrite, Wire, WireCall, WireRestored } from "./wire.ts";

/** The store at the other end of `wire`: input checked before it travels, answers in the forms of every other store. */
export function createRemoteStore(wire: Wire, settings: Settings, runtime: Runtime = systemRuntime): ServedStore {
  const caller = new Caller(settings, runtime);
  const names = settings.retry.triesMax === 1 ? undefined : new RequestNames(runtime);
  const now = (): number => runtime.clock.now();
  const remote = {
    wire,
    caller,
    settings,
    runtime,
    now,
    names,
    snapshots: new Set<never>(),
    watches: new Set<never>(),
  };
  return new RemoteStore(remote, "string", true);
}

/** How long one call may take that may read or rewrite much. */
const longTimeoutMs = 300_000;

/** A call may be sent again when its bytes are the caller's once more. */
function owned<T extends EncodedOperation>(operation: T): T;
function owned(operation: EncodedOperation): EncodedOperation {
  if (operation.op === "deleteRange") return operation;
  const { key, value } = operation;
  return { ...operation, key: copyBytes(key), value: value && copyBytes(value) };
}

function ownedPrecondition({ key, condition }: EncodedPrecondition): EncodedPrecondition {
  return { key: copyBytes(key), condition };
}

type KeyOperation = Exclude<Operation, { op: "deleteRange" }>;

class RemoteStore<F extends "string" | "bytes"> extends RemoteReader<F> implements ServedStore<KeyOf<F>> {
  readonly #owner: boolean;
  #closing: Promise<void> | undefined;

  constructor(remote: Remote, form: F, owner: boolean) {
    super(remote, form);
    this.#owner = owner;
  }

  async put(key: BytesInput, value: BytesInput, options: PutOptions = {}): Promise<WriteResult> {
    checkCallOptions(options, "put");
    const { wire, caller } = this.remote;
    const { timestamp, expiresAt } = options;
    const request = this.#single({ op: "put", key, value, timestamp, expiresAt }, options);
    return caller.write(options, request.requestId, (call) => wire.put(request, call));
  }

  async delete(key: BytesInput, options: DeleteOptions = {}): Promise<WriteResult> {
    checkCallOptions(options, "delete");
    const { wire, caller } = this.remote;
    const request = this.#single({ op: "delete", key, timestamp: options.timestamp }, options);
    return caller.write(options, request.requestId, (call) => wire.delete(request, call));
  }

  async deleteRange(range: Range, options: DeleteRangeOptions = {}): Promise<WriteResult> {
    checkCallOptions(options, "deleteRange");
    const { wire, caller, now } = this.remote;
    const operation = encodeOperation(rangeDeletion(range, options.timestamp), now);
    const request = { ...(operation as EncodedRangeOperation), requestId: this.#requestId(options) };
    return caller.write(options, request.requestId, (call) => wire.deleteRange(request, call));
  }

  async retract(key: BytesInput, timestamp: TimeInput, options: RetractOptions = {}): Promise<WriteResult> {
    checkCallOptions(options, "retract");
    const { wire, caller } = this.remote;
    const request = this.#single({ op: "retract", key, timestamp }, options);
    return caller.write(options, request.requestId, (call) => wire.retract(request, call));
  }

  async write(operations: readonly Operation[], options: WriteOptions = {}): Promise<WriteResult> {
    checkCallOptions(options, "write");
    const { wire, caller, now } = this.remote;
    const requestId = this.#requestId(options);
    const request = {
      operations: encodeOperations(operations, now).map(owned),
      preconditions: encodePreconditions(options.preconditions, now).map(ownedPrecondition),
      requestId,
    };
    return caller.write(options, requestId, (call) => wire.write(request, call));
  }

  async snapshot(options: SnapshotOptions = {}): Promise<Snapshot<KeyOf<F>>> {
    checkCallOptions(options, "snapshot");
    const seq = options.seq === undefined ? undefined : checkSeq(options.seq);
    const { wire, caller } = this.remote;
    const lease = await caller.read(options, (call) => wire.createSnapshot(seq, call));
    return new RemoteSnapshot(this.remote, this.form, lease);
  }

  async restore(range: Range, to: TimeInput, options: RestoreOptions = {}): Promise<RestoreResult<KeyOf<F>>> {
    const { wire, caller, now, settings } = this.remote;
    const request = checkRestore(range, to, options, now);
    const patient = { ...options, timeoutMs: options.timeoutMs ?? Math.max(settings.timeoutMs, longTimeoutMs) };
    const exchange = (call: WireCall): Promise<WireRestored> => wire.restore(request, call);
    const { sample, ...result } = request.dryRun
      ? await caller.read(patient, exchange)
      : await caller.write(patient, undefined, exchange);
    return request.dryRun ? { ...result, sample: sample.map(this.change) } : result;
  }

  async erase(target: EraseTarget, options: EraseOptions = {}): Promise<EraseResult> {
    const { range, key, dryRun } = checkErase(target, options);
    const { wire, caller, settings } = this.remote;
    const request = { range, key };
    if (dryRun) {
      const patient = { ...options, timeoutMs: options.timeoutMs ?? Math.max(settings.timeoutMs, longTimeoutMs) };
      return await caller.read(patient, (call) => wire.countErased(request, call));
    }
    const deadlineMs = deadlineOf(options, this.remote);
    const begun = await caller.write(options, undefined, (call) => wire.erase(request, call));
    if (begun.hiddenSeq !== undefined) options.onHidden?.(begun.hiddenSeq);
    const onProgress = options.onProgress as FollowOptions["onProgress"];
    return await followOperation<"erase">(this.remote, begun, deadlineMs, { ...options, onProgress });
  }

  async verify(options: VerifyOptions = {}): Promise<VerifyReport> {
    checkCallOptions(options, "verify");
    const { bytesPerSecond, onProgress, ...call } = options;
    if (bytesPerSecond !== undefined) checkPositiveInteger(bytesPerSecond, "bytesPerSecond");
    if (onProgress !== undefined && typeof onProgress !== "function") {
      throw invalidArgument("onProgress is a function that takes the progress");
    }
    const { wire, caller } = this.remote;
    const deadlineMs = deadlineOf(options, this.remote);
    const begun = await caller.write(call, undefined, (exchange) => wire.verify(bytesPerSecond, exchange));
    return await followOperation<"verify">(this.remote, begun, deadlineMs, {
      ...call,
      onProgress: ({ phase: file, ...bytes }) => onProgress?.({ ...bytes, file }),
    });
  }

  async checkpoint(name: string, options: CallOptions = {}): Promise<CheckpointReport> {
    checkCallOptions(options, "checkpoint");
    if (typeof name !== "string") throw invalidArgument("the name of a checkpoint is a text");
    const { wire, caller } = this.remote;
    const deadlineMs = deadlineOf(options, this.remote);
    const begun = await caller.write(options, undefined, (call) => wire.checkpoint(name, call));
    return await followOperation<"checkpoint">(this.remote, begun, deadlineMs, options);
  }

  async setRetention(prefix: BytesInput, keepFor: KeepFor, options: RetentionOptions = {}): Promise<RetentionResult> {
    checkCallOptions(options, "setRetention");
    const { wire, caller } = this.remote;
    const { dryRun = false } = options;
    const request = { prefix: encodeRetentionPrefix(prefix), keepFor: checkKeepFor(keepFor), dryRun };
    return caller.write(options, undefined, (call) => wire.setRetention(request, call));
  }

  async deleteRetention(prefix: BytesInput, options: RetentionOptions = {}): Promise<RetentionResult> {
    checkCallOptions(options, "deleteRetention");
    const { wire, caller } = this.remote;
    const request = { prefix: encodeRetentionPrefix(prefix), dryRun: options.dryRun === true };
    return caller.write(options, undefined, (call) => wire.deleteRetention(request, call));
  }

  async listRetention(options: CallOptions = {}): Promise<RetentionPolicy<KeyOf<F>>[]> {
    checkCallOptions(options, "listRetention");
    const { wire, caller } = this.remote;
    const policies = await caller.read(options, (call) => wire.listRetention(call));
    return policies.map(({ prefix, keepFor, horizon }) => ({
      prefix: decodeKey(prefix, this.form),
      keepFor: formatKeepFor(keepFor),
      horizon,
    }));
  }

  async stats(options: CallOptions = {}): Promise<StoreStats> {
    checkCallOptions(options, "stats");
    const { wire, caller } = this.remote;
    return caller.read(options, (call) => wire.stats(call));
  }

  with<V extends "string" | "bytes">(options: ViewOptions<V>): ServedStore<KeyOf<V>>;
  with<In, Out, Name, Prefix>(options: TypedViewOptions<Name, Prefix, In, Out>): TypedStore<Name, Prefix, In, Out>;
  with<In, Out, Name, Prefix>(
    options: ViewOptions | TypedViewOptions<Name, Prefix, In, Out>,
  ): ServedStore<KeyOf<"string" | "bytes">> | TypedStore<Name, Prefix, In, Out> {
    if (isPlainView(options)) return new RemoteStore(this.remote, checkKeyForm(options.keys), false);
    return makeTypedStore(this.with({ keys: "bytes" }), new Typing(options));
  }

  watch(range?: Range, options?: WatchOptions): Entries<WatchEvent<KeyOf<F>>> {
    return openWatch(this.remote, this.form, range, options);
  }

  close(): Promise<void> {
    if (!this.#owner) return Promise.resolve();
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const { caller, wire, snapshots, watches } = this.remote;
    for (const watch of watches) watch.fail(new KvtsError("CLOSED", "this client is closed; make a new one to go on"));
    await Promise.all([...snapshots].map((snapshot) => snapshot.close()));
    await caller.close();
    wire.close();
  }

  #single(operation: KeyOperation, options: AnyWriteOptions & ConditionOptions): SingleWrite {
    const { now } = this.remote;
    const requestId = this.#requestId(options);
    const encoded = encodeOperation(operation, now) as EncodedKeyOperation;
    return { operation: owned(encoded), condition: conditionIn(options, now), requestId };
  }

  /** The caller's, or one of our own: without, a write cannot be sent again. */
  #requestId({ requestId }: AnyWriteOptions): string | undefined {
    return checkRequestId(requestId) ?? this.remote.names?.next();
  }
}
