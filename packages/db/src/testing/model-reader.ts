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
  type Entry,
  encodeKey,
  encodeKeys,
  FixedMoment,
  type GetOptions,
  type HistoryOptions,
  type KeyOf,
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
  throwIfAborted,
  type Version,
} from "@kvts/common";
import type { Model, ModelEntry, ModelVersion } from "./model.ts";
import type { ModelHorizons } from "./model-retention.ts";

/** The commits that a read sees, and the clock by which it judges expiry. */
export interface Moment {
  readonly atSeq: number;
  /** Microseconds. */
  readonly now: number;
  /** By which history is cut; the newest where they are absent. */
  readonly horizons?: ModelHorizons | undefined;
}

/** Reads a model, at moments that come from outside: always the newest, or the fixed one of a snapshot. */
export class ModelReader<F extends "string" | "bytes"> implements Reader<KeyOf<F>> {
  readonly #model: Model;
  readonly #keys: F;
  readonly #now: () => number;
  readonly #moment: () => Moment;

  /** @param moment throws CLOSED once there is nothing to read any more */
  constructor(model: Model, keys: F, now: () => number, moment: () => Moment) {
    this.#model = model;
    this.#keys = keys;
    this.#now = now;
    this.#moment = moment;
  }

  async get(key: BytesInput, options: GetOptions = {}): Promise<Entry<KeyOf<F>> | undefined> {
    checkCallOptions(options, "get");
    return this.#read([encodeKey(key)], options)[0];
  }

  async getMany(keys: readonly BytesInput[], options: GetOptions = {}): Promise<(Entry<KeyOf<F>> | undefined)[]> {
    checkCallOptions(options, "getMany");
    return this.#read(encodeKeys(keys), options);
  }

  scan(range?: Range, options?: LiveScanOptions): Entries<Entry<KeyOf<F>>>;
  scan(range: Range | undefined, options: ScanOptions): Entries<Version<KeyOf<F>>>;
  scan(range?: Range, options: ScanOptions = {}): Entries<Version<KeyOf<F>>> {
    checkCallOptions(options, "scan");
    const resolved = resolveRange(range);
    const { limit, reverse, includeDeleted } = options;
    checkLimit(limit);
    const view = { ...this.#moment(), asOf: this.#time(options.asOf), limit, reverse, includeDeleted };
    return this.#entries(
      options,
      () => this.#model.scan(resolved, view),
      (version) => this.#version(version),
    );
  }

  at(moment: TimeInput): Reader<KeyOf<F>> {
    return readAt(this, new FixedMoment(moment, this.#now));
  }

  history(key: BytesInput, options: HistoryOptions = {}): Entries<Version<KeyOf<F>>> {
    checkCallOptions(options, "history");
    const encoded = copyBytes(encodeKey(key));
    const { limit, reverse } = options;
    checkLimit(limit);
    const { atSeq, horizons } = this.#moment();
    const view = { atSeq, horizons, from: this.#time(options.from), to: this.#time(options.to), limit, reverse };
    return this.#entries(
      options,
      () => this.#model.history(encoded, view),
      (version) => this.#version(version),
    );
  }

  aggregate(key: BytesInput, options: AggregateOptions): Entries<Bucket> {
    checkCallOptions(options ?? {}, "aggregate");
    const encoded = copyBytes(encodeKey(key));
    const { step, limit, from, to } = options ?? {};
    checkLimit(limit);
    const { atSeq, horizons } = this.#moment();
    const view = { step: parseStep(step), from: this.#time(from), to: this.#time(to), limit, atSeq, horizons };
    return this.#entries(
      options,
      () => this.#model.aggregate(encoded, view),
      (bucket) => bucket,
    );
  }

  diff(range: Range | undefined, options: DiffOptions): Entries<Change<KeyOf<F>>> {
    checkCallOptions(options, "diff");
    const resolved = resolveRange(range);
    const { atSeq, horizons } = this.#moment();
    const view = { ...resolveMoments(options, this.#now), atSeq, horizons, limit: options.limit };
    checkLimit(options.limit);
    return this.#entries(
      options,
      () => this.#model.diff(resolved, view),
      ({ before, after }) => {
        const key = this.#key((before ?? after)!.key);
        return makeChange(key, before && this.#entry(before), after && this.#entry(after));
      },
    );
  }

  #read(keys: readonly Uint8Array[], options: GetOptions): (Entry<KeyOf<F>> | undefined)[] {
    throwIfAborted(callSignal(options));
    const view = { ...this.#moment(), asOf: this.#time(options.asOf) };
    return keys.map((key) => {
      const entry = this.#model.get(key, view);
      return entry === undefined ? undefined : this.#entry(entry);
    });
  }

  #time(input: TimeInput | undefined): number | undefined {
    return input === undefined ? undefined : parseTime(input, this.#now);
  }

  /** The answers of `read`, which is asked once and late; each is turned into the caller's form as it is taken. */
  #entries<M, T>(options: CallOptions, read: () => M[], convert: (answer: M) => T): Entries<T> {
    let answers: M[] | undefined;
    let taken = 0;
    const source = {
      pull: async (count: number): Promise<T[]> => {
        this.#moment();
        answers ??= read();
        const part = answers.slice(taken, taken + count);
        taken += part.length;
        return part.map(convert);
      },
    };
    return makeEntries(source, callSignal(options));
  }

  #version(version: ModelVersion): Version<KeyOf<F>> {
    if (version.op === "put") return this.#entry(version);
    return makeTombstone(this.#key(version.key), version.timestamp, version.seq);
  }

  #entry({ key, value, timestamp, seq, expiresAt }: ModelEntry): Entry<KeyOf<F>> {
    return makeEntry({ key: this.#key(key), value: copyBytes(value), timestamp, seq, expiresAt });
  }

  /** Callers own what they get, so bytes are copied. */
  #key(key: Uint8Array): KeyOf<F> {
    return decodeKey(this.#keys === "bytes" ? copyBytes(key) : key, this.#keys);
  }
}
