import { abortable, abortError } from "./call.ts";
import { checkPositiveInteger } from "./numbers.ts";
import type { Entries } from "./store.ts";

/** Where a lazy sequence comes from. Calls are never concurrent. */
export interface EntriesSource<T> {
  /** The next items, about `count` of them, more or fewer; none at the end. Not called again after that, or a failure. */
  pull(count: number): Promise<T[]>;
  /** Ends a pull that waits for what may never come: it answers with nothing. Called before `close`, at any time. */
  interrupt?(): void;
  /** Frees what the source holds. Called once: at the end, after a failure, or when the consumer stops early. */
  close?(): Promise<void> | void;
}

/** How many items iteration asks for at a time. */
const batchItems = 256;

class PulledEntries<T> implements Entries<T> {
  readonly #source: EntriesSource<T>;
  readonly #signal: AbortSignal | undefined;
  /** Items pulled and not yet taken, from `#taken` on. */
  #pulled: T[] = [];
  #taken = 0;
  /** Settles when the calls before it have: one at a time touches the source. */
  #turn: Promise<unknown> = Promise.resolve();
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  #closing: Promise<void> | undefined;

  constructor(source: EntriesSource<T>, signal: AbortSignal | undefined) {
    this.#source = source;
    this.#signal = signal;
  }

  async nextv(count: number): Promise<T[]> {
    checkPositiveInteger(count, "count");
    return this.#inTurn(count, count);
  }

  async toArray(): Promise<T[]> {
    const items: T[] = [];
    for await (const item of this) items.push(item);
    return items;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    try {
      for (;;) {
        const items = await this.#inTurn(1, batchItems);
        if (items.length === 0) return;
        yield* items;
      }
    } finally {
      await this.close();
    }
  }

  close(): Promise<void> {
    this.#ended = true;
    this.#pulled = [];
    this.#taken = 0;
    this.#source.interrupt?.();
    this.#closing ??= this.#turn.then(() => this.#source.close?.());
    return this.#signal === undefined ? this.#closing : this.#closedOrAborted(this.#closing, this.#signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The next `least` to `count` items, fewer only at the end. Iteration asks for one, so that it waits for no second pull. */
  #inTurn(least: number, count: number): Promise<T[]> {
    const items = this.#turn.then(() => this.#take(least, count));
    this.#turn = items.catch(() => undefined);
    return abortable(items, this.#signal);
  }

  async #take(least: number, count: number): Promise<T[]> {
    if (this.#failure !== undefined) throw this.#failure.error;
    while (!this.#ended && this.#pulled.length - this.#taken < least) await this.#pull(count);
    const items = this.#pulled.slice(this.#taken, this.#taken + count);
    this.#taken += items.length;
    return items;
  }

  /** Waits for a pull under way to end, unless the signal fires: then the source is closed behind the caller's back. */
  async #closedOrAborted(closing: Promise<void>, signal: AbortSignal): Promise<void> {
    try {
      await abortable(closing, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #pull(count: number): Promise<void> {
    try {
      if (this.#signal?.aborted === true) throw abortError(this.#signal);
      const left = this.#pulled.slice(this.#taken);
      const more = await this.#source.pull(count - left.length);
      if (this.#ended) return;
      this.#pulled = left.concat(more);
      this.#taken = 0;
      if (more.length === 0) await this.#finish();
    } catch (error) {
      this.#failure = { error };
      await this.#finish();
      throw error;
    }
  }

  /** Frees the source from within a turn; what was pulled can still be taken. */
  async #finish(): Promise<void> {
    this.#ended = true;
    // Where the consumer has called `close` meanwhile, that frees the source, and waits for this turn to end.
    if (this.#closing !== undefined) return;
    this.#closing = Promise.resolve(this.#source.close?.());
    await this.#closing;
  }
}

/**
 * A lazy sequence over `source`. `nextv` is short only at the end; concurrent calls take turns; leaving a `for await`
 * closes it; after `close` it is at its end; after a failure every call fails with the same error.
 * When `signal` fires, waiting calls fail with its error at once.
 */
export function makeEntries<T>(source: EntriesSource<T>, signal?: AbortSignal): Entries<T> {
  return new PulledEntries(source, signal);
}

/** A sequence of items that are there already. */
export function entriesOf<T>(items: Iterable<T>): Entries<T> {
  const iterator = items[Symbol.iterator]();
  return makeEntries({
    async pull(count) {
      const taken: T[] = [];
      while (taken.length < count) {
        const next = iterator.next();
        if (next.done === true) break;
        taken.push(next.value);
      }
      return taken;
    },
    close() {
      iterator.return?.();
    },
  });
}
