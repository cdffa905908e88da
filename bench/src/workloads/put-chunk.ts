import type { Dataset } from "../dataset/dataset.ts";
import { fillValue } from "../dataset/value.ts";
import type { Put } from "../stores/contender.ts";

/** The same put, to be filled in. */
type OpenPut = { -readonly [Name in keyof Put]: Put[Name] };

/** Large values are made ready fewer at a time. */
const chunkBytesMax = 32 * 1024 * 1024;

/**
 * Puts made ready before the clock starts, and made over for the next stretch: the time measured is the store's, and the
 * memory too.
 */
export class PutChunk {
  readonly #dataset: Dataset;
  readonly #keys: readonly string[];
  readonly #puts: readonly OpenPut[];

  /** @param wanted how many puts to make ready at a time, where so many are there and fit */
  constructor(dataset: Dataset, keys: readonly string[], wanted: number) {
    const { valueBytes, entries } = dataset;
    const size = Math.max(1, Math.min(wanted, entries, Math.floor(chunkBytesMax / valueBytes)));
    const values = Buffer.alloc(size * valueBytes);
    this.#dataset = dataset;
    this.#keys = keys;
    this.#puts = Array.from({ length: size }, (_, at) => ({
      op: "put",
      key: "",
      timestamp: 0,
      value: values.subarray(at * valueBytes, (at + 1) * valueBytes),
    }));
  }

  get size(): number {
    return this.#puts.length;
  }

  /** The entries at places `from` … of the order of loading, beginning again at its end. Valid until the next call. */
  prepare(from: number, count: number = this.size): readonly Put[] {
    for (let at = 0; at < count; at++) {
      const { index, version } = this.#dataset.loaded((from + at) % this.#dataset.entries);
      this.set(at, index, version);
    }
    return count === this.size ? this.#puts : this.#puts.slice(0, count);
  }

  /** Makes one of the puts over. */
  set(at: number, index: number, version: number): Put {
    const put = this.#puts[at]!;
    put.key = this.#keys[index]!;
    put.timestamp = this.#dataset.timestamp(index, version);
    fillValue(put.value, index, version);
    return put;
  }
}
