import { limits } from "@kvts/common";
import {
  KIND_MASK,
  KIND_PUT,
  KIND_RETRACT,
  META,
  META_EXPIRES,
  META_EXTENT,
  META_LENGTH_SHIFT,
  POINTER,
  SEQ_HI,
  VERSION_WORDS,
} from "../format/version-record.ts";
import {
  BLOCK_HEADER_WORDS,
  COMMON_BYTES,
  FLAG_CONTINUED,
  FLAG_GOES_ON,
  FLAGS,
  KEY_COUNT,
  SENTINEL,
  SLOT_HASH,
  SLOT_KEY,
  SLOT_PREFIX,
  SLOT_VERSION,
  SLOT_WORDS,
  VALUES_OFFSET,
  VERSION_COUNT,
} from "../table/format.ts";
import { payloadWords } from "../table/payload.ts";

/** High words of numbers below 2^53. */
const HIGH_WORD_END = 1 << 21;

/**
 * Whether a block in memory is one that no lookup can leave, whatever its bytes: every count and offset, and that keys,
 * records and values fill it without gap. Says what is wrong, if anything is.
 *
 * @param word where the block begins in `i32`; it has `bytes` bytes.
 */
export function blockProblem(i32: Int32Array, word: number, bytes: number): string | undefined {
  if (bytes < BLOCK_HEADER_WORDS * 4) return "a block is too short";
  const keyCount = i32[word + KEY_COUNT]!;
  const versionCount = i32[word + VERSION_COUNT]!;
  const valuesOffset = i32[word + VALUES_OFFSET]!;
  if (keyCount < 1 || versionCount < keyCount || versionCount > bytes) return "a block's counts cannot be";
  if ((i32[word + FLAGS]! & ~(FLAG_CONTINUED | FLAG_GOES_ON)) !== 0) return "a block's flags are not known";
  const recordsOffset = (BLOCK_HEADER_WORDS + (keyCount + 1) * SLOT_WORDS) * 4;
  const keysOffset = recordsOffset + versionCount * VERSION_WORDS * 4;
  if (keysOffset > valuesOffset || valuesOffset > bytes) return "a block's sections overlap";
  return (
    slotProblem(i32, word, keyCount, keysOffset) ??
    recordProblem(i32, word, word + (recordsOffset >>> 2), word + (keysOffset >>> 2), bytes)
  );
}

/** Keys lie one behind the other, so each slot's key must end where the next slot's begins. */
function slotProblem(i32: Int32Array, word: number, keyCount: number, keysOffset: number): string | undefined {
  const common = i32[word + COMMON_BYTES]!;
  const valuesOffset = i32[word + VALUES_OFFSET]!;
  let keyOffset = keysOffset;
  let version = -1;
  let prefix = -0x80000000;
  let slot = word + BLOCK_HEADER_WORDS;
  for (let index = 0; index < keyCount; index++, slot += SLOT_WORDS) {
    if (i32[slot + SLOT_KEY] !== keyOffset || keyOffset >= valuesOffset) return "a key is not where its slot says";
    const length = i32[word + (keyOffset >>> 2)]!;
    if (length < 1 || length > limits.keyBytesMax || length < common) return "a key's length cannot be";
    keyOffset += 4 + ((length + 3) & ~3);
    const first = i32[slot + SLOT_VERSION]!;
    if (index === 0 ? first !== 0 : first <= version) return "a key has no versions";
    version = first;
    if (i32[slot + SLOT_PREFIX]! < prefix) return "keys are out of order";
    prefix = i32[slot + SLOT_PREFIX]!;
  }
  const versionCount = i32[word + VERSION_COUNT]!;
  if (common < 0 || version >= versionCount || i32[slot + SLOT_VERSION] !== versionCount)
    return "a key has no versions";
  if (keyOffset !== valuesOffset || i32[slot + SLOT_KEY] !== valuesOffset) return "keys do not end where values begin";
  if (i32[slot + SLOT_PREFIX] !== SENTINEL || i32[slot + SLOT_HASH] !== SENTINEL)
    return "a block's last slot is missing";
  return undefined;
}

/** Values lie one behind the other in the order of their records, up to the end of the block. */
function recordProblem(i32: Int32Array, word: number, from: number, to: number, bytes: number): string | undefined {
  let pointer = i32[word + VALUES_OFFSET]!;
  for (let at = from; at < to; at += VERSION_WORDS) {
    const meta = i32[at + META]!;
    if (i32[at]! >>> 0 >= HIGH_WORD_END || i32[at + SEQ_HI]! >>> 0 >= HIGH_WORD_END)
      return "a timestamp or seq is too large";
    const kind = meta & KIND_MASK;
    if (kind > KIND_RETRACT) return `version kind ${kind} is not known`;
    if (kind !== KIND_PUT && meta !== kind) return "a version without a value has one";
    if (i32[at + POINTER] !== pointer) return "a value is not where its record says";
    const payload = word + (pointer >>> 2);
    pointer += payloadWords(meta) * 4;
    if (pointer > bytes) return "a value reaches beyond its block";
    if ((meta & META_EXPIRES) !== 0 && i32[payload]! >>> 0 >= HIGH_WORD_END) return "an expiry is too large";
    if ((meta & META_EXTENT) !== 0 && meta >>> META_LENGTH_SHIFT === 0) return "an extent holds nothing";
  }
  return pointer === bytes ? undefined : "a block has bytes that nothing points at";
}
