import {
  type AggregateOptions,
  type Bucket,
  type BytesInput,
  type CallOptions,
  type Change,
  callSignal,
  checkCallOptions,
  checkLimit,
  copyBytes,
  type DiffOptions,
  decodeKey,
  type Entries,
  type EntriesSource,
  type Entry,
  encodeKey,
  encodeKeys,
  FixedMoment,
  type GetOptions,
  type HistoryOptions,
  type KeyOf,
  KvtsError,
  type LiveScanOptions,
  makeChange,
  makeEntries,
  makeEntry,
  makeTombstone,
  parseStep,
  parseTime,
  type Range,
  type Reader,
  readAt,
  resolveMoments,
  resolveRange,
  type ScanOptions,
  type TimeInput,
  type Version,
} from "@kvts/common";
import { getMany } from "./get-many.ts";
import { pagedSource } from "./paged-source.ts";
import type { Remote } from "./remote.ts";
import type { PageRequest, ReadRequest, WireCall, WireChange, WirePage, WireVersion } from "./wire.ts";

/** The reads of the store at the other end: input checked before it travels, answers in the forms of every other store. */
export class RemoteReader<F extends "string" | "bytes"> implements Reader<KeyOf<F>> {
  protected readonly remote: Remote;
  protected readonly form: F;

  constructor(remote: Remote, form: F) {
    this.remote = remote;
    this.form = form;
  }

  /** The id of the snapshot to read in; the newest state without one. */
  protected snapshotId(): string | undefined {
    return undefined;
  }

  async get(key: BytesInput, options: GetOptions = {}): Promise<Entry<KeyOf<F>> | undefined> {
    checkCallOptions(options, "get");
    const { wire, caller } = this.remote;
    const request = { key: encodeKey(key), asOf: this.time(options.asOf), snapshot: this.snapshotId() };
    const found = await caller.read(options, (call) => wire.get(request, call));
    return found === undefined ? undefined : this.#entry(found);
  }

  async getMany(keys: readonly BytesInput[], options: GetOptions = {}): Promise<(Entry<KeyOf<F>> | undefined)[]> {
    checkCallOptions(options, "getMany");
    const { wire, caller } = this.remote;
    const view = { asOf: this.time(options.asOf), snapshot: this.snapshotId() };
    const read = caller.reading(options);
    const found = await getMany(encodeKeys(keys), view, (request) => read((call) => wire.batchGet(request, call)));
    return found.map((version) => (version === undefined ? undefined : this.#entry(version)));
  }

  scan(range?: Range, options?: LiveScanOptions): Entries<Entry<KeyOf<F>>>;
  scan(range: Range | undefined, options: ScanOptions): Entries<Version<KeyOf<F>>>;
  scan(range?: Range, options: ScanOptions = {}): Entries<Version<KeyOf<F>>> {
    return this.#entries(options, this.#version, () => {
      checkCallOptions(options, "scan");
      const { reverse = false, includeDeleted = false } = options;
      const request = { range: resolveRange(range), asOf: this.time(options.asOf), reverse, includeDeleted };
      return (page, call) => this.remote.wire.scan({ ...request, ...page }, call);
    });
  }

  history(key: BytesInput, options: HistoryOptions = {}): Entries<Version<KeyOf<F>>> {
    return this.#entries(options, this.#version, () => {
      checkCallOptions(options, "history");
      const { reverse = false } = options;
      const [from, to] = [this.time(options.from), this.time(options.to)];
      const request = { key: copyBytes(encodeKey(key)), from, to, reverse };
      return (page, call) => this.remote.wire.listVersions({ ...request, ...page }, call);
    });
  }

  aggregate(key: BytesInput, options: AggregateOptions): Entries<Bucket> {
    return this.#entries<Bucket, Bucket>(options ?? {}, sameItem, () => {
      checkCallOptions(options ?? {}, "aggregate");
      const [from, to] = [this.time(options?.from), this.time(options?.to)];
      const request = { key: copyBytes(encodeKey(key)), step: parseStep(options?.step), from, to };
      return (page, call) => this.remote.wire.aggregate({ ...request, ...page }, call);
    });
  }

  diff(range: Range | undefined, options: DiffOptions): Entries<Change<KeyOf<F>>> {
    return this.#entries(options, this.change, () => {
      checkCallOptions(options, "diff");
      const request = { range: resolveRange(range), ...resolveMoments(options, this.remote.now) };
      return (page, call) => this.remote.wire.diff({ ...request, ...page }, call);
    });
  }

  at(moment: TimeInput): Reader<KeyOf<F>> {
    return readAt(this, new FixedMoment(moment, this.remote.now));
  }

  protected time(input: TimeInput | undefined): number | undefined {
    return input === undefined ? undefined : parseTime(input, this.remote.now);
  }

  /** A sequence read in pages; what is wrong with its arguments is told by the first read, as for every other call. */
  #entries<W, T>(
    options: CallOptions & { readonly limit?: number | undefined },
    convert: (item: W) => T,
    prepare: () => (page: PageRequest & ReadRequest, call: WireCall) => Promise<WirePage<W>>,
  ): Entries<T> {
    try {
      const fetch = prepare();
      const signal = callSignal(options);
      const fetchPage = async (request: PageRequest): Promise<WirePage<T>> => {
        const asked = { ...request, snapshot: this.snapshotId() };
        const page = await this.remote.caller.read({ signal }, (call) => fetch(asked, call));
        return { ...page, items: page.items.map((item) => convert(item)) };
      };
      return makeEntries(pagedSource(fetchPage, checkLimit(options.limit)), signal);
    } catch (error) {
      return makeEntries(failingSource(error));
    }
  }

  readonly #version = (version: WireVersion): Version<KeyOf<F>> => {
    if (version.value !== undefined) return this.#entry(version);
    return makeTombstone(decodeKey(version.key, this.form), version.timestamp, version.seq);
  };

  protected readonly change = ({ key, before, after }: WireChange): Change<KeyOf<F>> => {
    return makeChange(decodeKey(key, this.form), before && this.#entry(before), after && this.#entry(after));
  };

  #entry({ key, value, timestamp, seq, expiresAt }: WireVersion): Entry<KeyOf<F>> {
    if (value === undefined) throw new KvtsError("INTERNAL", "the server answered a read with a deleted version");
    return makeEntry({ key: decodeKey(key, this.form), value, timestamp, seq, expiresAt });
  }
}

function sameItem<T>(item: T): T {
  return item;
}

function failingSource(error: unknown): EntriesSource<never> {
  return { pull: () => Promise.reject(error) };
}
