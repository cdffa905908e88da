import { invariant } from "@kvts/common";
import { compareKeys, type KeyBuffer, keyPrefix } from "../format/key-buffer.ts";
import type { Table } from "../table/table.ts";
import type { TableFile } from "./table-file.ts";

/** The tables of one level. Immutable. */
export class Level<T = Table> {
  readonly number: number;
  /** Level 0: newest first. Others: ascending by key, without overlap. */
  readonly files: readonly TableFile<T>[];
  /** Whether keys may stand in several of the tables. */
  readonly overlapping: boolean;
  /** Over all tables; of an empty level such that no read can want it. */
  readonly minTimestamp: number;
  readonly maxTimestamp: number;
  readonly maxSeq: number;
  readonly #fences: KeyFences;

  constructor(number: number, files: readonly TableFile<T>[]) {
    this.number = number;
    this.overlapping = number === 0;
    this.files = this.overlapping
      ? files.toSorted((a, b) => b.meta.maxSeq - a.meta.maxSeq || b.meta.number - a.meta.number)
      : files.toSorted((a, b) => compareWords(a.smallest, a.meta.smallest, b.smallest, b.meta.smallest));
    this.minTimestamp = files.reduce((least, { meta }) => Math.min(least, meta.minTimestamp), Number.POSITIVE_INFINITY);
    this.maxTimestamp = files.reduce((most, { meta }) => Math.max(most, meta.maxTimestamp), -1);
    this.maxSeq = files.reduce((most, { meta }) => Math.max(most, meta.maxSeq), -1);
    if (!this.overlapping) this.#checkOrder();
    this.#fences = new KeyFences(this.overlapping ? [] : this.files);
  }

  /** The one table of a level without overlap that may hold `key`. */
  find(key: KeyBuffer): TableFile<T> | undefined {
    const file = this.files[this.#fences.firstReaching(key)];
    if (file === undefined) return undefined;
    const order = compareKeys(file.smallest, 0, file.meta.smallest.length, key.i32, 0, key.length);
    return order <= 0 ? file : undefined;
  }

  /** In a level without overlap, the index of the first table whose greatest key is ≥ `key`; their number where none is. */
  firstReaching(key: KeyBuffer): number {
    return this.#fences.firstReaching(key);
  }

  #checkOrder(): void {
    for (let i = 1; i < this.files.length; i++) {
      const before = this.files[i - 1]!;
      const after = this.files[i]!;
      const order = compareWords(before.largest, before.meta.largest, after.smallest, after.meta.smallest);
      invariant(order < 0, `V3: tables of level ${this.number} do not overlap`);
    }
  }
}

type Bounded = Pick<TableFile<unknown>, "meta" | "smallest" | "largest">;

/** The greatest keys of tables that ascend, arranged for search: real keys share their first bytes, so those go apart. */
class KeyFences {
  readonly #files: readonly Bounded[];
  /** Bytes that the least and the greatest key share, and with them all keys between. */
  readonly #commonBytes: number;
  /** The four bytes behind them, biased, of each table's greatest key. */
  readonly #prefixes: Int32Array;

  constructor(files: readonly Bounded[]) {
    this.#files = files;
    this.#commonBytes = files.length === 0 ? 0 : commonLength(files[0]!.meta.smallest, files.at(-1)!.meta.largest);
    this.#prefixes = Int32Array.from(files, ({ largest, meta }) => {
      // Four zero bytes behind the key, as `keyPrefix` wants.
      const padded = new Uint8Array(meta.largest.length + 4);
      padded.set(new Uint8Array(largest.buffer, 0, meta.largest.length));
      return keyPrefix(padded, 0, this.#commonBytes);
    });
  }

  firstReaching(key: KeyBuffer): number {
    const files = this.#files;
    const prefixes = this.#prefixes;
    if (files.length === 0) return 0;
    const order = this.#compareCommon(key);
    if (order !== 0) return order < 0 ? 0 : files.length;
    const prefix = keyPrefix(key.u8, 0, this.#commonBytes);
    let low = 0;
    let high = files.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const fence = prefixes[middle]!;
      if (fence < prefix || (fence === prefix && isBelow(files[middle]!, key))) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Order of the key against all keys between the fences, as far as their common bytes tell; 0 where it has them too. */
  #compareCommon(key: KeyBuffer): number {
    const common = this.#files[0]!.smallest;
    const bytes = this.#commonBytes;
    const i32 = key.i32;
    const words = bytes >>> 2;
    let word = 0;
    while (word < words && i32[word] === common[word]) word++;
    if (word === words && key.length >= bytes) {
      const rest = (bytes & 3) * 8;
      if (rest === 0 || (i32[word]! ^ common[word]!) << (32 - rest) === 0) return 0;
    }
    return compareKeys(i32, 0, key.length, common, 0, this.#files[0]!.meta.smallest.length);
  }
}

function isBelow({ largest, meta }: Bounded, key: KeyBuffer): boolean {
  return compareKeys(largest, 0, meta.largest.length, key.i32, 0, key.length) < 0;
}

function compareWords(a: Int32Array, aKey: Uint8Array, b: Int32Array, bKey: Uint8Array): number {
  return compareKeys(a, 0, aKey.length, b, 0, bKey.length);
}

function commonLength(a: Uint8Array, b: Uint8Array): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a[length] === b[length]) length++;
  return length;
}
