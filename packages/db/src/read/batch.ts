import { isIncomplete, type Pending } from "./found-version.ts";

/** Bytes of values after which a batch is full; it holds one item at least. */
const BATCH_BYTES_MAX = 4 * 1024 * 1024;

/** Items read in one synchronous stretch. Values in extents are filled in afterwards, while their view is still held. */
export class Batch<T extends object> {
  readonly #found: (T | Pending<T>)[] = [];
  readonly #itemsMax: number;
  #bytes = 0;
  #incomplete = false;

  constructor(itemsMax: number) {
    this.#itemsMax = itemsMax;
  }

  get size(): number {
    return this.#found.length;
  }

  get full(): boolean {
    return this.#found.length >= this.#itemsMax || this.#bytes >= BATCH_BYTES_MAX;
  }

  /** Whether a value is still to be read from an extent. */
  get isIncomplete(): boolean {
    return this.#incomplete;
  }

  add(found: T | Pending<T>, valueBytes: number): void {
    this.#found.push(found);
    this.#bytes += valueBytes;
    if (isIncomplete(found)) this.#incomplete = true;
  }

  /** All items, their extents read without holding the event loop. */
  async complete(): Promise<T[]> {
    if (!this.#incomplete) return this.#found as T[];
    const items: T[] = [];
    for (const item of this.#found) {
      let found: T | Pending<T> = item;
      while (isIncomplete(found)) found = found.complete(await found.extent.read());
      items.push(found);
    }
    return items;
  }

  /** All items, their extents read at once. */
  completeSync(): T[] {
    if (!this.#incomplete) return this.#found as T[];
    return this.#found.map((item) => {
      let found: T | Pending<T> = item;
      while (isIncomplete(found)) found = found.complete(found.extent.readSync());
      return found;
    });
  }
}
