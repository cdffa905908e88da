import type { WordList } from "./word-list.ts";

/**
 * Columns of numbers as a stream of bits, the lowest bit of each number first, in 32-bit words that are filled from the
 * lowest bit on. A number stands there as what it has above its column's base, in as many bits as the greatest needs.
 */
const TWO32 = 4294967296;
const WORD_BITS = 32;

/** Bits of the greatest number, 2^53 − 1. */
export const WIDTH_MAX = 53;

/** How many bits `n` needs, a number from 0 to 2^53 − 1. */
export function widthOf(n: number): number {
  return n < TWO32 ? WORD_BITS - Math.clz32(n) : WORD_BITS * 2 - Math.clz32(n / TWO32);
}

/** Writes columns one behind the other. */
export class BitWriter {
  readonly #words: WordList;
  /** Bits of the last word that are taken; 32 where there is none. */
  #used = WORD_BITS;

  /** @param words where the stream is added: it begins with a word of its own. */
  constructor(words: WordList) {
    this.#words = words;
  }

  /** Begins a stream behind what the list holds. */
  start(): void {
    this.#used = WORD_BITS;
  }

  /** Adds `count` numbers, each less `base` and in `width` bits. */
  add(numbers: Float64Array, count: number, base: number, width: number): void {
    if (width === 0) return;
    const low = width < WORD_BITS ? width : WORD_BITS;
    for (let i = 0; i < count; i++) {
      const n = numbers[i]! - base;
      this.#put(n >>> 0, low);
      if (width > WORD_BITS) this.#put((n / TWO32) | 0, width - WORD_BITS);
    }
  }

  #put(bits: number, width: number): void {
    const words = this.#words;
    const used = this.#used;
    if (used === WORD_BITS) {
      words.push(bits);
      this.#used = width;
      return;
    }
    const last = words.length - 1;
    words.i32[last] = words.i32[last]! | (bits << used);
    this.#used = used + width;
    if (this.#used <= WORD_BITS) return;
    words.push(bits >>> (WORD_BITS - used));
    this.#used -= WORD_BITS;
  }
}

/**
 * Reads `count` numbers from bit `bit` on, all of which lie within `words`, without their base: the lower 32 bits of
 * each into `low`, those above into `high`.
 */
export function readColumn(
  words: Int32Array,
  bit: number,
  width: number,
  count: number,
  low: Int32Array,
  high: Int32Array,
): void {
  const lowWidth = width < WORD_BITS ? width : WORD_BITS;
  readBits(words, bit, lowWidth, width, count, low);
  readBits(words, bit + lowWidth, width - lowWidth, width, count, high);
}

/** Reads `count` times `width` bits, 0 to 32, each time `step` bits further on. */
export function readBits(
  words: Int32Array,
  bit: number,
  width: number,
  step: number,
  count: number,
  into: Int32Array,
): void {
  if (width === 0) {
    for (let i = 0; i < count; i++) into[i] = 0;
    return;
  }
  const mask = width < WORD_BITS ? (1 << width) - 1 : -1;
  for (let i = 0, at = bit; i < count; i++, at += step) {
    const word = at >>> 5;
    const shift = at & 31;
    let bits = words[word]! >>> shift;
    if (shift + width > WORD_BITS) bits |= words[word + 1]! << (WORD_BITS - shift);
    into[i] = bits & mask;
  }
}
