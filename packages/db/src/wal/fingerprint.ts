import { crc32 } from "../format/checksum.ts";
import { hashKey } from "../format/key-buffer.ts";
import { highWord, lowWord, META_EXPIRES, META_LENGTH_SHIFT } from "../format/version-record.ts";
import { OPERATION_KEY_BYTES, OPERATION_META, OPERATION_TIMESTAMP, OPERATION_WORDS } from "./format.ts";

/** Stands for a timestamp that was assigned; no timestamp has this high word. */
const ASSIGNED: Words = { high: 0x7fffffff, low: 0 };
/** The slower half of the fingerprint looks at so much. */
const HASHED_BYTES_MAX = 64 * 1024;

interface Words {
  readonly high: number;
  readonly low: number;
}

/** Two words that are equal for equal content, and for other content hardly ever. */
export type Fingerprint = Words;

/**
 * Of the operations from word `first` up to `end`, whatever timestamp was assigned to those that came without one: a
 * write that is sent again is the same write, though another would be assigned by now.
 * @param seed a checksum of what else belongs to the content
 */
export function fingerprintOperations(
  i32: Int32Array,
  u8: Uint8Array,
  first: number,
  end: number,
  assigned: number | undefined,
  seed: number,
): Fingerprint {
  if (assigned === undefined) return fingerprintWords(i32, u8, first, end, seed);
  const own = { high: highWord(assigned), low: lowWord(assigned) };
  replaceTimestamps(i32, first, end, own, ASSIGNED);
  const fingerprint = fingerprintWords(i32, u8, first, end, seed);
  replaceTimestamps(i32, first, end, ASSIGNED, own);
  return fingerprint;
}

function fingerprintWords(i32: Int32Array, u8: Uint8Array, first: number, end: number, seed: number): Fingerprint {
  const bytes = (end - first) * 4;
  return {
    high: hashKey(i32, first, Math.min(bytes, HASHED_BYTES_MAX)),
    low: crc32(u8.subarray(first * 4, end * 4), seed) | 0,
  };
}

/** Gives operations with one timestamp, in words, another. */
function replaceTimestamps(i32: Int32Array, first: number, end: number, from: Words, to: Words): void {
  for (let at = first; at < end; ) {
    const timestamp = at + OPERATION_TIMESTAMP;
    if (i32[timestamp] === from.high && i32[timestamp + 1] === from.low) {
      i32[timestamp] = to.high;
      i32[timestamp + 1] = to.low;
    }
    const meta = i32[at + OPERATION_META]!;
    const value = ((meta >>> META_LENGTH_SHIFT) + 3) >>> 2;
    const expiry = (meta & META_EXPIRES) === 0 ? 0 : 2;
    at += OPERATION_WORDS + ((i32[at + OPERATION_KEY_BYTES]! + 3) >>> 2) + expiry + value;
  }
}
