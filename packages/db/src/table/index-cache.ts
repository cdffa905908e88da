import type { TableIndex } from "./table-index.ts";

export interface IndexCacheStats {
  /** Bytes of the filters and fences that are in memory. */
  readonly bytes: number;
  readonly bytesMax: number;
  /** How many of them were read again after they had made room. */
  readonly reloads: number;
  readonly evictions: number;
}

/**
 * Filters and fences of all tables, as far as they are in memory: within a budget, by the CLOCK rule. Those that somebody
 * waits for stay, and so does the one that came last, however small the budget is.
 */
export class IndexCache {
  reloads = 0;
  readonly #bytesMax: number;
  readonly #resident: TableIndex[] = [];
  #bytes = 0;
  #hand = 0;
  #evictions = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  stats(): IndexCacheStats {
    return { bytes: this.#bytes, bytesMax: this.#bytesMax, reloads: this.reloads, evictions: this.#evictions };
  }

  /** An index has come into memory; others make room for it. */
  add(index: TableIndex): void {
    this.#resident.push(index);
    this.#bytes += index.bytes;
    for (let steps = 2 * this.#resident.length; steps > 0 && this.#bytes > this.#bytesMax; steps--) {
      this.#passHand(index);
    }
  }

  /** An index is in memory no more, or its table has been closed. */
  remove(index: TableIndex): void {
    const at = this.#resident.indexOf(index);
    if (at < 0) return;
    this.#bytes -= index.bytes;
    const last = this.#resident.pop()!;
    if (last !== index) this.#resident[at] = last;
  }

  #passHand(added: TableIndex): void {
    this.#hand = (this.#hand + 1) % this.#resident.length;
    const index = this.#resident[this.#hand]!;
    if (index === added || index.pins > 0) return;
    if (index.referenced) {
      index.referenced = false;
      return;
    }
    this.remove(index);
    index.drop();
    this.#evictions++;
  }
}
