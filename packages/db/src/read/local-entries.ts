import { type CallOptions, callSignal, type Entries, makeEntries, throwIfAborted } from "@kvts/common";
import { BlockDemand } from "../format/version-run.ts";
import type { Table } from "../table/table.ts";
import { Batch } from "./batch.ts";
import type { Pin } from "./pins.ts";
import type { ReadSource } from "./reader.ts";
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

/** A read whose options have been checked: how many items at most, and how to open it at a seq. */
export interface Prepared<T extends object> {
  readonly limit: number;
  readonly open: (seq: number) => Stretches<T>;
}

/** Items a batch of `for … of` holds. */
const SYNC_BATCH_ITEMS = 128;
/** Items a batch of `for await` holds at most. */
const ASYNC_BATCH_ITEMS_MAX = 256;

const ASYNC: BlockDemand<Table> = new BlockDemand<Table>(false);
const SYNC: BlockDemand<Table> = new BlockDemand<Table>(true);

/**
 * @param prepare checks the options, at the call; what it throws fails the first step of the iteration. The seq is taken
 *   at that first step, and pinned until the end.
 */
export function makeLocalEntries<T extends object>(
  source: ReadSource,
  options: CallOptions | undefined,
  prepare: () => Prepared<T>,
): LocalEntries<T> {
  let prepared: Prepared<T> | undefined;
  let failure: unknown;
  let signal: AbortSignal | undefined;
  try {
    prepared = prepare();
    signal = callSignal(options);
  } catch (error) {
    failure = error;
  }
  const run = (): Run<T> => {
    if (prepared === undefined) throw failure;
    return new Run(source, prepared, signal);
  };
  let running: Run<T> | undefined;
  const entries = makeEntries<T>(
    {
      // A promise even where `run` throws.
      async pull(count) {
        running ??= run();
        return running.pull(count);
      },
      close: () => running?.close(),
    },
    signal,
  );
  return Object.assign(entries, {
    *[Symbol.iterator](): Generator<T, void, undefined> {
      const own = run();
      try {
        for (let items = own.pullSync(); items.length > 0; items = own.pullSync()) yield* items;
      } finally {
        own.close();
      }
    },
  });
}

/** One iteration: a pinned seq, and how far it has come. */
class Run<T extends object> {
  readonly #source: ReadSource;
  readonly #pin: Pin;
  readonly #stretches: Stretches<T>;
  readonly #signal: AbortSignal | undefined;
  #left: number;
  #ended = false;

  constructor(source: ReadSource, prepared: Prepared<T>, signal: AbortSignal | undefined) {
    this.#source = source;
    this.#signal = signal;
    this.#pin = source.pin(source.seq());
    this.#stretches = prepared.open(this.#pin.seq);
    this.#left = prepared.limit;
  }

  async pull(count: number): Promise<T[]> {
    const batch = this.#batch(Math.min(count, ASYNC_BATCH_ITEMS_MAX));
    if (batch === undefined) return [];
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
    return batch.completeSync();
  }

  close(): void {
    this.#pin.release();
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
