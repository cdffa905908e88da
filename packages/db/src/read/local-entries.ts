import { type CallOptions, callSignal, type Entries, makeEntries, throwIfAborted } from "@kvts/common";
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
  fill(view: View, batch: Batch<T>, demand: BlockDemand<Table>): ScanPause;
}

/** A read whose options have been checked: how many items at most, and how to open it at a seq, by horizons. */
export interface Prepared<T extends object> {
  readonly limit: number;
  readonly open: (seq: number, horizons: Horizons | undefined) => Stretches<T>;
}

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

class EngineEntries<T extends object> implements LocalEntries<T> {
  readonly #start: () => Run<T>;
  readonly #signal: AbortSignal | undefined;
  #asynchronous: Entries<T> | undefined;

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

  close(): Promise<void> {
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
    this.#asynchronous ??= asynchronousEntries(this.#start, this.#signal);
    return this.#asynchronous;
  }
}

function asynchronousEntries<T extends object>(start: () => Run<T>, signal: AbortSignal | undefined): Entries<T> {
  let run: Run<T> | undefined;
  return makeEntries<T>(
    {
      // A promise even where `start` throws.
      async pull(count) {
        run ??= start();
        return run.pull(count);
      },
      close: () => run?.close(),
    },
    signal,
  );
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

  async pull(count: number): Promise<T[]> {
    const batch = this.#batch(Math.min(count, ASYNC_BATCH_ITEMS_MAX));
    if (batch === undefined) return [];
    this.#pin ??= this.#source.pin(this.#seq, this.#horizons);
    if (this.#source.fairness.isDue(count)) await this.#source.nextTurn();
    const view = this.#source.view().acquire();
    const loaded = new LoadedBlocks();
    try {
      for (;;) {
        const pause = this.#stretches.fill(view, batch, ASYNC);
        const { table, block } = ASYNC;
        loaded.keepUntilProgress(this.#stretches.progress);
        if (pause === "end") this.#ended = true;
        if (pause === "end" || pause === "full" || (pause === "long" && batch.size > 0)) break;
        if (pause === "miss") loaded.add(await table!.load(block));
        else await this.#source.nextTurn();
        throwIfAborted(this.#signal);
      }
      this.#left -= batch.size;
      return await batch.complete();
    } finally {
      loaded.release();
      view.release();
    }
  }

  pullSync(): T[] {
    throwIfAborted(this.#signal);
    const batch = this.#batch(SYNC_BATCH_ITEMS);
    if (batch === undefined) return [];
    const view = this.#source.view();
    for (;;) {
      const pause = this.#stretches.fill(view, batch, SYNC);
      if (pause === "end") this.#ended = true;
      if (pause === "end" || pause === "full") break;
    }
    this.#left -= batch.size;
    // What is read whole in one synchronous stretch needs no pin: nothing can be dropped meanwhile.
    if (!this.#ended && this.#left > 0) this.#pin ??= this.#source.pin(this.#seq, this.#horizons);
    return batch.completeSync();
  }

  close(): void {
    this.#ended = true;
    this.#pin?.release();
  }

  #batch(itemsMax: number): Batch<T> | undefined {
    return this.#ended || this.#left <= 0 ? undefined : new Batch<T>(Math.min(itemsMax, this.#left));
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
