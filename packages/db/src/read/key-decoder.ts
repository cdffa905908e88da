import { decodeKey, type KeyOf } from "@kvts/common";

export type KeyForm = "string" | "bytes";

/** Up to this length ASCII keys take the short way. */
const ASCII_BYTES_MAX = 1024;
const scratch = new Int32Array(ASCII_BYTES_MAX / 4);
/** Node's own way below `toString`, which costs half as much; its type is not declared. */
const scratchBytes = Buffer.from(scratch.buffer) as Buffer & { latin1Slice(start: number, end: number): string };
const HIGH_BITS = 0x80808080 | 0;

/**
 * A key that lies aligned and zero-padded at `word`, in the form asked for; owned by the caller.
 * @throws INVALID_ARGUMENT for a key that is not UTF-8, read as a string
 */
export function keyAt<F extends KeyForm>(i32: Int32Array, word: number, length: number, form: F): KeyOf<F>;
export function keyAt(i32: Int32Array, word: number, length: number, form: KeyForm): string | Uint8Array {
  if (form === "string" && length <= ASCII_BYTES_MAX) {
    const words = (length + 3) >>> 2;
    let seen = 0;
    for (let i = 0; i < words; i++) {
      const value = i32[word + i]!;
      seen |= value;
      scratch[i] = value;
    }
    if ((seen & HIGH_BITS) === 0) return scratchBytes.latin1Slice(0, length);
  }
  return decodeKey(new Uint8Array(new Uint8Array(i32.buffer, i32.byteOffset + word * 4, length)), form);
}
