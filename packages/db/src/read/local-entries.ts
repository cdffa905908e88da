import {
  abortable,
  type CallOptions,
  callSignal,
  type Entries,
  type EntriesSource,
  makeEntries,
  type Portion,
  type Portioned,
  portion,
  throwIfAborted,
} from "@kvts/common";
import { BlockDemand } from "../format/version-run.ts";
import type { Horizons } from "../retention/horizons.ts";
import type { Table } from "../table/table.ts";
import { Batch } from "./batch.ts";
import type { Pin } from "./pins.ts";
import type { ReadSource } from "./read-source.ts";
import type { ScanPause } from "./scan.ts";
import type { View } from "./view.ts";

/** A lazy sequence of the embedded engine. `for … of` reads at once and blocks; `for await` does not. */
export interface LocalEntries<T> extends Entries<T>, Iterable<T> {}

/** A read that goes on from where its last batch ended. */
interface Stretches<T extends object> {
  /** Grows whenever a stretch gets further than the one before it. */
  readonly progress: number;
  /** Where the next stretch begins, for what goes through keys. */
  readonly resume?: Uint8Array | undefined;
  fill(view: View, batch: Batch<T>, demand: BlockDemand<Table>): ScanPause;
}

/** A read whose options have been checked: how many items at most, and how to open it at a seq, by horizons. */
export interface Prepared<T extends object> {
  readonly limit: number;
  readonly open: (seq: number, horizons: Horizons | undefined) => Stretches<T>;
}

const never = (): boolean => false;

/** Items a batch of `for … of` holds. */
const SYNC_BATCH_ITEMS = 128;
/** Items a batch of `for await` holds at most. */
const ASYNC_BATCH_ITEMS_MAX = 256;

const ASYNC: BlockDemand<Table> = new BlockDemand<Table>(false);
const SYNC: BlockDemand<Table> = new BlockDemand<Table>(true);

/**
 * @param prepare checks the options, at the call; what it throws fails the first step of an iteration. The seq is taken
 *   at that first step.
 */
export function makeLocalEntries<T extends object>(
  source: ReadSource,
  options: CallOptions | undefined,
  prepare: () => Prepared<T>,
): LocalEntries<T> {
  try {
    const prepared = prepare();
    const signal = options === undefined ? undefined : callSignal(options);
    return new EngineEntries(() => new Run(source, prepared, signal), signal);
  } catch (error) {
    return new EngineEntries<T>(() => {
      throw error;
    }, undefined);
  }
}

/** A sequence that can be read in either way. */
export function localEntries<T>(entries: Entries<T>, atOnce: () => Iterator<T>): LocalEntries<T> {
  return Object.assign(entries, { [Symbol.iterator]: atOnce });
}

class EngineEntries<T extends object> implements LocalEntries<T>, Portioned<T> {
  readonly #start: () => Run<T>;
  readonly #signal: AbortSignal | undefined;
  #asynchronous: Entries<T> | undefined;
  /** What is read by portions. */
  #portions: Run<T> | undefined;

  constructor(start: () => Run<T>, signal: AbortSignal | undefined) {
    this.#start = start;
    this.#signal = signal;
  }

  nextv(count: number): Promise<T[]> {
    return this.#entries().nextv(count);
  }

  toArray(): Promise<T[]> {
    return this.#entries().toArray();
  }

  async [portion](count: number, isDue: () => boolean): Promise<Portion<T>> {
    this.#portions ??= this.#start();
    return await abortable(this.#portions.portion(count, isDue), this.#signal);
  }

  close(): Promise<void> {
    this.#portions?.close();
    return this.#entries().close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    return this.#entries()[Symbol.asyncIterator]();
  }

  /** Each `for … of` is a read of its own. */
  [Symbol.iterator](): Iterator<T, undefined> {
    return new SyncIteration(this.#start);
  }

  #entries(): Entries<T> {
    this.#asynchronous ??= makeEntries(new RunSource(this.#start), this.#signal);
    return this.#asynchronous;
  }
}

/** Begins its run with the first pull. */
class RunSource<T extends object> implements EntriesSource<T> {
  readonly #start: () => Run<T>;
  #run: Run<T> | undefined;

  constructor(start: () => Run<T>) {
    this.#start = start;
  }

  get ended(): boolean {
    return this.#run?.ended === true;
  }

  pull(count: number): T[] | Promise<T[]> {
    this.#run ??= this.#start();
    return this.#run.pull(count);
  }

  close(): void {
    this.#run?.close();
  }
}

class SyncIteration<T extends object> implements Iterator<T, undefined> {
  readonly #start: () => Run<T>;
  /** Begun with the first step: a seq that nothing pins may be dropped before the step after the next `await`. */
  #run: Run<T> | undefined;
  #items: readonly T[] = [];
  #next = 0;
  #ended = false;

  constructor(start: () => Run<T>) {
    this.#start = start;
  }

  next(): IteratorResult<T, undefined> {
    if (this.#next === this.#items.length) {
      this.#items = this.#ended ? [] : this.#pull();
      this.#next = 0;
      if (this.#items.length === 0) return { done: true, value: undefined };
    }
    return { done: false, value: this.#items[this.#next++]! };
  }

  return(): IteratorResult<T, undefined> {
    this.#items = [];
    this.#next = 0;
    this.#end();
    return { done: true, value: undefined };
  }

  #pull(): readonly T[] {
    try {
      this.#run ??= this.#start();
      const items = this.#run.pullSync();
      if (items.length === 0) this.#end();
      return items;
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  #end(): void {
    this.#ended = true;
    this.#run?.close();
  }
}

/** One iteration: the seq that it reads at, and how far it has come. */
class Run<T extends object> {
  readonly #source: ReadSource;
  readonly #seq: number;
  readonly #horizons: Horizons | undefined;
  readonly #stretches: Stretches<T>;
  readonly #signal: AbortSignal | undefined;
  #pin: Pin | undefined;
  #left: number;
  #ended = false;

  constructor(source: ReadSource, prepared: Prepared<T>, signal: AbortSignal | undefined) {
    this.#source = source;
    this.#signal = signal;
    this.#seq = source.seq();
    this.#horizons = source.horizons();
    this.#stretches = prepared.open(this.#seq, this.#horizons);
    this.#left = prepared.limit;
  }

  /** Whether nothing is left to be pulled. */
  get ended(): boolean {
    return this.#ended || this.#left <= 0;
  }

  /** What is in memory comes at once, save that the event loop gets its turn now and then. */
  pull(count: number, isDue: () => boolean = never): T[] | Promise<T[]> {
    const batch = this.#batch(Math.min(count, ASYNC_BATCH_ITEMS_MAX));
    if (batch === undefined) return [];
    const { progress } = this.#stretches;
    const isEnough = (): boolean => this.#stretches.progress > progress && isDue();
    const view = this.#source.view();
    const pause = this.#stretches.fill(view, batch, ASYNC);
    const isRead = pause === "end" || pause === "full";
    if (!isRead || batch.isIncomplete) return this.#pullRest(view.acquire(), batch, pause, isEnough);
    this.#count(batch, pause);
    if (!this.ended) this.#hold();
    const items = batch.completeSync();
    return this.#source.fairness.isDue(items.length + 1) ? this.#nextTurn(items) : items;
  }

  /** What `pull` finds, or none of it yet once it is due. */
  async portion(count: number, isDue: () => boolean): Promise<Portion<T>> {
    const items = await this.pull(count, isDue);
    return { items, ended: this.ended, resume: this.#stretches.resume };
  }

  /** Goes on where the first stretch has paused, or with what it has left to be read. */
  async #pullRest(view: View, batch: Batch<T>, firstPause: ScanPause, isEnough: () => boolean): Promise<T[]> {
    const loaded = new LoadedBlocks();
    try {
      this.#hold();
      let pause = firstPause;
      for (;;) {
        const { table, block } = ASYNC;
        loaded.keepUntilProgress(this.#stretches.progress);
        if (pause === "end" || pause === "full" || (pause === "long" && batch.size > 0)) break;
        if (isEnough()) break;
        if (pause === "miss") loaded.add(await table!.load(block));
        else await this.#source.nextTurn();
        throwIfAborted(this.#signal);
        pause = this.#stretches.fill(view, batch, ASYNC);
      }
      this.#count(batch, pause);
      return await batch.complete();
    } finally {
      loaded.release();
      view.release();
    }
  }

  async #nextTurn(items: T[]): Promise<T[]> {
    await this.#source.nextTurn();
    return items;
  }

  #count(batch: Batch<T>, pause: ScanPause): void {
    if (pause === "end") this.#ended = true;
    this.#left -= batch.size;
  }

  /** Keeps what is visible at its seq from now on. */
  #hold(): void {
    this.#pin ??= this.#source.pin(this.#seq, this.#horizons);
  }

  pullSync(): T[] {
    throwIfAborted(this.#signal);
    const batch = this.#batch(SYNC_BATCH_ITEMS);
    if (batch === undefined) return [];
    const view = this.#source.view();
    for (;;) {
      const pause = this.#stretches.fill(view, batch, SYNC);
      if (pause !== "end" && pause !== "full") continue;
      this.#count(batch, pause);
      break;
    }
    // What is read whole in one synchronous stretch needs no pin: nothing can be dropped meanwhile.
    if (!this.ended) this.#hold();
    return batch.completeSync();
  }

  close(): void {
    this.#ended = true;
    this.#pin?.release();
  }

  #batch(itemsMax: number): Batch<T> | undefined {
    return this.ended ? undefined : new Batch<T>(Math.min(itemsMax, this.#left));
  }
}

/**
 * Blocks that were loaded for a stretch and stay pinned until it gets further: with fewer frames than layers they would
 * otherwise push each other out for ever.
 */
class LoadedBlocks {
  readonly #blocks: { release(): void }[] = [];
  #progress = -1;

  add(block: { release(): void }): void {
    this.#blocks.push(block);
  }

  keepUntilProgress(progress: number): void {
    if (progress !== this.#progress) this.release();
    this.#progress = progress;
  }

  release(): void {
    for (const block of this.#blocks) block.release();
    this.#blocks.length = 0;
  }
}
