const POOL_BYTES = 64 * 1024;
/** Longer values get memory of their own. */
const POOLED_BYTES_MAX = 4 * 1024;
/** Up to here a loop over words beats a native copy. */
const WORD_COPY_BYTES_MAX = 256;

let poolI32 = new Int32Array(POOL_BYTES / 4);
let poolU8 = new Uint8Array(poolI32.buffer);
let poolUsed = 0;

/**
 * A copy of `length` bytes at the 4-byte aligned `offset`, owned by the caller.
 * Short values are cut from shared 64 KiB pools, as Node's own buffers are: their `buffer` is not theirs alone.
 */
export function copyValue(i32: Int32Array, u8: Uint8Array, offset: number, length: number): Uint8Array {
  if (length > POOLED_BYTES_MAX) return new Uint8Array(u8.subarray(offset, offset + length));
  if (poolUsed + length + 3 > POOL_BYTES) {
    poolI32 = new Int32Array(POOL_BYTES / 4);
    poolU8 = new Uint8Array(poolI32.buffer);
    poolUsed = 0;
  }
  const start = poolUsed;
  poolUsed = (start + length + 7) & ~7;
  if (length <= WORD_COPY_BYTES_MAX) {
    const to = start >>> 2;
    const from = offset >>> 2;
    const words = (length + 3) >>> 2;
    for (let word = 0; word < words; word++) poolI32[to + word] = i32[from + word]!;
  } else {
    poolU8.set(u8.subarray(offset, offset + length), start);
  }
  return new Uint8Array(poolI32.buffer, start, length);
}
