import { ok } from "node:assert/strict";
import { KeyBuffer } from "../format/key-buffer.ts";
import {
  highWord,
  INLINE_VALUE_BYTES_MAX,
  KIND_PUT,
  lowWord,
  META_EXPIRES,
  META_LENGTH_SHIFT,
} from "../format/version-record.ts";
import type { Arena } from "../memtable/arena.ts";
import { Memtable } from "../memtable/memtable.ts";

/** One version as tests write it down. */
export interface WrittenVersion {
  readonly key: string | Uint8Array;
  readonly timestamp: number;
  readonly seq: number;
  /** A kind of format/version-record.ts; a put unless given. */
  readonly kind?: number;
  readonly value?: Uint8Array;
  readonly expiresAt?: number | undefined;
}

/** Inserts versions into memtables as the commit queue does: key and value aligned and zero-padded in one buffer. */
export class MemtableWriter {
  readonly #key: KeyBuffer = new KeyBuffer();
  readonly #i32: Int32Array = new Int32Array(32 * 1024);
  readonly #u8: Uint8Array = new Uint8Array(this.#i32.buffer);

  /** False where the memtable has no room. */
  insert(memtable: Memtable, version: WrittenVersion): boolean {
    const { timestamp, seq, expiresAt = 0, value = EMPTY } = version;
    const key = this.#key;
    key.set(version.key);
    const words = (key.length + 3) >>> 2;
    this.#i32.set(key.i32.subarray(0, words), 1);
    const meta =
      (version.kind ?? KIND_PUT) |
      (version.expiresAt === undefined ? 0 : META_EXPIRES) |
      (value.length << META_LENGTH_SHIFT);
    const [tsHi, tsLo, seqHi, seqLo] = [highWord(timestamp), lowWord(timestamp), highWord(seq), lowWord(seq)];
    const [expiresHi, expiresLo] = [highWord(expiresAt), lowWord(expiresAt)];
    const { length, hash } = key;
    if (value.length > INLINE_VALUE_BYTES_MAX) {
      const extent = memtable.allocateExtent(value.length);
      memtable.writeExtent(extent, value);
      return memtable.insertExtent(
        this.#i32,
        1,
        length,
        hash,
        tsHi,
        tsLo,
        seqHi,
        seqLo,
        meta,
        extent,
        expiresHi,
        expiresLo,
      );
    }
    const at = this.#lay(value, 1 + words);
    return memtable.insert(this.#i32, 1, length, hash, tsHi, tsLo, seqHi, seqLo, meta, at, expiresHi, expiresLo);
  }

  #lay(value: Uint8Array, word: number): number {
    this.#i32.fill(0, word, word + ((value.length + 3) >>> 2));
    this.#u8.set(value, word * 4);
    return word;
  }
}

/** An empty memtable in `arena` with these versions in it. */
export function memtableOf(arena: Arena, written: readonly WrittenVersion[]): Memtable {
  const memtable = Memtable.create(arena);
  const writer = new MemtableWriter();
  for (const version of written) ok(writer.insert(memtable, version), "the arena has room");
  return memtable;
}

const EMPTY = new Uint8Array(0);
