import { hashPair } from "./hash.ts";

const rounds = 4;

/**
 * The numbers 0 … size − 1 in an order that looks random, each once, without a table in memory.
 *
 * A Feistel network over the next even power of two; numbers that fall outside are sent through it again, which ends
 * because it is a bijection (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002).
 */
export class Permutation {
  readonly size: number;
  readonly #seed: number;
  readonly #halfBits: number;
  readonly #halfMask: number;

  /** @param size up to 2^32 */
  constructor(size: number, seed: number) {
    this.size = size;
    this.#seed = seed;
    this.#halfBits = Math.max(1, Math.ceil(Math.log2(Math.max(2, size)) / 2));
    this.#halfMask = 2 ** this.#halfBits - 1;
  }

  /** Which number stands at `place`. */
  at(place: number): number {
    let number = this.#shuffle(place);
    while (number >= this.size) number = this.#shuffle(number);
    return number;
  }

  #shuffle(number: number): number {
    let left = number >>> this.#halfBits;
    let right = number & this.#halfMask;
    for (let round = 0; round < rounds; round++) {
      const next = left ^ (hashPair(right, this.#seed + round) & this.#halfMask);
      left = right;
      right = next;
    }
    return ((left << this.#halfBits) | right) >>> 0;
  }
}
