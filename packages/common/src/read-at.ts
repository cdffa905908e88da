import { invalidArgument } from "./errors.ts";
import type {
  AggregateOptions,
  Bucket,
  BytesInput,
  Change,
  DiffOptions,
  Entries,
  Entry,
  GetOptions,
  HistoryOptions,
  Key,
  LiveScanOptions,
  Range,
  Reader,
  ScanOptions,
  Version,
} from "./store.ts";
import { formatTime, parseTime, type TimeInput } from "./time.ts";

/** What reads are asked in a view that is fixed at a moment: nothing later than it. */
export class FixedMoment {
  /** Microseconds. */
  readonly moment: number;
  readonly #now: () => number;

  /** @param now microseconds, for relative times */
  constructor(moment: TimeInput, now: () => number) {
    this.moment = parseTime(moment, now);
    this.#now = now;
  }

  /** A view of the view, at an earlier moment. */
  at(moment: TimeInput): FixedMoment {
    return new FixedMoment(this.#earlier(moment), this.#now);
  }

  /** Options of get, getMany or scan. */
  read<O extends GetOptions>(options: O | undefined): O & { readonly asOf: number } {
    const asOf = options?.asOf === undefined ? this.moment : this.#earlier(options.asOf);
    return { ...(options as O), asOf };
  }

  /** Options of history or aggregate, of which what comes later is left out. */
  history<O extends Pick<HistoryOptions, "to">>(options: O | undefined): O & { readonly to: number } {
    const to = options?.to === undefined ? this.moment : Math.min(parseTime(options.to, this.#now), this.moment);
    return { ...(options as O), to };
  }

  /** Options of diff. */
  diff(options: DiffOptions): DiffOptions {
    return options?.to === undefined ? options : { ...options, to: this.#earlier(options.to) };
  }

  #earlier(time: TimeInput): number {
    const asked = parseTime(time, this.#now);
    if (asked <= this.moment) return asked;
    throw invalidArgument(
      `this view is fixed at ${formatTime(this.moment)} and shows nothing later; read ${formatTime(asked)} from the store`,
    );
  }
}

/** The reads of `reader` at a moment, each of them. */
export function readAt<K extends Key>(reader: Reader<K>, fixed: FixedMoment): Reader<K> {
  return new ReaderAt(reader, fixed);
}

class ReaderAt<K extends Key> implements Reader<K> {
  readonly #reader: Reader<K>;
  readonly #fixed: FixedMoment;

  constructor(reader: Reader<K>, fixed: FixedMoment) {
    this.#reader = reader;
    this.#fixed = fixed;
  }

  async get(key: BytesInput, options?: GetOptions): Promise<Entry<K> | undefined> {
    return await this.#reader.get(key, this.#fixed.read(options));
  }

  async getMany(keys: readonly BytesInput[], options?: GetOptions): Promise<(Entry<K> | undefined)[]> {
    return await this.#reader.getMany(keys, this.#fixed.read(options));
  }

  scan(range?: Range, options?: LiveScanOptions): Entries<Entry<K>>;
  scan(range: Range | undefined, options: ScanOptions): Entries<Version<K>>;
  scan(range?: Range, options?: ScanOptions): Entries<Version<K>> {
    return this.#reader.scan(range, this.#fixed.read(options));
  }

  history(key: BytesInput, options?: HistoryOptions): Entries<Version<K>> {
    return this.#reader.history(key, this.#fixed.history(options));
  }

  aggregate(key: BytesInput, options: AggregateOptions): Entries<Bucket> {
    return this.#reader.aggregate(key, this.#fixed.history(options));
  }

  diff(range: Range | undefined, options: DiffOptions): Entries<Change<K>> {
    return this.#reader.diff(range, this.#fixed.diff(options));
  }

  at(moment: TimeInput): Reader<K> {
    return new ReaderAt(this.#reader, this.#fixed.at(moment));
  }
}
