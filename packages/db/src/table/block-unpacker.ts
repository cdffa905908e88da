import { hashKey } from "../format/key-buffer.ts";
import { META, META_EXPIRES, POINTER, SEQ_HI, SEQ_LO, TS_LO, VERSION_WORDS } from "../format/version-record.ts";
import { COMPRESSION_NONE, decompress } from "./compression.ts";
import { EXPIRY_WORDS } from "./extent.ts";
import {
  BLOCK_HEADER_WORDS,
  COMMON_BYTES,
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
} from "./format.ts";
import { boundedPrefix, commonPrefixBytes } from "./key-words.ts";
import { PackedColumns } from "./packed-columns.ts";
import { payloadWords, storedPayloadBytes } from "./payload.ts";

/** Stretches up to this length are copied byte by byte: a bulk copy needs a view, which costs as much. */
const LOOP_BYTES_MAX = 96;

const BIAS = 0x80000000;
/** The bits that a high word of numbers below 2^53 may have. */
const HIGH_MASK = 0x1fffff;

// One serves every block: nothing else runs in between.
const COLUMNS = new PackedColumns();

/**
 * Unpacks a block: {@link BlockPacker} made the payload, and packed-block.ts describes it. Everything is checked before
 * it is relied on, so that afterwards no lookup can leave the block, whatever its bytes, and keys ascend. The order of
 * versions is left to `verify`.
 *
 * @param bytes a checked envelope, at a whole word of its buffer; the payload begins at `from`, a multiple of four.
 * @param compression id, of the body.
 * @param i32 where the block goes, from word `word` on: there is room for `blockBytes`. `u8` is a view of the same.
 * @param dictionary that the body was compressed with, if it was.
 * @returns what is wrong, if anything is; what the place holds then is of no use.
 */
export function unpackBlock(
  bytes: Uint8Array,
  from: number,
  compression: number,
  blockBytes: number,
  i32: Int32Array,
  u8: Uint8Array,
  word: number,
  dictionary?: Uint8Array,
): string | undefined {
  const problem = COLUMNS.read(bytes, from, blockBytes);
  if (problem !== undefined) return problem;
  const { bodyAt, bodyBytes, keyCount, versionCount } = COLUMNS;
  const stored = bytes.subarray(bodyAt);
  const body = compression === COMPRESSION_NONE ? stored : decompress(compression, stored, bodyBytes, dictionary);
  if (body?.length !== bodyBytes) return "what was compressed there cannot be decompressed";
  const recordsWord = word + BLOCK_HEADER_WORDS + (keyCount + 1) * SLOT_WORDS;
  const keysWord = recordsWord + versionCount * VERSION_WORDS;
  const valuesWord = layOutKeys(body, i32, u8, word, keysWord);
  if (valuesWord < 0) return "keys are out of order";
  i32[word + KEY_COUNT] = keyCount;
  i32[word + VERSION_COUNT] = versionCount;
  i32[word + FLAGS] = COLUMNS.flags;
  i32[word + VALUES_OFFSET] = (valuesWord - word) * 4;
  completeSlots(i32, u8, word);
  layOutPayloads(body, i32, u8, valuesWord);
  return layOutRecords(i32, word, recordsWord, valuesWord);
}

/** Keys and slots, but for prefixes and the sentinel. Returns the word behind the keys; −1 where they do not ascend. */
function layOutKeys(body: Uint8Array, i32: Int32Array, u8: Uint8Array, word: number, keysWord: number): number {
  const { keyCount, shared, rest, versions } = COLUMNS;
  let slot = word + BLOCK_HEADER_WORDS;
  let at = keysWord;
  let before = 0;
  let bodyAt = 0;
  let version = 0;
  for (let key = 0; key < keyCount; key++, slot += SLOT_WORDS) {
    const same = shared[key]!;
    const length = same + rest[key]!;
    // It is greater than the key before where it goes on behind that, or with a greater byte where they part.
    if (key > 0 && (same === length || (same < i32[before - 1]! && body[bodyAt]! <= u8[before * 4 + same]!))) return -1;
    i32[slot + SLOT_KEY] = (at - word) * 4;
    i32[slot + SLOT_VERSION] = version;
    i32[at++] = length;
    const end = at + ((length + 3) >>> 2);
    for (let i = (same + 3) >>> 2; i > 0; i--) i32[at + i - 1] = i32[before + i - 1]!;
    copyBytes(body, bodyAt, u8, at * 4 + same, length - same);
    for (let i = at * 4 + length; i < end * 4; i++) u8[i] = 0;
    i32[slot + SLOT_HASH] = hashKey(i32, at, length);
    bodyAt += length - same;
    version += versions[key]!;
    before = at;
    at = end;
  }
  return at;
}

/** Prefixes begin behind what the first and the last key, and so all, share. */
function completeSlots(i32: Int32Array, u8: Uint8Array, word: number): void {
  const first = word + BLOCK_HEADER_WORDS;
  const end = first + i32[word + KEY_COUNT]! * SLOT_WORDS;
  const firstKey = word + i32[first + SLOT_KEY]! / 4;
  const lastKey = word + i32[end - SLOT_WORDS + SLOT_KEY]! / 4;
  const common = commonPrefixBytes(i32, firstKey + 1, i32[firstKey]!, i32, lastKey + 1, i32[lastKey]!);
  i32[word + COMMON_BYTES] = common;
  for (let slot = first; slot < end; slot += SLOT_WORDS) {
    const key = word + (i32[slot + SLOT_KEY]! >>> 2);
    i32[slot + SLOT_PREFIX] = boundedPrefix(u8, key * 4 + 4, i32[key]!, common);
  }
  i32[end + SLOT_PREFIX] = SENTINEL;
  i32[end + SLOT_HASH] = SENTINEL;
  i32[end + SLOT_KEY] = i32[word + VALUES_OFFSET]!;
  i32[end + SLOT_VERSION] = i32[word + VERSION_COUNT]!;
}

/**
 * The records, and the expiries in front of their values. All in 32-bit words: a sum is less than what was added to it
 * where it carries, and a high word beyond all numbers leaves its bits in `seen`.
 */
function layOutRecords(i32: Int32Array, word: number, recordsWord: number, valuesWord: number): string | undefined {
  const { keyCount, versions, firstTimestamps, laters, seqs, metas } = COLUMNS;
  const { low: firstLow, high: firstHigh, baseLow: firstBaseLow, baseHigh: firstBaseHigh } = firstTimestamps;
  const { low: laterLow, high: laterHigh, baseLow: laterBaseLow, baseHigh: laterBaseHigh } = laters;
  const { low: seqLow, high: seqHigh, baseLow: seqBaseLow, baseHigh: seqBaseHigh } = seqs;
  let at = recordsWord;
  let pointer = (valuesWord - word) * 4;
  let version = 0;
  let expiry = 0;
  let seen = 0;
  for (let key = 0; key < keyCount; key++) {
    let tsLow = (firstBaseLow + firstLow[key]!) | 0;
    let tsHigh = firstBaseHigh + firstHigh[key]! + carry(tsLow, firstBaseLow);
    seen |= tsHigh;
    for (const end = version + versions[key]!; ; ) {
      const low = (seqBaseLow + seqLow[version]!) | 0;
      const high = seqBaseHigh + seqHigh[version]! + carry(low, seqBaseLow);
      const meta = metas[version]!;
      seen |= high;
      i32[at] = tsHigh;
      i32[at + TS_LO] = tsLow ^ BIAS;
      i32[at + SEQ_HI] = high;
      i32[at + SEQ_LO] = low ^ BIAS;
      i32[at + POINTER] = pointer;
      i32[at + META] = meta;
      if ((meta & META_EXPIRES) !== 0) seen |= layOutExpiry(i32, word + (pointer >>> 2), tsHigh, tsLow, expiry++);
      pointer += payloadWords(meta) * 4;
      at += VERSION_WORDS;
      if (++version === end) break;
      // Every key has one version, its first, without such a number.
      const later = version - key - 1;
      const stepLow = (laterBaseLow + laterLow[later]!) | 0;
      const stepHigh = laterBaseHigh + laterHigh[later]! + carry(stepLow, laterBaseLow);
      tsLow = (tsLow + stepLow) | 0;
      tsHigh = (tsHigh + stepHigh + carry(tsLow, stepLow)) | 0;
      seen |= stepHigh | tsHigh;
    }
  }
  return (seen & ~HIGH_MASK) === 0 ? undefined : "a timestamp or seq is too large";
}

/** 1 where `sum`, of which `part` was one part, went beyond 32 bits. */
function carry(sum: number, part: number): number {
  return (sum ^ BIAS) < (part ^ BIAS) ? 1 : 0;
}

/** Returns the high word of what was added to the timestamp. */
function layOutExpiry(i32: Int32Array, word: number, tsHigh: number, tsLow: number, expiry: number): number {
  const { low, high, baseLow, baseHigh } = COLUMNS.expiresAfter;
  const afterLow = (baseLow + low[expiry]!) | 0;
  const afterHigh = baseHigh + high[expiry]! + carry(afterLow, baseLow);
  const expiresLow = (tsLow + afterLow) | 0;
  // Modulo 2^53: whatever was added is right again.
  i32[word] = (tsHigh + afterHigh + carry(expiresLow, tsLow)) & HIGH_MASK;
  i32[word + 1] = expiresLow ^ BIAS;
  return afterHigh;
}

/** The payloads behind their expiries. Those that lie one behind the other in both forms are copied in one go. */
function layOutPayloads(body: Uint8Array, i32: Int32Array, u8: Uint8Array, valuesWord: number): void {
  const { versionCount, metas, restBytes } = COLUMNS;
  let word = valuesWord;
  let from = restBytes;
  let to = valuesWord * 4;
  let bodyAt = restBytes;
  for (let version = 0; version < versionCount; version++) {
    const meta = metas[version]!;
    const bytes = storedPayloadBytes(meta);
    if ((meta & META_EXPIRES) !== 0) {
      copyBytes(body, from, u8, to, bodyAt - from);
      from = bodyAt;
      to = (word + EXPIRY_WORDS) * 4;
    }
    bodyAt += bytes;
    word += payloadWords(meta);
    if ((bytes & 3) === 0) continue;
    i32[word - 1] = 0;
    copyBytes(body, from, u8, to, bodyAt - from);
    from = bodyAt;
    to = word * 4;
  }
  copyBytes(body, from, u8, to, bodyAt - from);
}

function copyBytes(from: Uint8Array, fromAt: number, to: Uint8Array, toAt: number, bytes: number): void {
  if (bytes > LOOP_BYTES_MAX) to.set(from.subarray(fromAt, fromAt + bytes), toAt);
  else for (let i = 0; i < bytes; i++) to[toAt + i] = from[fromAt + i]!;
}
