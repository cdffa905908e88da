import { SEQ_HI, SEQ_LO, TS_LO, VERSION_WORDS } from "../format/version-record.ts";
import { ABSENT, FOUND, type Lookup, type VersionRun } from "../format/version-run.ts";
import { type Arena, blockWords, CHUNK_CLASS_MAX, CHUNK_WORDS } from "./arena.ts";
import { NODE_CHUNK, NODE_CLASS, NODE_COUNT, NODE_DIRECTORY, NODE_DIRECTORY_CLASS, NODE_OLDER } from "./key-node.ts";

/** {@link VersionChunks.open}: that version is there already. */
export const PRESENT = 0;
/** {@link VersionChunks.open}: the arena has no room; nothing has changed. */
export const FULL = -1;

/** A key's first chunk has room for 2 versions, a full-grown one for 128. */
export const FIRST_CHUNK_CLASS = 1;
export const LAST_CHUNK_CLASS = 7;
const CHUNK_VERSIONS_MAX = 1 << LAST_CHUNK_CLASS;
const HALF = CHUNK_VERSIONS_MAX / 2;
/** Room left for latecomers in a chunk that is not the newest any more. */
const LATE = 16;

// Directory entry: chunk, its count, and the timestamp of its first version, so that a search reads the directory only.
// The first entry's timestamp may be stale: what comes before every version goes there anyway.
const ENTRY_WORDS = 4;
const ENTRY_COUNT = 1;
const ENTRY_TS_HI = 2;
const ENTRY_TS_LO = 3;
export const FIRST_DIRECTORY_CLASS = 2;

/**
 * The versions of one key, ascending in chunks of records. The newest chunk hangs on the key node and doubles from 2
 * to 128 versions; from then on full ones move to the key's directory, and every chunk there has room for 128. A
 * backdated version costs a binary search in the directory, one in the chunk, and at most one chunk split.
 * A `part` counts a key's chunks, oldest first; the newest is part NODE_OLDER.
 */
export class VersionChunks {
  readonly #arena: Arena;
  readonly #i32: Int32Array;

  constructor(arena: Arena) {
    this.#arena = arena;
    this.#i32 = arena.i32;
  }

  /** Gives a new key node its first chunk and answers the word of the first record. Room has been made sure of. */
  openFirst(node: number): number {
    const i32 = this.#i32;
    const chunk = this.#takeChunk(FIRST_CHUNK_CLASS);
    i32[node + NODE_CHUNK] = chunk;
    i32[node + NODE_COUNT] = 1;
    i32[node + NODE_CLASS] = FIRST_CHUNK_CLASS;
    i32[node + NODE_DIRECTORY] = 0;
    i32[node + NODE_DIRECTORY_CLASS] = 0;
    i32[node + NODE_OLDER] = 0;
    return chunk;
  }

  /**
   * Opens a gap for a version where it belongs, the arena having `reserve` words left afterwards.
   * @returns the word of the record to fill in, {@link PRESENT} or {@link FULL}.
   */
  open(node: number, tsHi: number, tsLo: number, seqHi: number, seqLo: number, reserve: number): number {
    const i32 = this.#i32;
    const count = i32[node + NODE_COUNT]!;
    const end = i32[node + NODE_CHUNK]! + count * VERSION_WORDS;
    if (
      count < 1 << i32[node + NODE_CLASS]! &&
      compareVersion(i32, end - VERSION_WORDS, tsHi, tsLo, seqHi, seqLo) < 0
    ) {
      if (!this.#arena.hasRoom(reserve)) return FULL;
      i32[node + NODE_COUNT] = count + 1;
      return end;
    }
    return this.#openInOrder(node, tsHi, tsLo, seqHi, seqLo, reserve);
  }

  /** The last part whose first version is at or before a (timestamp, seq); 0 where none is. */
  partAt(node: number, tsHi: number, tsLo: number, seqHi: number, seqLo: number): number {
    const i32 = this.#i32;
    const older = i32[node + NODE_OLDER]!;
    if (older === 0 || compareVersion(i32, i32[node + NODE_CHUNK]!, tsHi, tsLo, seqHi, seqLo) <= 0) return older;
    const directory = i32[node + NODE_DIRECTORY]!;
    let low = 1;
    let high = older;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const at = directory + middle * ENTRY_WORDS;
      let order = i32[at + ENTRY_TS_HI]! - tsHi;
      if (order === 0) order = i32[at + ENTRY_TS_LO]! - tsLo;
      if (order === 0) order = compareVersion(i32, i32[at]!, tsHi, tsLo, seqHi, seqLo);
      if (order <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Points a run at one part of a key; what it pinned before is given up. */
  fill(run: VersionRun, node: number, part: number): void {
    const i32 = this.#i32;
    const at = this.#placeOf(node, part);
    run.release();
    run.i32 = i32;
    run.u8 = this.#arena.u8;
    run.first = i32[at]!;
    run.count = i32[at + ENTRY_COUNT]!;
    run.base = 0;
    run.hasPrevious = part > 0;
    run.hasNext = part < i32[node + NODE_OLDER]!;
    run.node = node;
    run.part = part;
  }

  /** Points a run at the part before its own, or answers ABSENT and leaves it. */
  fillPrevious(run: VersionRun): Lookup {
    if (run.part === 0) return ABSENT;
    this.fill(run, run.node, run.part - 1);
    return FOUND;
  }

  fillNext(run: VersionRun): Lookup {
    if (run.part === this.#i32[run.node + NODE_OLDER]!) return ABSENT;
    this.fill(run, run.node, run.part + 1);
    return FOUND;
  }

  /** Where a part's chunk and count are written: in the directory, or in the node itself. */
  #placeOf(node: number, part: number): number {
    const i32 = this.#i32;
    if (part === i32[node + NODE_OLDER]!) return node + NODE_CHUNK;
    return i32[node + NODE_DIRECTORY]! + part * ENTRY_WORDS;
  }

  #openInOrder(node: number, tsHi: number, tsLo: number, seqHi: number, seqLo: number, reserve: number): number {
    const i32 = this.#i32;
    const part = this.partAt(node, tsHi, tsLo, seqHi, seqLo);
    const place = this.#placeOf(node, part);
    const chunk = i32[place]!;
    const count = i32[place + ENTRY_COUNT]!;
    const index = versionsBefore(i32, chunk, count, tsHi, tsLo, seqHi, seqLo);
    if (index < count && compareVersion(i32, chunk + index * VERSION_WORDS, tsHi, tsLo, seqHi, seqLo) === 0) {
      return PRESENT;
    }
    const newest = part === i32[node + NODE_OLDER]!;
    if (count < (newest ? 1 << i32[node + NODE_CLASS]! : CHUNK_VERSIONS_MAX)) {
      if (!this.#arena.hasRoom(reserve)) return FULL;
      return this.#gap(node, part, index);
    }
    if (newest && i32[node + NODE_CLASS]! < LAST_CHUNK_CLASS) return this.#grow(node, index, reserve);
    return this.#split(node, part, index, reserve);
  }

  #takeChunk(sizeClass: number): number {
    const i32 = this.#i32;
    i32[CHUNK_WORDS]! += blockWords(sizeClass);
    if (i32[CHUNK_CLASS_MAX]! < sizeClass) i32[CHUNK_CLASS_MAX] = sizeClass;
    return this.#arena.takeBlock(sizeClass);
  }

  /** Shifts a part's records from `index` on by one. */
  #gap(node: number, part: number, index: number): number {
    const i32 = this.#i32;
    const place = this.#placeOf(node, part);
    const count = i32[place + ENTRY_COUNT]!;
    const at = i32[place]! + index * VERSION_WORDS;
    if (index < count) i32.copyWithin(at + VERSION_WORDS, at, at + (count - index) * VERSION_WORDS);
    i32[place + ENTRY_COUNT] = count + 1;
    return at;
  }

  /** Moves the newest chunk to one of twice its size, with a gap at `index`. */
  #grow(node: number, index: number, reserve: number): number {
    const i32 = this.#i32;
    const sizeClass = i32[node + NODE_CLASS]!;
    if (!this.#arena.hasRoom(blockWords(sizeClass + 1) + reserve)) return FULL;
    const from = i32[node + NODE_CHUNK]!;
    const to = this.#takeChunk(sizeClass + 1);
    const count = i32[node + NODE_COUNT]!;
    const head = index * VERSION_WORDS;
    const words = count * VERSION_WORDS;
    for (let word = 0; word < head; word++) i32[to + word] = i32[from + word]!;
    for (let word = head; word < words; word++) i32[to + VERSION_WORDS + word] = i32[from + word]!;
    this.#arena.giveBlock(from, sizeClass);
    i32[CHUNK_WORDS]! -= blockWords(sizeClass);
    i32[node + NODE_CHUNK] = to;
    i32[node + NODE_COUNT] = count + 1;
    i32[node + NODE_CLASS] = sizeClass + 1;
    return to + head;
  }

  /**
   * Cuts a full chunk of 128 in two, the upper part moving to a new chunk, with a gap at `index`. Versions that come
   * in order leave chunks behind that are full but for some latecomers, those in reverse order full ones.
   */
  #split(node: number, part: number, index: number, reserve: number): number {
    const i32 = this.#i32;
    if (!this.#makeRoomForSplit(node, reserve)) return FULL;
    const newest = part === i32[node + NODE_OLDER]!;
    const cut = cutAt(index, part === 0, newest);
    const moved = CHUNK_VERSIONS_MAX - cut;
    const lower = i32[this.#placeOf(node, part)]!;
    const upper = this.#takeChunk(LAST_CHUNK_CLASS);
    i32.copyWithin(upper, lower + cut * VERSION_WORDS, lower + blockWords(LAST_CHUNK_CLASS));
    if (newest) {
      i32[node + NODE_CHUNK] = upper;
      i32[node + NODE_COUNT] = moved;
      this.#insertEntry(node, part, lower, cut);
    } else {
      i32[this.#placeOf(node, part) + ENTRY_COUNT] = cut;
      this.#insertEntry(node, part + 1, upper, moved);
    }
    if (index > cut) return this.#gap(node, part + 1, index - cut);
    return this.#gap(node, part, index);
  }

  /** Makes sure of a chunk, of a free directory entry and of `reserve` more words. */
  #makeRoomForSplit(node: number, reserve: number): boolean {
    const i32 = this.#i32;
    const arena = this.#arena;
    const older = i32[node + NODE_OLDER]!;
    const sizeClass = i32[node + NODE_DIRECTORY_CLASS]!;
    const need = blockWords(LAST_CHUNK_CLASS) + reserve;
    if (sizeClass !== 0 && older < directoryEntries(sizeClass)) return arena.hasRoom(need);
    const largerClass = sizeClass === 0 ? FIRST_DIRECTORY_CLASS : sizeClass + 1;
    if (!arena.hasRoom(need + blockWords(largerClass))) return false;
    const from = i32[node + NODE_DIRECTORY]!;
    const to = arena.takeBlock(largerClass);
    i32.copyWithin(to, from, from + older * ENTRY_WORDS);
    if (sizeClass !== 0) arena.giveBlock(from, sizeClass);
    i32[node + NODE_DIRECTORY] = to;
    i32[node + NODE_DIRECTORY_CLASS] = largerClass;
    return true;
  }

  #insertEntry(node: number, index: number, chunk: number, count: number): void {
    const i32 = this.#i32;
    const older = i32[node + NODE_OLDER]!;
    const directory = i32[node + NODE_DIRECTORY]!;
    const at = directory + index * ENTRY_WORDS;
    if (index < older) i32.copyWithin(at + ENTRY_WORDS, at, directory + older * ENTRY_WORDS);
    i32[at] = chunk;
    i32[at + ENTRY_COUNT] = count;
    i32[at + ENTRY_TS_HI] = i32[chunk]!;
    i32[at + ENTRY_TS_LO] = i32[chunk + TS_LO]!;
    i32[node + NODE_OLDER] = older + 1;
  }
}

/** How many of a full chunk's versions stay where they are when another one comes at `index`. */
function cutAt(index: number, oldest: boolean, newest: boolean): number {
  if (newest && index >= HALF) return Math.min(index, CHUNK_VERSIONS_MAX - LATE);
  return oldest && index < HALF ? index : HALF;
}

/** Entries that fit in a directory of a size class. */
function directoryEntries(sizeClass: number): number {
  return Math.floor(blockWords(sizeClass) / ENTRY_WORDS);
}

/** Order of the record at word `at` against a (timestamp, seq): negative where the record comes first. */
function compareVersion(i32: Int32Array, at: number, tsHi: number, tsLo: number, seqHi: number, seqLo: number): number {
  let own = i32[at]!;
  if (own !== tsHi) return own < tsHi ? -1 : 1;
  own = i32[at + TS_LO]!;
  if (own !== tsLo) return own < tsLo ? -1 : 1;
  own = i32[at + SEQ_HI]!;
  if (own !== seqHi) return own < seqHi ? -1 : 1;
  own = i32[at + SEQ_LO]!;
  return own === seqLo ? 0 : own < seqLo ? -1 : 1;
}

/** How many of `count` records come before a (timestamp, seq). */
function versionsBefore(
  i32: Int32Array,
  chunk: number,
  count: number,
  tsHi: number,
  tsLo: number,
  seqHi: number,
  seqLo: number,
): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareVersion(i32, chunk + middle * VERSION_WORDS, tsHi, tsLo, seqHi, seqLo) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
