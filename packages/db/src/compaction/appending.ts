import { compareBytes } from "@kvts/common";
import type { GroupCursor } from "../format/group-cursor.ts";
import { BlockDemand } from "../format/version-run.ts";
import type { Memtable } from "../memtable/memtable.ts";
import { type KeySpan, spanOf } from "./stretches.ts";

/** Below this many bytes it costs little to write a flush's tables once more. */
const FLUSH_BYTES_MIN = 1024 * 1024;
/** Versions a key from which the last key of a flush is likely to go on in the next. */
const VERSIONS_PER_KEY_MIN = 1.5;

/** A memtable to be flushed. */
export interface FlushedKeys extends KeySpan {
  readonly bytes: number;
  readonly keyCount: number;
  readonly entryCount: number;
}

/**
 * The keys of a flush that get a table each, ascending. Where keys are written in order, one after the other with all its
 * versions, a flush may begin with the key with which the one before ended. Two tables that share that key could not
 * move down as they are; with the key apart, they can, and only its own small tables are ever merged.
 *
 * @param tables all tables of the store.
 */
export function keysApart(tables: readonly KeySpan[], flushed: FlushedKeys): readonly Uint8Array[] {
  const { smallest, largest, bytes, keyCount, entryCount } = flushed;
  if (tables.length === 0 || keyCount < 2 || bytes < FLUSH_BYTES_MIN) return [];
  const order = compareBytes(smallest, spanOf(tables).largest);
  // Not behind all there is: such keys meet others in the middle anyway.
  if (order < 0) return [];
  const apart: Uint8Array[] = order === 0 ? [smallest] : [];
  if (entryCount >= keyCount * VERSIONS_PER_KEY_MIN) apart.push(largest);
  return apart;
}

/** What is in a memtable that holds something. */
export function flushedKeys(memtable: Memtable): FlushedKeys {
  const cursor = memtable.cursor();
  cursor.seekFirst(SYNC);
  const smallest = keyAt(cursor);
  cursor.seekLast(SYNC);
  const largest = keyAt(cursor);
  cursor.close();
  return {
    smallest,
    largest,
    bytes: memtable.bytesUsed,
    keyCount: memtable.keyCount,
    entryCount: memtable.entryCount,
  };
}

/** A copy, which outlasts the memtable. */
function keyAt({ keyI32, keyWord, keyLength }: GroupCursor): Uint8Array {
  return new Uint8Array(new Uint8Array(keyI32.buffer, keyWord * 4, keyLength));
}

const SYNC: BlockDemand = new BlockDemand(true);
