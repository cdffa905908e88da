/** Some items, or a promise of them where they are not there yet; none at the end. */
export type TakenItems<T> = readonly T[] | Promise<readonly T[]>;

/**
 * A `for await` over items that come in batches. Those of a batch that is there cost one promise each: an asynchronous
 * generator takes three, and most of the time of a short sequence.
 */
export class EntryIteration<T> implements AsyncIterator<T, undefined> {
  readonly #take: () => TakenItems<T>;
  readonly #close: () => Promise<void> | undefined;
  #items: readonly T[] = [];
  #next = 0;
  #isDone = false;
  /** Settles when the call that waits for a batch has; calls behind it wait for their turn. */
  #waiting: Promise<unknown> | undefined;

  /** @param close called once, at the end, after a failure, or when the loop is left; undefined where that is done at once. */
  constructor(take: () => TakenItems<T>, close: () => Promise<void> | undefined) {
    this.#take = take;
    this.#close = close;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#waiting !== undefined) return this.#inTurn(() => this.next());
    if (this.#next < this.#items.length) return Promise.resolve({ done: false, value: this.#items[this.#next++]! });
    if (this.#isDone) return Promise.resolve({ done: true, value: undefined });
    try {
      const items = this.#take();
      return items instanceof Promise ? this.#holdTurn(this.#await(items)) : this.#answer(items);
    } catch (error) {
      return this.#holdTurn(this.#fail(error));
    }
  }

  return(): Promise<IteratorResult<T, undefined>> {
    if (this.#waiting !== undefined) return this.#inTurn(() => this.return());
    return this.#isDone ? Promise.resolve({ done: true, value: undefined }) : this.#end();
  }

  /** The first item of a batch, or the end. */
  #answer(items: readonly T[]): Promise<IteratorResult<T, undefined>> {
    if (items.length === 0) return this.#end();
    this.#items = items;
    this.#next = 1;
    return Promise.resolve({ done: false, value: items[0]! });
  }

  async #await(coming: Promise<readonly T[]>): Promise<IteratorResult<T, undefined>> {
    let items: readonly T[];
    try {
      items = await coming;
    } catch (error) {
      return await this.#fail(error);
    }
    return await this.#answer(items);
  }

  #end(): Promise<IteratorResult<T, undefined>> {
    const closing = this.#finish();
    if (closing === undefined) return Promise.resolve({ done: true, value: undefined });
    return this.#holdTurn(closing.then(() => ({ done: true, value: undefined })));
  }

  async #fail(error: unknown): Promise<never> {
    await this.#finish();
    throw error;
  }

  #finish(): Promise<void> | undefined {
    this.#isDone = true;
    this.#items = [];
    this.#next = 0;
    return this.#close();
  }

  #inTurn(call: () => Promise<IteratorResult<T, undefined>>): Promise<IteratorResult<T, undefined>> {
    return this.#waiting!.then(call, call);
  }

  #holdTurn<R>(call: Promise<R>): Promise<R> {
    const over = (): void => {
      if (this.#waiting === waiting) this.#waiting = undefined;
    };
    const waiting = call.then(over, over);
    this.#waiting = waiting;
    return call;
  }
}
