import {
  type AggregateOptions,
  type AnyWriteOptions,
  type Bucket,
  type BytesInput,
  type CallOptions,
  type Change,
  type ConditionOptions,
  callSignal,
  checkCallOptions,
  checkKeyForm,
  checkLimit,
  checkRequestId,
  conditionIn,
  copyBytes,
  type DeleteOptions,
  type DeleteRangeOptions,
  type DiffOptions,
  decodeKey,
  type EncodedKeyOperation,
  type EncodedOperation,
  type EncodedPrecondition,
  type EncodedRangeOperation,
  type Entries,
  type EntriesSource,
  type Entry,
  encodeKey,
  encodeKeys,
  encodeOperation,
  encodeOperations,
  encodePreconditions,
  FixedMoment,
  type GetOptions,
  type HistoryOptions,
  isPlainView,
  type KeyOf,
  KvtsError,
  type LiveScanOptions,
  makeChange,
  makeEntries,
  makeEntry,
  makeTombstone,
  makeTypedStore,
  type Operation,
  type PutOptions,
  parseStep,
  parseTime,
  type Range,
  type Reader,
  type RetractOptions,
  rangeDeletion,
  readAt,
  resolveMoments,
  resolveRange,
  type ScanOptions,
  type Store,
  type StoreStats,
  type TimeInput,
  type TypedStore,
  type TypedViewOptions,
  Typing,
  type Version,
  type ViewOptions,
  type WriteOptions,
  type WriteResult,
} from "@kvts/common";
import { Caller } from "./caller.ts";
import { getMany } from "./get-many.ts";
import type { Settings } from "./options.ts";
import { pagedSource } from "./paged-source.ts";
import { RequestNames } from "./request-names.ts";
import { type Runtime, systemRuntime } from "./runtime.ts";
import type { PageRequest, SingleWrite, Wire, WireCall, WireChange, WirePage, WireVersion } from "./wire.ts";

/** The store at the other end of `wire`: input checked before it travels, answers in the forms of every other store. */
export function createRemoteStore(wire: Wire, settings: Settings, runtime: Runtime = systemRuntime): Store {
  const caller = new Caller(settings, runtime);
  const names = settings.retry.triesMax === 1 ? undefined : new RequestNames(runtime);
  return new RemoteStore({ wire, caller, now: () => runtime.clock.now(), names }, "string", true);
}

type KeyOperation = Exclude<Operation, { op: "deleteRange" }>;

/** What all views of one client share. */
interface Remote {
  readonly wire: Wire;
  readonly caller: Caller;
  /** Microseconds, for relative times. */
  readonly now: () => number;
  /** Undefined where nothing is sent twice. */
  readonly names: RequestNames | undefined;
}

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

class RemoteStore<F extends "string" | "bytes"> implements Store<KeyOf<F>> {
  readonly #remote: Remote;
  readonly #form: F;
  readonly #owner: boolean;
  #closing: Promise<void> | undefined;

  constructor(remote: Remote, form: F, owner: boolean) {
    this.#remote = remote;
    this.#form = form;
    this.#owner = owner;
  }

  async put(key: BytesInput, value: BytesInput, options: PutOptions = {}): Promise<WriteResult> {
    checkCallOptions(options, "put");
    const { wire, caller } = this.#remote;
    const { timestamp, expiresAt } = options;
    const request = this.#single({ op: "put", key, value, timestamp, expiresAt }, options);
    return caller.write(options, request.requestId, (call) => wire.put(request, call));
  }

  async delete(key: BytesInput, options: DeleteOptions = {}): Promise<WriteResult> {
    checkCallOptions(options, "delete");
    const { wire, caller } = this.#remote;
    const request = this.#single({ op: "delete", key, timestamp: options.timestamp }, options);
    return caller.write(options, request.requestId, (call) => wire.delete(request, call));
  }

  async deleteRange(range: Range, options: DeleteRangeOptions = {}): Promise<WriteResult> {
    checkCallOptions(options, "deleteRange");
    const { wire, caller, now } = this.#remote;
    const operation = encodeOperation(rangeDeletion(range, options.timestamp), now);
    const request = { ...(operation as EncodedRangeOperation), requestId: this.#requestId(options) };
    return caller.write(options, request.requestId, (call) => wire.deleteRange(request, call));
  }

  async retract(key: BytesInput, timestamp: TimeInput, options: RetractOptions = {}): Promise<WriteResult> {
    checkCallOptions(options, "retract");
    const { wire, caller } = this.#remote;
    const request = this.#single({ op: "retract", key, timestamp }, options);
    return caller.write(options, request.requestId, (call) => wire.retract(request, call));
  }

  async write(operations: readonly Operation[], options: WriteOptions = {}): Promise<WriteResult> {
    checkCallOptions(options, "write");
    const { wire, caller, now } = this.#remote;
    const requestId = this.#requestId(options);
    const request = {
      operations: encodeOperations(operations, now).map(owned),
      preconditions: encodePreconditions(options.preconditions, now).map(ownedPrecondition),
      requestId,
    };
    return caller.write(options, requestId, (call) => wire.write(request, call));
  }

  async get(key: BytesInput, options: GetOptions = {}): Promise<Entry<KeyOf<F>> | undefined> {
    checkCallOptions(options, "get");
    const { wire, caller } = this.#remote;
    const request = { key: encodeKey(key), asOf: this.#time(options.asOf) };
    const found = await caller.read(options, (call) => wire.get(request, call));
    return found === undefined ? undefined : this.#entry(found);
  }

  async getMany(keys: readonly BytesInput[], options: GetOptions = {}): Promise<(Entry<KeyOf<F>> | undefined)[]> {
    checkCallOptions(options, "getMany");
    const { wire, caller } = this.#remote;
    const read = caller.reading(options);
    const found = await getMany(encodeKeys(keys), this.#time(options.asOf), (request) =>
      read((call) => wire.batchGet(request, call)),
    );
    return found.map((version) => (version === undefined ? undefined : this.#entry(version)));
  }

  scan(range?: Range, options?: LiveScanOptions): Entries<Entry<KeyOf<F>>>;
  scan(range: Range | undefined, options: ScanOptions): Entries<Version<KeyOf<F>>>;
  scan(range?: Range, options: ScanOptions = {}): Entries<Version<KeyOf<F>>> {
    return this.#entries(options, this.#version, () => {
      checkCallOptions(options, "scan");
      const { reverse = false, includeDeleted = false } = options;
      const request = { range: resolveRange(range), asOf: this.#time(options.asOf), reverse, includeDeleted };
      return (page, call) => this.#remote.wire.scan({ ...request, ...page }, call);
    });
  }

  history(key: BytesInput, options: HistoryOptions = {}): Entries<Version<KeyOf<F>>> {
    return this.#entries(options, this.#version, () => {
      checkCallOptions(options, "history");
      const { reverse = false } = options;
      const [from, to] = [this.#time(options.from), this.#time(options.to)];
      const request = { key: copyBytes(encodeKey(key)), from, to, reverse };
      return (page, call) => this.#remote.wire.listVersions({ ...request, ...page }, call);
    });
  }

  aggregate(key: BytesInput, options: AggregateOptions): Entries<Bucket> {
    return this.#entries<Bucket, Bucket>(options ?? {}, sameItem, () => {
      checkCallOptions(options ?? {}, "aggregate");
      const { step, from, to } = options ?? {};
      const request = {
        key: copyBytes(encodeKey(key)),
        step: parseStep(step),
        from: this.#time(from),
        to: this.#time(to),
      };
      return (page, call) => this.#remote.wire.aggregate({ ...request, ...page }, call);
    });
  }

  diff(range: Range | undefined, options: DiffOptions): Entries<Change<KeyOf<F>>> {
    return this.#entries(options, this.#change, () => {
      checkCallOptions(options, "diff");
      const request = { range: resolveRange(range), ...resolveMoments(options, this.#remote.now) };
      return (page, call) => this.#remote.wire.diff({ ...request, ...page }, call);
    });
  }

  at(moment: TimeInput): Reader<KeyOf<F>> {
    return readAt(this, new FixedMoment(moment, this.#remote.now));
  }

  async stats(options: CallOptions = {}): Promise<StoreStats> {
    checkCallOptions(options, "stats");
    const { wire, caller } = this.#remote;
    return caller.read(options, (call) => wire.stats(call));
  }

  with<V extends "string" | "bytes">(options: ViewOptions<V>): Store<KeyOf<V>>;
  with<In, Out, Name, Prefix>(options: TypedViewOptions<Name, Prefix, In, Out>): TypedStore<Name, Prefix, In, Out>;
  with<In, Out, Name, Prefix>(
    options: ViewOptions | TypedViewOptions<Name, Prefix, In, Out>,
  ): Store<KeyOf<"string" | "bytes">> | TypedStore<Name, Prefix, In, Out> {
    if (isPlainView(options)) return new RemoteStore(this.#remote, checkKeyForm(options.keys), false);
    return makeTypedStore(this.with({ keys: "bytes" }), new Typing(options));
  }

  close(): Promise<void> {
    if (!this.#owner) return Promise.resolve();
    this.#closing ??= this.#remote.caller.close().then(() => this.#remote.wire.close());
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #single(operation: KeyOperation, options: AnyWriteOptions & ConditionOptions): SingleWrite {
    const { now } = this.#remote;
    const requestId = this.#requestId(options);
    const encoded = encodeOperation(operation, now) as EncodedKeyOperation;
    return { operation: owned(encoded), condition: conditionIn(options, now), requestId };
  }

  /** The caller's, or one of our own: without, a write cannot be sent again. */
  #requestId({ requestId }: AnyWriteOptions): string | undefined {
    return checkRequestId(requestId) ?? this.#remote.names?.next();
  }

  #time(input: TimeInput | undefined): number | undefined {
    return input === undefined ? undefined : parseTime(input, this.#remote.now);
  }

  /** A sequence read in pages; what is wrong with its arguments is told by the first read, as for every other call. */
  #entries<W, T>(
    options: CallOptions & { readonly limit?: number | undefined },
    convert: (item: W) => T,
    prepare: () => (page: PageRequest, call: WireCall) => Promise<WirePage<W>>,
  ): Entries<T> {
    try {
      const fetch = prepare();
      const signal = callSignal(options);
      const fetchPage = async (request: PageRequest): Promise<WirePage<T>> => {
        const page = await this.#remote.caller.read({ signal }, (call) => fetch(request, call));
        return { ...page, items: page.items.map((item) => convert(item)) };
      };
      return makeEntries(pagedSource(fetchPage, checkLimit(options.limit)), signal);
    } catch (error) {
      return makeEntries(failingSource(error));
    }
  }

  readonly #version = (version: WireVersion): Version<KeyOf<F>> => {
    if (version.value !== undefined) return this.#entry(version);
    return makeTombstone(decodeKey(version.key, this.#form), version.timestamp, version.seq);
  };

  readonly #change = ({ key, before, after }: WireChange): Change<KeyOf<F>> => {
    return makeChange(decodeKey(key, this.#form), before && this.#entry(before), after && this.#entry(after));
  };

  #entry({ key, value, timestamp, seq, expiresAt }: WireVersion): Entry<KeyOf<F>> {
    if (value === undefined) throw new KvtsError("INTERNAL", "the server answered a read with a deleted version");
    return makeEntry({ key: decodeKey(key, this.#form), value, timestamp, seq, expiresAt });
  }
}

function sameItem<T>(item: T): T {
  return item;
}

function failingSource(error: unknown): EntriesSource<never> {
  return { pull: () => Promise.reject(error) };
}
