import { encodeKey, limits } from "@kvts/common";

/**
 * A reusable, word-aligned copy of one user key, ready to be compared and hashed by 32-bit words.
 *
 * Keys lie the same way wherever the engine keeps them (here, in the memtable, in table blocks, in log records):
 * 4-byte aligned, zero-padded to a whole word. Behind the key two more words are zero, so that prefixes can be taken
 * without looking at the length. Owned by one synchronous stretch at a time.
 */
export class KeyBuffer {
  readonly i32: Int32Array = new Int32Array((limits.keyBytesMax + 1) / 4 + 3);
  readonly u8: Uint8Array = new Uint8Array(this.i32.buffer);
  /** Bytes in the key. */
  length = 0;
  /** {@link hashKey} of the key. */
  hash = 0;

  /**
   * Takes a key as callers hand it in.
   * @throws INVALID_ARGUMENT, TOO_LARGE as `encodeKey` does
   */
  set(key: string | Uint8Array): void {
    if (typeof key === "string") this.#setString(key);
    else this.setBytes(encodeKey(key));
  }

  /** Takes bytes that are known to be a key. */
  setBytes(key: Uint8Array): void {
    const length = key.length;
    this.#pad(length);
    this.u8.set(key);
    this.length = length;
    this.hash = hashKey(this.i32, 0, length);
  }

  /** Copies a key that already lies aligned and zero-padded at word `word` of `i32`. */
  setWords(i32: Int32Array, word: number, length: number): void {
    const words = (length + 3) >>> 2;
    const own = this.i32;
    for (let i = 0; i < words; i++) own[i] = i32[word + i]!;
    own[words] = 0;
    own[words + 1] = 0;
    this.length = length;
    this.hash = hashKey(own, 0, length);
  }

  /** A copy of the key's bytes, owned by the caller. */
  toBytes(): Uint8Array {
    return new Uint8Array(this.u8.subarray(0, this.length));
  }

  #setString(key: string): void {
    const chars = key.length;
    if (chars === 0 || chars > limits.keyBytesMax) {
      this.setBytes(encodeKey(key));
      return;
    }
    const i32 = this.i32;
    let word = 0;
    let at = 0;
    let seen = 0;
    // Four ASCII characters a word; `seen` collects the high bits, so that one test at the end finds any other character.
    for (const whole = chars - 3; at < whole; at += 4) {
      const a = key.charCodeAt(at);
      const b = key.charCodeAt(at + 1);
      const c = key.charCodeAt(at + 2);
      const d = key.charCodeAt(at + 3);
      seen |= a | b | c | d;
      i32[word++] = a | (b << 8) | (c << 16) | (d << 24);
    }
    let last = 0;
    for (let shift = 0; at < chars; at++, shift += 8) {
      const code = key.charCodeAt(at);
      seen |= code;
      last |= code << shift;
    }
    if (seen > 0x7f) {
      this.setBytes(encodeKey(key));
      return;
    }
    if ((chars & 3) !== 0) i32[word++] = last;
    i32[word] = 0;
    i32[word + 1] = 0;
    this.length = chars;
    this.hash = hashKey(i32, 0, chars);
  }

  /** Zeroes what lies between the key's end and two words past its last one. */
  #pad(length: number): void {
    const words = (length + 3) >>> 2;
    this.u8.fill(0, length, (words + 2) * 4);
  }
}

/**
 * A 32-bit hash of `length` bytes at word `word`, aligned and zero-padded.
 * Source: Austin Appleby's MurmurHash3 (x86, 32 bits), with the tail taken as one zero-padded word.
 */
export function hashKey(i32: Int32Array, word: number, length: number): number {
  let hash = 0x9747b28c | 0;
  const end = word + ((length + 3) >>> 2);
  for (let at = word; at < end; at++) {
    let k = Math.imul(i32[at]!, 0xcc9e2d51);
    k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
    hash ^= k;
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  hash ^= length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** Bytewise order of two aligned, zero-padded keys: negative, zero or positive. */
export function compareKeys(
  a: Int32Array,
  aWord: number,
  aLength: number,
  b: Int32Array,
  bWord: number,
  bLength: number,
): number {
  const words = ((aLength < bLength ? aLength : bLength) + 3) >>> 2;
  for (let i = 0; i < words; i++) {
    const x = a[aWord + i]!;
    const y = b[bWord + i]!;
    if (x !== y) return compareWords(x, y) || aLength - bLength;
  }
  return aLength - bLength;
}

/** Bytewise order of two different words of four bytes, lowest address first. */
function compareWords(x: number, y: number): number {
  const difference = x ^ y;
  const shift = (31 - Math.clz32(difference & -difference)) & 24;
  return ((x >>> shift) & 0xff) - ((y >>> shift) & 0xff);
}

/** Whether two aligned, zero-padded keys are the same. */
export function equalKeys(
  a: Int32Array,
  aWord: number,
  aLength: number,
  b: Int32Array,
  bWord: number,
  bLength: number,
): boolean {
  if (aLength !== bLength) return false;
  const words = (aLength + 3) >>> 2;
  for (let i = 0; i < words; i++) if (a[aWord + i] !== b[bWord + i]) return false;
  return true;
}

/**
 * The four bytes that follow `skip` bytes of a key, as a biased big-endian Int32: prefixes order as their keys do.
 * `skip` is at most the key's length, and four zero bytes follow the key or lie in its padding.
 */
export function keyPrefix(u8: Uint8Array, offset: number, skip: number): number {
  const at = offset + skip;
  return ((u8[at]! << 24) | (u8[at + 1]! << 16) | (u8[at + 2]! << 8) | u8[at + 3]!) ^ 0x80000000;
}
