import { compareKeys } from "../format/key-buffer.ts";
import { covers, type Erasure, touches } from "./erasure.ts";

/** What has to be known of a table to tell what becomes of it. */
export interface ErasableTable {
  readonly smallest: Uint8Array;
  readonly largest: Uint8Array;
  readonly minSeq: number;
  readonly maxSeq: number;
}

interface Bounds {
  readonly seq: number;
  /** Aligned and zero-padded, as keys lie everywhere. */
  readonly start: Int32Array;
  readonly startBytes: number;
  readonly end: Int32Array | undefined;
  readonly endBytes: number;
}

/**
 * The erasures in force: those whose bytes are not all gone yet. Until then every read, and every merge, goes by
 * {@link seqMin}. Immutable. There are few, for as long as it takes to write some tables anew, so they are looked through
 * one by one.
 */
export class Erasures {
  /** Ascending by seq; one at least. */
  readonly list: readonly Erasure[];
  readonly #bounds: readonly Bounds[];

  private constructor(list: readonly Erasure[]) {
    this.list = list;
    this.#bounds = list.map(({ start, end, seq }) => ({
      seq,
      start: toWords(start),
      startBytes: start.length,
      end: end && toWords(end),
      endBytes: end?.length ?? 0,
    }));
  }

  /** Undefined for none: what reads look at first. */
  static of(list: readonly Erasure[] | undefined): Erasures | undefined {
    return list === undefined || list.length === 0 ? undefined : new Erasures(list);
  }

  /** Of the latest. */
  get lastSeq(): number {
    return this.list.at(-1)!.seq;
  }

  /** Versions of a key with a lower seq are erased; 0 where none are. */
  seqMin(i32: Int32Array, word: number, length: number): number {
    const bounds = this.#bounds;
    for (let at = bounds.length - 1; at >= 0; at--) {
      const { start, startBytes, end, endBytes, seq } = bounds[at]!;
      if (compareKeys(start, 0, startBytes, i32, word, length) > 0) continue;
      if (end === undefined || compareKeys(i32, word, length, end, 0, endBytes) < 0) return seq;
    }
    return 0;
  }

  /**
   * Whether a table may hold something erased.
   * @param erasedSeq erasures up to this seq were in force when it was written
   */
  mayBeIn({ smallest, largest, minSeq }: ErasableTable, erasedSeq: number): boolean {
    return this.list.some((erasure) => {
      return erasure.seq > erasedSeq && erasure.seq > minSeq && touches(erasure, smallest, largest);
    });
  }

  /** Whether all of a table is erased. */
  areAllOf({ smallest, largest, maxSeq }: ErasableTable): boolean {
    return this.list.some((erasure) => erasure.seq > maxSeq && covers(erasure, smallest, largest));
  }
}

function toWords(key: Uint8Array): Int32Array {
  const words = new Int32Array((key.length + 3) >>> 2);
  new Uint8Array(words.buffer).set(key);
  return words;
}
