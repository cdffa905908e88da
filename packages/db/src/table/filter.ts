import { corruption } from "../format/corruption.ts";

const BITS_PER_KEY = 10;
const LINE_WORDS = 16;
const LINE_BITS = LINE_WORDS * 32;
const TWO32 = 4294967296;
// Odd constants for multiplicative hashing: one picks the line, the others the bits within it.
const LINE_MIX = 0x9e3779b1;
const BITS_MIX = 0x85ebca77;
const MORE_BITS_MIX = 0xc2b2ae3d;

/**
 * A blocked Bloom filter over the hashes of user keys: one 64-byte line a key, so that a test costs one cache miss.
 * Each key sets eight bits, one in every two words of its line; about 1 % of absent keys pass.
 * Source: Putze, Sanders, Singler, "Cache-, Hash- and Space-Efficient Bloom Filters" (2007).
 */
export class Filter {
  /** The filter as it is stored. */
  readonly words: Int32Array<ArrayBuffer>;
  readonly #lines: number;

  private constructor(words: Int32Array<ArrayBuffer>) {
    this.words = words;
    this.#lines = words.length / LINE_WORDS;
  }

  /** The filter of the first `count` hashes, which may repeat. */
  static build(hashes: Int32Array, count: number): Filter {
    const lines = Math.max(1, Math.ceil((count * BITS_PER_KEY) / LINE_BITS));
    const filter = new Filter(new Int32Array(lines * LINE_WORDS));
    for (let i = 0; i < count; i++) filter.#add(hashes[i]!);
    return filter;
  }

  /** @throws CORRUPTION where the payload is no whole number of lines. */
  static decode(words: Int32Array<ArrayBuffer>, file: string, offset: number): Filter {
    if (words.length === 0 || words.length % LINE_WORDS !== 0) {
      throw corruption(file, offset, `a filter of ${words.length} words is not made of whole lines`);
    }
    return new Filter(words);
  }

  /** False only where no key with this hash was added. */
  mayContain(hash: number): boolean {
    const words = this.words;
    const line = lineOf(hash, this.#lines);
    let bits = Math.imul(hash, BITS_MIX);
    for (let word = line; word < line + 8; word += 2) {
      // Six bits a probe: which of two words, and which of its bits.
      if ((words[word + ((bits >>> 31) & 1)]! & (1 << (bits >>> 26))) === 0) return false;
      bits <<= 6;
    }
    bits = Math.imul(hash, MORE_BITS_MIX);
    for (let word = line + 8; word < line + LINE_WORDS; word += 2) {
      if ((words[word + ((bits >>> 31) & 1)]! & (1 << (bits >>> 26))) === 0) return false;
      bits <<= 6;
    }
    return true;
  }

  #add(hash: number): void {
    const words = this.words;
    const line = lineOf(hash, this.#lines);
    let bits = Math.imul(hash, BITS_MIX);
    for (let word = line; word < line + LINE_WORDS; word += 2) {
      if (word === line + 8) bits = Math.imul(hash, MORE_BITS_MIX);
      words[word + ((bits >>> 31) & 1)]! |= 1 << (bits >>> 26);
      bits <<= 6;
    }
  }
}

/** The first word of a hash's line. */
function lineOf(hash: number, lines: number): number {
  return ((((Math.imul(hash, LINE_MIX) >>> 0) * lines) / TWO32) | 0) * LINE_WORDS;
}
