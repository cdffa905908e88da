import { invariant } from "@kvts/common";
import type { GroupCursor } from "../format/group-cursor.ts";
import type { KeyBuffer } from "../format/key-buffer.ts";
import {
  HIGH_WORD_MAX,
  joinWords,
  KIND_MASK,
  KIND_RETRACT,
  LOW_WORD_MAX,
  META,
  META_EXPIRES,
  META_EXTENT,
  META_LENGTH_SHIFT,
  POINTER,
  SEQ_HI,
  SEQ_LO,
  TS_HI,
  TS_LO,
  VERSION_WORDS,
} from "../format/version-record.ts";
import { ABSENT, type BlockDemand, FOUND, type Lookup, type VersionRun } from "../format/version-run.ts";
import {
  Arena,
  blockWords,
  CONTENT_FLAGS,
  ENTRY_COUNT,
  FREE,
  HAS_EXPIRIES,
  HAS_RETRACTS,
  KEY_COUNT,
  SEQ_MAX_HI,
  SEQ_MAX_LO,
  SEQ_MIN_HI,
  SEQ_MIN_LO,
  TS_MAX_HI,
  TS_MAX_LO,
  TS_MIN_HI,
  TS_MIN_LO,
} from "./arena.ts";
import { MemtableCursor } from "./cursor.ts";
import { DESCRIPTOR_WORDS, Extents, ExtentValue, SLAB_BYTES, type SlabPool } from "./extents.ts";
import { HashIndex } from "./hash-index.ts";
import { NODE_KEY, NODE_KEY_LENGTH, NODE_OLDER } from "./key-node.ts";
import { OrderedIndex } from "./ordered-index.ts";
import { roomNeeded } from "./room.ts";
import { FIRST_CHUNK_CLASS, FULL, PRESENT, VersionChunks } from "./version-chunks.ts";

/** A frozen memtable on its way to another thread, its memory by reference. */
export interface MemtableTransfer {
  readonly arena: SharedArrayBuffer;
  readonly slabs: readonly SharedArrayBuffer[];
}

const EXPIRY_WORDS = 2;

/**
 * The newest entries, in memory: every key once, its versions ascending in a few contiguous chunks.
 *
 * Three structures share one arena: a hash index (key → node) for point reads and writes, chunks of version records
 * hanging on the nodes, and a B+tree over the distinct keys for cursors. An insert in timestamp order appends to the
 * key's newest chunk; only a new key touches the tree. Nothing is ever removed. One thread inserts, and the same
 * thread reads; once no more inserts come, any thread may {@link attach} to what {@link transfer} gives and read too.
 *
 * Runs, cursors and views are lent until the next insert: none needs to survive it.
 */
export class Memtable {
  /** The arena. Keys, records and inline values lie here; the base of every run is 0. */
  readonly i32: Int32Array;
  readonly u8: Uint8Array;
  readonly #arena: Arena;
  readonly #hash: HashIndex;
  readonly #chunks: VersionChunks;
  readonly #index: OrderedIndex;
  readonly #extents: Extents;
  #isDissolved = false;

  private constructor(arena: Arena, extents: Extents) {
    this.i32 = arena.i32;
    this.u8 = arena.u8;
    this.#arena = arena;
    this.#hash = new HashIndex(arena);
    this.#chunks = new VersionChunks(arena);
    this.#index = new OrderedIndex(arena);
    this.#extents = extents;
  }

  /** An empty memtable in `arena`, whose contents are lost. Slabs for extent values come from `pool`. */
  static create(arena: Arena | SharedArrayBuffer, pool: SlabPool = unpooled): Memtable {
    const own = arena instanceof Arena ? arena : new Arena(arena);
    own.format();
    return new Memtable(own, new Extents(own, [], pool));
  }

  /** A memtable that another thread filled, for reading. */
  static attach(transfer: MemtableTransfer): Memtable {
    const arena = new Arena(transfer.arena);
    arena.expectFormatted();
    return new Memtable(arena, new Extents(arena, transfer.slabs));
  }

  transfer(): MemtableTransfer {
    return { arena: this.#arena.buffer, slabs: this.#extents.slabs };
  }

  /** Gives up the memory, for the next memtable. No reader, on any thread, may be left. */
  dissolve(): { readonly arena: Arena; readonly slabs: readonly SharedArrayBuffer[] } {
    invariant(!this.#isDissolved, "MT1: a memtable's memory is given back once");
    this.#isDissolved = true;
    return { arena: this.#arena, slabs: this.#extents.slabs };
  }

  /** Versions in it. */
  get entryCount(): number {
    return this.i32[ENTRY_COUNT]!;
  }

  /** Distinct keys in it. */
  get keyCount(): number {
    return this.i32[KEY_COUNT]!;
  }

  /** Bytes in the arena. */
  get arenaBytes(): number {
    return this.#arena.bytes;
  }

  /** Bytes taken: of the arena, the hash index included, and of extents. */
  get bytesUsed(): number {
    return this.i32[FREE]! * 4 + this.#extents.bytesUsed;
  }

  /** Least timestamp; greater than any where the memtable is empty. */
  get minTimestamp(): number {
    return joinWords(this.i32[TS_MIN_HI]!, this.i32[TS_MIN_LO]!);
  }

  /** Greatest timestamp; −1 where the memtable is empty. */
  get maxTimestamp(): number {
    return joinWords(this.i32[TS_MAX_HI]!, this.i32[TS_MAX_LO]!);
  }

  /** Least seq; greater than any where the memtable is empty. */
  get minSeq(): number {
    return joinWords(this.i32[SEQ_MIN_HI]!, this.i32[SEQ_MIN_LO]!);
  }

  /** Greatest seq; −1 where the memtable is empty. */
  get maxSeq(): number {
    return joinWords(this.i32[SEQ_MAX_HI]!, this.i32[SEQ_MAX_LO]!);
  }

  get hasRetracts(): boolean {
    return (this.i32[CONTENT_FLAGS]! & HAS_RETRACTS) !== 0;
  }

  get hasExpiries(): boolean {
    return (this.i32[CONTENT_FLAGS]! & HAS_EXPIRIES) !== 0;
  }

  /**
   * Whether so many inserts surely find room, whatever their keys and order. Counted for the worst, so that a memtable
   * may have room where this says no.
   * @param bytes keys and inline values together; extent values count nothing.
   */
  hasRoomFor(operations: number, bytes: number): boolean {
    if (operations > this.#hash.keysMax - this.keyCount) return false;
    return this.#arena.hasRoom(roomNeeded(this.i32, operations, bytes));
  }

  /**
   * Inserts one version with an inline value. Key and value lie word-aligned and zero-padded in `source`, as in a log
   * record. Doing it twice is doing it once: a (key, timestamp, seq) that is there already stays as it is.
   * @param hash the key's `hashKey`.
   * @param meta as in format/version-record.ts, without the extent bit.
   * @param expiresHi with `expiresLo`, the words of `expiresAt`; looked at only where `meta` has the expiry bit.
   * @returns false where the arena has no room; nothing has changed then.
   */
  insert(
    source: Int32Array,
    keyWord: number,
    keyLength: number,
    hash: number,
    tsHi: number,
    tsLo: number,
    seqHi: number,
    seqLo: number,
    meta: number,
    valueWord: number,
    expiresHi: number,
    expiresLo: number,
  ): boolean {
    const valueWords = ((meta >>> META_LENGTH_SHIFT) + 3) >>> 2;
    const words = (meta & META_EXPIRES) === 0 ? valueWords : valueWords + EXPIRY_WORDS;
    const record = this.#open(source, keyWord, keyLength, hash, tsHi, tsLo, seqHi, seqLo, words);
    if (record === FULL || record === PRESENT) return record === PRESENT;
    const at = this.#write(record, tsHi, tsLo, seqHi, seqLo, meta, words, expiresHi, expiresLo);
    const i32 = this.i32;
    for (let i = 0; i < valueWords; i++) i32[at + i] = source[valueWord + i]!;
    return true;
  }

  /**
   * Room for a value longer than INLINE_VALUE_BYTES_MAX, outside the arena: its address, for {@link writeExtent} and
   * {@link insertExtent}. Once written it may be inserted any number of times.
   */
  allocateExtent(length: number): number {
    return this.#extents.allocate(length);
  }

  /** Copies a part of an extent value, the address moved on by what lies before it. Long values go in several parts. */
  writeExtent(address: number, bytes: Uint8Array): void {
    this.#extents.write(address, bytes);
  }

  /** As {@link insert}, with a value that lies in an extent of this memtable. `meta` is again without the extent bit. */
  insertExtent(
    source: Int32Array,
    keyWord: number,
    keyLength: number,
    hash: number,
    tsHi: number,
    tsLo: number,
    seqHi: number,
    seqLo: number,
    meta: number,
    address: number,
    expiresHi: number,
    expiresLo: number,
  ): boolean {
    const words = (meta & META_EXPIRES) === 0 ? DESCRIPTOR_WORDS : DESCRIPTOR_WORDS + EXPIRY_WORDS;
    const record = this.#open(source, keyWord, keyLength, hash, tsHi, tsLo, seqHi, seqLo, words);
    if (record === FULL || record === PRESENT) return record === PRESENT;
    const at = this.#write(record, tsHi, tsLo, seqHi, seqLo, meta | META_EXTENT, words, expiresHi, expiresLo);
    this.i32[at] = Math.floor(address / SLAB_BYTES);
    this.i32[at + 1] = address % SLAB_BYTES;
    return true;
  }

  /**
   * The extent value of record `index` of `run`, in place. The run is this memtable's, or a copy with its descriptor.
   * It is lent until the memtable's memory is given back.
   */
  extentAt(run: VersionRun, index: number): ExtentValue {
    const { i32 } = run;
    const at = run.first + index * VERSION_WORDS;
    const meta = i32[at + META]!;
    const payload = (run.base + i32[at + POINTER]!) >>> 2;
    const descriptor = (meta & META_EXPIRES) === 0 ? payload : payload + EXPIRY_WORDS;
    const address = i32[descriptor]! * SLAB_BYTES + i32[descriptor + 1]!;
    return new ExtentValue(this.#extents, address, meta >>> META_LENGTH_SHIFT);
  }

  /**
   * The key's run that holds its last version with timestamp ≤ (tsHi, tsLo); its first run where none is that old.
   */
  locate(key: KeyBuffer, tsHi: number, tsLo: number, run: VersionRun, _demand?: BlockDemand): Lookup {
    const node = this.#hash.find(key.i32, 0, key.length, key.hash);
    if (node < 0) return ABSENT;
    const chunks = this.#chunks;
    chunks.fill(run, node, chunks.partAt(node, tsHi, tsLo, HIGH_WORD_MAX, LOW_WORD_MAX));
    return FOUND;
  }

  /** The key's newest run: its last record is the newest version. */
  latest(key: KeyBuffer, run: VersionRun): Lookup {
    const node = this.#hash.find(key.i32, 0, key.length, key.hash);
    if (node < 0) return ABSENT;
    this.#chunks.fill(run, node, this.i32[node + NODE_OLDER]!);
    return FOUND;
  }

  /** The same key's older versions. ABSENT, and `run` as it was, where there are none. */
  previousRun(run: VersionRun, _demand?: BlockDemand): Lookup {
    return this.#chunks.fillPrevious(run);
  }

  nextRun(run: VersionRun, _demand?: BlockDemand): Lookup {
    return this.#chunks.fillNext(run);
  }

  cursor(): GroupCursor {
    return new MemtableCursor(this.i32, this.#index, this.#chunks);
  }

  /** The word of the record to fill in, with `reserve` words left for its value; or PRESENT or FULL. */
  #open(
    source: Int32Array,
    keyWord: number,
    keyLength: number,
    hash: number,
    tsHi: number,
    tsLo: number,
    seqHi: number,
    seqLo: number,
    reserve: number,
  ): number {
    const found = this.#hash.find(source, keyWord, keyLength, hash);
    if (found >= 0) return this.#chunks.open(found, tsHi, tsLo, seqHi, seqLo, reserve);
    const arena = this.#arena;
    const keyWords = (keyLength + 3) >>> 2;
    const need = NODE_KEY + keyWords + blockWords(FIRST_CHUNK_CLASS) + this.#index.growthWordsMax + reserve;
    if (!this.#hash.hasRoom || !arena.hasRoom(need)) return FULL;
    const i32 = this.i32;
    const node = arena.take(NODE_KEY + keyWords);
    i32[node + NODE_KEY_LENGTH] = keyLength;
    for (let i = 0; i < keyWords; i++) i32[node + NODE_KEY + i] = source[keyWord + i]!;
    const record = this.#chunks.openFirst(node);
    this.#index.add(node);
    this.#hash.add(~found, node, hash);
    i32[KEY_COUNT]!++;
    return record;
  }

  /** Fills in a record, takes `words` for what it points at, writes the expiry, and answers where the value goes. */
  #write(
    record: number,
    tsHi: number,
    tsLo: number,
    seqHi: number,
    seqLo: number,
    meta: number,
    words: number,
    expiresHi: number,
    expiresLo: number,
  ): number {
    const i32 = this.i32;
    const at = this.#arena.take(words);
    i32[record + TS_HI] = tsHi;
    i32[record + TS_LO] = tsLo;
    i32[record + SEQ_HI] = seqHi;
    i32[record + SEQ_LO] = seqLo;
    i32[record + POINTER] = at * 4;
    i32[record + META] = meta;
    i32[ENTRY_COUNT]!++;
    if ((meta & KIND_MASK) === KIND_RETRACT) i32[CONTENT_FLAGS]! |= HAS_RETRACTS;
    widen(i32, TS_MIN_HI, TS_MAX_HI, tsHi, tsLo);
    widen(i32, SEQ_MIN_HI, SEQ_MAX_HI, seqHi, seqLo);
    if ((meta & META_EXPIRES) === 0) return at;
    i32[CONTENT_FLAGS]! |= HAS_EXPIRIES;
    i32[at] = expiresHi;
    i32[at + 1] = expiresLo;
    return at + EXPIRY_WORDS;
  }
}

/** Lowers the least and raises the greatest of a pair of header numbers, each a high word and then a low one. */
function widen(i32: Int32Array, min: number, max: number, hi: number, lo: number): void {
  const minHi = i32[min]!;
  if (hi < minHi || (hi === minHi && lo < i32[min + 1]!)) {
    i32[min] = hi;
    i32[min + 1] = lo;
  }
  const maxHi = i32[max]!;
  if (hi > maxHi || (hi === maxHi && lo > i32[max + 1]!)) {
    i32[max] = hi;
    i32[max + 1] = lo;
  }
}

const unpooled: SlabPool = { acquireSlab: () => new SharedArrayBuffer(SLAB_BYTES) };
