import { compareBytes } from "@kvts/common";

interface KeyRange {
  /** Inclusive. */
  readonly start: Uint8Array;
  /** Exclusive; undefined for past the last key. */
  readonly end: Uint8Array | undefined;
}

/** The keys that are in any of some ranges, as spans that ascend and do not touch. */
export class KeySpans {
  readonly #spans: { readonly start: Uint8Array; end: Uint8Array | undefined }[] = [];

  constructor(ranges: readonly KeyRange[]) {
    for (const { start, end } of ranges.toSorted((a, b) => compareBytes(a.start, b.start))) {
      const last = this.#spans.at(-1);
      if (last === undefined || (last.end !== undefined && compareBytes(last.end, start) < 0)) {
        this.#spans.push({ start, end });
      } else if (last.end !== undefined && (end === undefined || compareBytes(last.end, end) < 0)) {
        last.end = end;
      }
    }
  }

  get isEmpty(): boolean {
    return this.#spans.length === 0;
  }

  /** Whether any key from `smallest` to `largest`, both inclusive, is among them. */
  touches(smallest: Uint8Array, largest: Uint8Array): boolean {
    const next = this.#spans[this.#firstReaching(smallest)];
    return next !== undefined && compareBytes(next.start, largest) <= 0;
  }

  /** The first span that ends above `key`. */
  #firstReaching(key: Uint8Array): number {
    let low = 0;
    let high = this.#spans.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { end } = this.#spans[middle]!;
      if (end !== undefined && compareBytes(end, key) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
