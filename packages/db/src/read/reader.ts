import {
  type AggregateOptions,
  aggregateEntries,
  aggregateSync,
  type Bucket,
  type BytesInput,
  type Change,
  callSignal,
  checkCallOptions,
  checkLimit,
  checkPositiveInteger,
  copyBytes,
  type DiffOptions,
  type Entry,
  encodeKeys,
  type GetOptions,
  type HistoryOptions,
  type Key,
  type LiveScanOptions,
  parseTime,
  type Range,
  resolveMoments,
  resolveRange,
  type ScanOptions,
  throwIfAborted,
  type Version,
} from "@kvts/common";
import { KeyBuffer } from "../format/key-buffer.ts";
import { NUMBER_MAX } from "../format/version-record.ts";
import { BlockDemand, FOUND, MISS } from "../format/version-run.ts";
import type { Horizons } from "../retention/horizons.ts";
import type { Table } from "../table/table.ts";
import { BestVersion } from "./best-version.ts";
import { Bounds } from "./bounds.ts";
import { Diff } from "./diff.ts";
import { checkFloor, floorOf, isSpent } from "./floor.ts";
import { entryAt, type Incomplete, isIncomplete, isVisible } from "./found-version.ts";
import { History } from "./history.ts";
import { type KeyForm, keyAt } from "./key-decoder.ts";
import { type LocalEntries, localEntries, makeLocalEntries } from "./local-entries.ts";
import { findPoint } from "./point-read.ts";
import type { ReadSource } from "./read-source.ts";
import { Scan } from "./scan.ts";
import type { View } from "./view.ts";

/** Looks into level 0 between two looks whether they call for a merge. A power of two. */
const LOOKS_INTERVAL = 16_384;

// One set serves every synchronous stretch: nothing else runs in between.
const KEY = new KeyBuffer();
const BEST = new BestVersion();
const BOUNDS = new Bounds(undefined, 0);
const SYNC: BlockDemand<Table> = new BlockDemand<Table>(true);
const ASYNC: BlockDemand<Table> = new BlockDemand<Table>(false);

/**
 * The read operations over one source, with keys given back in one form.
 *
 * `get` and the first batch of a scan try memory and cache without a promise chain; what is not there is loaded through
 * the thread pool and the lookup repeated, on the same view.
 */
export class EngineReader<K extends Key> {
  readonly #source: ReadSource;
  readonly #form: KeyForm;

  constructor(source: ReadSource, form: KeyForm) {
    this.#source = source;
    this.#form = form;
  }

  /** Microseconds, by the store's clock. */
  now(): number {
    return this.#source.now();
  }

  get(key: BytesInput, options?: GetOptions): Promise<Entry<K> | undefined> {
    try {
      checkCallOptions(options, "get");
      if (options?.signal !== undefined) throwIfAborted(options.signal);
      if (options?.timeoutMs !== undefined) checkPositiveInteger(options.timeoutMs, "timeoutMs");
      const asOf = this.#asOf(options);
      const seq = this.#source.seq();
      const horizons = this.#source.horizons();
      const found = this.#find(key, asOf, seq, horizons, ASYNC);
      if (found === MISS) {
        return this.#getLoading(typeof key === "string" ? key : copyBytes(key), asOf, seq, horizons, options);
      }
      if (found !== undefined && isIncomplete(found)) return completeOn(found, this.#source.view());
      return this.#source.fairness.isDue(1) ? this.#source.nextTurn().then(() => found) : Promise.resolve(found);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** @throws as `get` rejects */
  getSync(key: BytesInput, options?: GetOptions): Entry<K> | undefined {
    checkCallOptions(options, "get");
    const source = this.#source;
    const found = this.#find(key, this.#asOf(options), source.seq(), source.horizons(), SYNC);
    if (found === MISS || found === undefined) return undefined;
    return isIncomplete(found) ? found.complete(found.extent.readSync()) : found;
  }

  async getMany(keys: readonly BytesInput[], options?: GetOptions): Promise<(Entry<K> | undefined)[]> {
    checkCallOptions(options, "getMany");
    const signal = callSignal(options);
    throwIfAborted(signal);
    const asOf = this.#asOf(options);
    const pin = this.#source.pin(this.#source.seq(), this.#source.horizons());
    try {
      const moment = this.#moment(asOf);
      const encoded = encodeKeys(keys).map(copyBytes);
      const answers: (Entry<K> | undefined)[] = [];
      for (const [index, key] of encoded.entries()) {
        if (this.#source.fairness.isDue(1)) await this.#source.nextTurn();
        throwIfAborted(signal);
        const shown = keys[index]!;
        const name = typeof shown === "string" ? shown : key;
        const found = this.#find(name, asOf, pin.seq, pin.horizons, ASYNC, undefined, moment);
        answers.push(
          found === MISS
            ? await this.#getLoading(key, asOf, pin.seq, pin.horizons, options, moment)
            : await this.#complete(found),
        );
      }
      return answers;
    } finally {
      pin.release();
    }
  }

  /** Entries, and with `includeDeleted` the versions of deleted keys too. */
  scan(range?: Range, options?: LiveScanOptions): LocalEntries<Entry<K>>;
  scan(range: Range | undefined, options: ScanOptions | undefined): LocalEntries<Version<K>>;
  scan(range?: Range, options?: ScanOptions): LocalEntries<Version<K>> {
    return makeLocalEntries(this.#source, options, () => {
      checkCallOptions(options, "scan");
      const resolved = resolveRange(range);
      const limit = checkLimit(options?.limit);
      const asOf = this.#asOf(options);
      const settings = { reverse: options?.reverse === true, includeDeleted: options?.includeDeleted === true };
      const open = (seq: number, horizons: Horizons | undefined) => {
        return new Scan<K>(resolved, new Bounds(asOf, seq), this.#form, this.#moment(asOf), { ...settings, horizons });
      };
      return { limit, open };
    });
  }

  history(key: BytesInput, options?: HistoryOptions): LocalEntries<Version<K>> {
    return makeLocalEntries(this.#source, options, () => {
      checkCallOptions(options, "history");
      KEY.set(key);
      const bytes = KEY.toBytes();
      const limit = checkLimit(options?.limit);
      const now = () => this.#source.now();
      const from = options?.from === undefined ? 0 : parseTime(options.from, now);
      const to = options?.to === undefined ? NUMBER_MAX : parseTime(options.to, now);
      const shown = this.#shownKey();
      const open = (seq: number, horizons: Horizons | undefined) => {
        KEY.setBytes(bytes);
        const floor = horizons === undefined ? 0 : floorOf(horizons, KEY, options?.to === undefined ? undefined : to);
        return new History<K>(bytes, shown, { from, to }, seq, options?.reverse === true, floor);
      };
      return { limit, open };
    });
  }

  aggregate(key: BytesInput, options: AggregateOptions): LocalEntries<Bucket> {
    // The caller may change the key's bytes before the first read.
    const own = key instanceof Uint8Array ? copyBytes(key) : key;
    const history = (asked: HistoryOptions) => this.history(own, asked);
    return localEntries(aggregateEntries(history, options), () => aggregateSync(history, options));
  }

  diff(range: Range | undefined, options: DiffOptions): LocalEntries<Change<K>> {
    return makeLocalEntries(this.#source, options, () => {
      checkCallOptions(options, "diff");
      const resolved = resolveRange(range);
      const { from, to } = resolveMoments(options, () => this.#source.now());
      const limit = checkLimit(options.limit);
      const open = (seq: number, horizons: Horizons | undefined) => {
        checkFloor(horizons, resolved, from);
        return new Diff<K>(resolved, from, to, seq, this.#form);
      };
      return { limit, open };
    });
  }

  /** The key in KEY as each version shows it: one string for all, or a copy of the bytes for each. */
  #shownKey(): () => K {
    const key = keyAt(KEY.i32, 0, KEY.length, this.#form) as K;
    return typeof key === "string" ? () => key : () => new Uint8Array(key) as unknown as K;
  }

  #asOf(options: GetOptions | undefined): number | undefined {
    const asOf = options?.asOf;
    if (asOf === undefined) return undefined;
    return parseTime(asOf, () => this.#source.now());
  }

  /** When expiry is judged in a call that begins now. */
  #moment(asOf: number | undefined): () => number {
    const moment = asOf ?? this.#source.moment();
    return () => moment;
  }

  /** One lookup, in memory and cache (and on disk where `demand` is synchronous). */
  #find(
    key: BytesInput,
    asOf: number | undefined,
    seq: number,
    horizons: Horizons | undefined,
    demand: BlockDemand<Table>,
    view: View = this.#source.view(),
    moment?: () => number,
  ): Entry<K> | Incomplete<Entry<K>> | undefined | typeof MISS {
    KEY.set(key);
    const floor = horizons === undefined ? 0 : floorOf(horizons, KEY, asOf);
    try {
      const lookup = findPoint(view, KEY, BOUNDS.set(asOf, seq), BEST, demand);
      if ((view.version.level0Probes & (LOOKS_INTERVAL - 1)) === LOOKS_INTERVAL - 1) this.#source.manyReads();
      if (lookup === MISS) return MISS;
      const judged = moment ?? (() => asOf ?? this.#source.moment());
      if (lookup !== FOUND || !isVisible(BEST.run, BEST.index, judged)) return undefined;
      if (floor > 0 && isSpent(BEST.run, BEST.index, floor)) return undefined;
      const shown = typeof key === this.#form ? key : keyAt(KEY.i32, 0, KEY.length, this.#form);
      return entryAt(BEST.run, BEST.index, BEST.layer!, shown as K);
    } finally {
      BEST.release();
    }
  }

  /** The way of a lookup that lacked a block: load, look again, until everything is there. */
  async #getLoading(
    key: BytesInput,
    asOf: number | undefined,
    seq: number,
    horizons: Horizons | undefined,
    options: GetOptions | undefined,
    moment: () => number = this.#moment(asOf),
  ): Promise<Entry<K> | undefined> {
    const signal = callSignal(options);
    const view = this.#source.view().acquire();
    const loaded: { release(): void }[] = [];
    try {
      for (;;) {
        throwIfAborted(signal);
        const found = this.#find(key, asOf, seq, horizons, ASYNC, view, moment);
        if (found !== MISS) return await this.#complete(found);
        loaded.push(await ASYNC.table!.load(ASYNC.block));
      }
    } finally {
      for (const block of loaded) block.release();
      view.release();
    }
  }

  async #complete(found: Entry<K> | Incomplete<Entry<K>> | undefined): Promise<Entry<K> | undefined> {
    if (found === undefined || !isIncomplete(found)) return found;
    return completeOn(found, this.#source.view());
  }
}

/** Reads the value that is missing, while `view` keeps its file or arena. */
async function completeOn<T>(found: Incomplete<T>, view: View): Promise<T> {
  view.acquire();
  try {
    return found.complete(await found.extent.read());
  } finally {
    view.release();
  }
}
