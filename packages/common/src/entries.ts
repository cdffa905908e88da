import { abortable, abortError } from "./call.ts";
import { EntryIteration } from "./entry-iteration.ts";
import { checkPositiveInteger } from "./numbers.ts";
import type { Entries } from "./store.ts";

/** Where a lazy sequence comes from. Calls are never concurrent. */
export interface EntriesSource<T> {
  /**
   * The next items, about `count` of them, more or fewer; none at the end. Not called again after that, or a failure. What
   * is there already is given without a promise.
   */
  pull(count: number): T[] | Promise<T[]>;
  /** Whether nothing comes behind what was pulled, where that is known: the call that would find nothing is saved then. */
  readonly ended?: boolean;
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
  /** Calls that wait, the source's answer to one included: one at a time touches the source. */
  #underWay = 0;
  /** Settles when those calls have. */
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

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    return new EntryIteration(
      () => this.#inTurn(1, batchItems),
      // Where all has been read and freed, nothing is left to wait for.
      () => (this.#closing === CLOSED ? undefined : this.close()),
    );
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

  /**
   * The next `least` to `count` items, fewer only at the end. Iteration asks for one, so that it waits for no second pull.
   * @throws at once, or later, what a pull has failed with
   */
  #inTurn(least: number, count: number): T[] | Promise<T[]> {
    const items = this.#underWay === 0 ? this.#take(least, count) : this.#turn.then(() => this.#take(least, count));
    if (!(items instanceof Promise)) return items;
    this.#underWay++;
    const over = (): void => {
      this.#underWay--;
    };
    this.#turn = items.then(over, over);
    return abortable(items, this.#signal);
  }

  #take(least: number, count: number): T[] | Promise<T[]> {
    if (this.#failure !== undefined) throw this.#failure.error;
    while (!this.#ended && this.#pulled.length - this.#taken < least) {
      const pulling = this.#pull(count);
      if (pulling !== undefined) return pulling.then(() => this.#take(least, count));
    }
    const items = this.#pulled;
    if (this.#taken === 0 && items.length <= count) {
      this.#pulled = [];
      return items;
    }
    const from = this.#taken;
    this.#taken = Math.min(from + count, items.length);
    return items.slice(from, this.#taken);
  }

  /** Waits for a pull under way to end, unless the signal fires: then the source is closed behind the caller's back. */
  async #closedOrAborted(closing: Promise<void>, signal: AbortSignal): Promise<void> {
    try {
      await abortable(closing, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Undefined where it is done at once. */
  #pull(count: number): Promise<void> | undefined {
    try {
      if (this.#signal?.aborted === true) throw abortError(this.#signal);
      const more = this.#source.pull(count - (this.#pulled.length - this.#taken));
      if (more instanceof Promise) return this.#await(more);
      return this.#add(more)?.catch((error: unknown) => this.#fail(error));
    } catch (error) {
      return this.#fail(error);
    }
  }

  async #await(coming: Promise<T[]>): Promise<void> {
    try {
      await this.#add(await coming);
    } catch (error) {
      await this.#fail(error);
    }
  }

  #add(more: T[]): Promise<void> | undefined {
    if (this.#ended) return undefined;
    this.#pulled = this.#taken === this.#pulled.length ? more : this.#pulled.slice(this.#taken).concat(more);
    this.#taken = 0;
    return more.length === 0 || this.#source.ended === true ? this.#finish() : undefined;
  }

  async #fail(error: unknown): Promise<never> {
    this.#failure = { error };
    await this.#finish();
    throw error;
  }

  /** Frees the source from within a turn; what was pulled can still be taken. Undefined where that is done at once. */
  #finish(): Promise<void> | undefined {
    this.#ended = true;
    // Where the consumer has called `close` meanwhile, that frees the source, and waits for this turn to end.
    if (this.#closing !== undefined) return undefined;
    this.#closing = CLOSED;
    const closing = this.#source.close?.();
    if (!(closing instanceof Promise)) return undefined;
    this.#closing = closing;
    return closing;
  }
}

const CLOSED: Promise<void> = Promise.resolve();

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
