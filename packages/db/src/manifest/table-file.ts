import { invariant } from "@kvts/common";
import type { Table } from "../table/table.ts";
import type { TableMeta } from "./table-meta.ts";

/** An open table `T`, shared by all versions that name it. */
export class TableFile<T = Table> {
  readonly meta: TableMeta;
  readonly table: T;
  /** The least and the greatest key, aligned and zero-padded as `compareKeys` wants them. */
  readonly smallest: Int32Array;
  readonly largest: Int32Array;
  readonly #unused: (file: TableFile<T>) => void;
  #references = 0;
  #removed = false;

  /** @param unused called when no version names the table any more. */
  constructor(meta: TableMeta, table: T, unused: (file: TableFile<T>) => void) {
    this.meta = meta;
    this.table = table;
    this.smallest = toWords(meta.smallest);
    this.largest = toWords(meta.largest);
    this.#unused = unused;
  }

  /** Whether the manifest has dropped the table, so that its file may go with its last reader. */
  get isRemoved(): boolean {
    return this.#removed;
  }

  markRemoved(): void {
    this.#removed = true;
  }

  acquire(): void {
    this.#references++;
  }

  release(): void {
    invariant(this.#references > 0, "V8: a table is released once by each version");
    if (--this.#references === 0) this.#unused(this);
  }
}

function toWords(key: Uint8Array): Int32Array {
  const words = new Int32Array((key.length + 3) >>> 2);
  new Uint8Array(words.buffer).set(key);
  return words;
}
