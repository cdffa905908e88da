import type {
  AggregateOptions,
  Bucket,
  BytesInput,
  Change,
  DiffOptions,
  Entry,
  FixedMoment,
  GetOptions,
  HistoryOptions,
  Key,
  LiveScanOptions,
  Range,
  ScanOptions,
  TimeInput,
  Version,
} from "@kvts/common";
import type { LocalEntries } from "./local-entries.ts";
import type { EngineReader } from "./reader.ts";

/** The engine's reads at a moment, each of them. */
export class EngineReaderAt<K extends Key> {
  readonly #reader: EngineReader<K>;
  readonly #fixed: FixedMoment;

  constructor(reader: EngineReader<K>, fixed: FixedMoment) {
    this.#reader = reader;
    this.#fixed = fixed;
  }

  async get(key: BytesInput, options?: GetOptions): Promise<Entry<K> | undefined> {
    return await this.#reader.get(key, this.#fixed.read(options));
  }

  getSync(key: BytesInput, options?: GetOptions): Entry<K> | undefined {
    return this.#reader.getSync(key, this.#fixed.read(options));
  }

  async getMany(keys: readonly BytesInput[], options?: GetOptions): Promise<(Entry<K> | undefined)[]> {
    return await this.#reader.getMany(keys, this.#fixed.read(options));
  }

  scan(range?: Range, options?: LiveScanOptions): LocalEntries<Entry<K>>;
  scan(range: Range | undefined, options: ScanOptions): LocalEntries<Version<K>>;
  scan(range?: Range, options?: ScanOptions): LocalEntries<Version<K>> {
    return this.#reader.scan(range, this.#fixed.read(options));
  }

  history(key: BytesInput, options?: HistoryOptions): LocalEntries<Version<K>> {
    return this.#reader.history(key, this.#fixed.history(options));
  }

  aggregate(key: BytesInput, options: AggregateOptions): LocalEntries<Bucket> {
    return this.#reader.aggregate(key, this.#fixed.history(options));
  }

  diff(range: Range | undefined, options: DiffOptions): LocalEntries<Change<K>> {
    return this.#reader.diff(range, this.#fixed.diff(options));
  }

  at(moment: TimeInput): EngineReaderAt<K> {
    return new EngineReaderAt(this.#reader, this.#fixed.at(moment));
  }
}
