/**
 * LZ4 blocks, in AssemblyScript: everything lies in one linear memory, and addresses are numbers. The caller places what
 * goes in, says where the rest may go, and keeps SLACK bytes free behind both, into which copies by words may run over.
 *
 * A block is a list of sequences: a token (two lengths of four bits), more bytes for a length of 15 and above, literals,
 * the distance of a match as a 16-bit word, more bytes for its length above 4. The last sequence has literals only.
 */

/** Positions by the hash of the five bytes that begin there: this many words, as many bits. */
const HASH_BITS: u64 = 12;
const HASH_FACTOR: u64 = 0xcf1bbcdcbb;
const MATCH_BYTES_MIN: usize = 4;
const DISTANCE_MAX: usize = 65535;
/** A length that four bits cannot say goes on in further bytes. */
const NIBBLE_MAX: usize = 15;
/** No match begins in the last twelve bytes, nor reaches into the last five. */
const TAIL_WITHOUT_START: usize = 12;
const TAIL_WITHOUT_MATCH: usize = 5;
/** After 2^4 bytes without a match every second one is looked up, after as many more every third. */
const PATIENCE_BITS: usize = 4;

/**
 * Compresses what lies from `from` to `end`; matches may reach back to `least`, where a dictionary begins that ends at
 * `from`. Returns the bytes written from `to` on: no more than the input has, plus one for every 255 and 16.
 * @param table 16 KiB of memory, with any contents
 */
export function compress(table: usize, least: usize, from: usize, end: usize, to: usize): usize {
  memory.fill(table, 0, 4 << (HASH_BITS as usize));
  for (let at = least; at < from; at++) store<u32>(slot(table, at), (at - least) as u32);
  let anchor = from;
  let out = to;
  let tries: usize = 1 << PATIENCE_BITS;
  // A slot that nobody has written says `least`, which is as good a guess as any, but for itself.
  for (let at = max(from, least + 1); at <= end - TAIL_WITHOUT_START; ) {
    const found = slot(table, at);
    let match = least + (load<u32>(found) as usize);
    store<u32>(found, (at - least) as u32);
    if (at - match > DISTANCE_MAX || load<u32>(match) !== load<u32>(at)) {
      at += tries++ >> PATIENCE_BITS;
      continue;
    }
    tries = 1 << PATIENCE_BITS;
    while (at > anchor && match > least && load<u8>(at - 1) === load<u8>(match - 1)) {
      at--;
      match--;
    }
    const next = matchEnd(at + MATCH_BYTES_MIN, match + MATCH_BYTES_MIN, end - TAIL_WITHOUT_MATCH);
    const beyond = next - at - MATCH_BYTES_MIN;
    out = putLiterals(out, anchor, at - anchor, min(beyond, NIBBLE_MAX));
    store<u16>(out, (at - match) as u16);
    out += 2;
    if (beyond >= NIBBLE_MAX) out = putLength(out, beyond - NIBBLE_MAX);
    at = next;
    anchor = next;
    store<u32>(slot(table, at - 2), (at - 2 - least) as u32);
  }
  return putLiterals(out, anchor, end - anchor, 0) - to;
}

/**
 * Decompresses what lies from `from` to `end` into `to` up to `toEnd`, whatever the bytes are; matches may reach back to
 * `least`, where a dictionary begins that ends at `to`. Returns the bytes written; −1 where it is no LZ4 block, or more
 * would come out of it.
 */
export function decompress(from: usize, end: usize, least: usize, to: usize, toEnd: usize): i32 {
  let at = from;
  let out = to;
  while (at < end) {
    const token = load<u8>(at++) as usize;
    let literals = token >>> 4;
    if (literals === NIBBLE_MAX) {
      for (let more: usize = 255; more === 255; literals += more) {
        if (at >= end) return -1;
        more = load<u8>(at++) as usize;
      }
    }
    if (literals > end - at || literals > toEnd - out) return -1;
    copyWords(at, out, literals);
    at += literals;
    out += literals;
    if (at === end) break;
    if (end - at < 2) return -1;
    const distance = load<u16>(at) as usize;
    at += 2;
    let length = token & NIBBLE_MAX;
    if (length === NIBBLE_MAX) {
      for (let more: usize = 255; more === 255; length += more) {
        if (at >= end) return -1;
        more = load<u8>(at++) as usize;
      }
    }
    length += MATCH_BYTES_MIN;
    if (distance === 0 || distance > out - least || length > toEnd - out) return -1;
    if (distance >= 16) copyWords(out - distance, out, length);
    else for (let i: usize = 0; i < length; i++) store<u8>(out + i, load<u8>(out - distance + i));
    out += length;
  }
  return (out - to) as i32;
}

function slot(table: usize, at: usize): usize {
  return (table + ((((load<u64>(at) << 24) * HASH_FACTOR) >> (64 - HASH_BITS)) << 2)) as usize;
}

/** Where a match that has come to `at` ends. */
function matchEnd(at: usize, match: usize, limit: usize): usize {
  for (; at + 8 <= limit; at += 8, match += 8) {
    const differing = load<u64>(at) ^ load<u64>(match);
    if (differing !== 0) return at + ((ctz(differing) >> 3) as usize);
  }
  while (at < limit && load<u8>(at) === load<u8>(match)) {
    at++;
    match++;
  }
  return at;
}

/** Token and literals of a sequence. Returns the address behind them. */
function putLiterals(out: usize, from: usize, length: usize, matchNibble: usize): usize {
  store<u8>(out++, ((min(length, NIBBLE_MAX) << 4) | matchNibble) as u8);
  if (length >= NIBBLE_MAX) out = putLength(out, length - NIBBLE_MAX);
  copyWords(from, out, length);
  return out + length;
}

function putLength(out: usize, rest: usize): usize {
  for (; rest >= 255; rest -= 255) store<u8>(out++, 255);
  store<u8>(out, rest as u8);
  return out + 1;
}

/** Copies at least `length` bytes, and up to 16 more, to a place that is no nearer than 16 bytes behind. */
function copyWords(from: usize, to: usize, length: usize): void {
  for (let i: usize = 0; i < length; i += 16) {
    store<u64>(to + i, load<u64>(from + i));
    store<u64>(to + i + 8, load<u64>(from + i, 8));
  }
}
