import { invariant } from "@kvts/common";
import { compareKeys, type KeyBuffer } from "../format/key-buffer.ts";
import type { TableFile } from "./table-file.ts";

/** The tables of one level. Immutable. */
export class Level {
  readonly number: number;
  /** Level 0: newest first. Others: ascending by key, without overlap. */
  readonly files: readonly TableFile[];
  /** Whether keys may stand in several of the tables. */
  readonly overlapping: boolean;
  /** Over all tables; of an empty level such that no read can want it. */
  readonly minTimestamp: number;
  readonly maxTimestamp: number;
  readonly maxSeq: number;

  constructor(number: number, files: readonly TableFile[]) {
    this.number = number;
    this.overlapping = number === 0;
    this.files = this.overlapping
      ? files.toSorted((a, b) => b.meta.maxSeq - a.meta.maxSeq || b.meta.number - a.meta.number)
      : files.toSorted(bySmallest);
    this.minTimestamp = files.reduce((least, { meta }) => Math.min(least, meta.minTimestamp), Number.POSITIVE_INFINITY);
    this.maxTimestamp = files.reduce((most, { meta }) => Math.max(most, meta.maxTimestamp), -1);
    this.maxSeq = files.reduce((most, { meta }) => Math.max(most, meta.maxSeq), -1);
    if (!this.overlapping) this.#checkOrder();
  }

  /** The one table of a level without overlap that may hold `key`. */
  find(key: KeyBuffer): TableFile | undefined {
    const file = this.files[this.firstReaching(key)];
    if (file === undefined) return undefined;
    const { smallest, meta } = file;
    const order = compareKeys(smallest, 0, meta.smallest.length, key.i32, 0, key.length);
    return order <= 0 ? file : undefined;
  }

  /** Index of the first table whose greatest key is ≥ `key`; the number of tables where there is none. */
  firstReaching(key: KeyBuffer): number {
    const files = this.files;
    let low = 0;
    let high = files.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { largest, meta } = files[middle]!;
      if (compareKeys(largest, 0, meta.largest.length, key.i32, 0, key.length) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #checkOrder(): void {
    for (let i = 1; i < this.files.length; i++) {
      const before = this.files[i - 1]!;
      const after = this.files[i]!;
      const order = compareKeys(
        before.largest,
        0,
        before.meta.largest.length,
        after.smallest,
        0,
        after.meta.smallest.length,
      );
      invariant(order < 0, `V3: tables of level ${this.number} do not overlap`);
    }
  }
}

function bySmallest(a: TableFile, b: TableFile): number {
  return compareKeys(a.smallest, 0, a.meta.smallest.length, b.smallest, 0, b.meta.smallest.length);
}
