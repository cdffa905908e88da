import { keyPrefix } from "../format/key-buffer.ts";

/** A key that lies aligned and zero-padded somewhere, as compareKeys takes it. */
export interface KeyWords {
  readonly i32: Int32Array;
  readonly word: number;
  /** Bytes. */
  readonly length: number;
}

/** A copy of `bytes` laid out as {@link KeyWords}. */
export function keyWordsOf(bytes: Uint8Array): KeyWords {
  const i32 = new Int32Array((bytes.length + 3) >>> 2);
  new Uint8Array(i32.buffer).set(bytes);
  return { i32, word: 0, length: bytes.length };
}

/** How many bytes two keys share at their start. */
export function commonPrefixBytes(
  a: Int32Array,
  aWord: number,
  aLength: number,
  b: Int32Array,
  bWord: number,
  bLength: number,
): number {
  const bytes = aLength < bLength ? aLength : bLength;
  const words = (bytes + 3) >>> 2;
  for (let i = 0; i < words; i++) {
    const difference = a[aWord + i]! ^ b[bWord + i]!;
    if (difference === 0) continue;
    const shared = i * 4 + ((31 - Math.clz32(difference & -difference)) >>> 3);
    return shared < bytes ? shared : bytes;
  }
  return bytes;
}

/** Whether two keys, both at least `bytes` long, share their first `bytes` bytes. */
export function sharePrefix(a: Int32Array, aWord: number, b: Int32Array, bWord: number, bytes: number): boolean {
  const words = bytes >>> 2;
  for (let i = 0; i < words; i++) if (a[aWord + i] !== b[bWord + i]) return false;
  const rest = (bytes & 3) << 3;
  return rest === 0 || ((a[aWord + words]! ^ b[bWord + words]!) & ((1 << rest) - 1)) === 0;
}

/** As {@link keyPrefix}, for a key with no zero bytes behind it: what lies beyond its end counts as zero. */
export function boundedPrefix(u8: Uint8Array, offset: number, length: number, skip: number): number {
  if (skip + 4 <= length) return keyPrefix(u8, offset, skip);
  let prefix = 0;
  for (let i = skip; i < skip + 4; i++) prefix = (prefix << 8) | (i < length ? u8[offset + i]! : 0);
  return prefix ^ 0x80000000;
}
