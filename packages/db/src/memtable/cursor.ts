import type { GroupCursor } from "../format/group-cursor.ts";
import type { KeyBuffer } from "../format/key-buffer.ts";
import { HIGH_WORD_MAX, LOW_WORD_MAX } from "../format/version-record.ts";
import { ABSENT, type BlockDemand, FOUND, type Lookup, type VersionRun } from "../format/version-run.ts";
import { NODE_KEY, NODE_KEY_LENGTH } from "./key-node.ts";
import type { OrderedIndex } from "./ordered-index.ts";
import type { VersionChunks } from "./version-chunks.ts";

/**
 * Walks the distinct keys of a memtable in byte order. It need not survive an insert: after one, seek again. Nothing
 * is ever missing in memory, so the demands are not looked at, and there is nothing to pin.
 */
export class MemtableCursor implements GroupCursor {
  valid = false;
  readonly keyI32: Int32Array;
  keyWord = 0;
  keyLength = 0;
  readonly #index: OrderedIndex;
  readonly #chunks: VersionChunks;
  #leaf = 0;
  #slot = 0;
  #node = 0;

  constructor(i32: Int32Array, index: OrderedIndex, chunks: VersionChunks) {
    this.keyI32 = i32;
    this.#index = index;
    this.#chunks = chunks;
  }

  seekFirst(_demand?: BlockDemand): Lookup {
    return this.#moveTo(this.#index.firstLeaf(), 0);
  }

  seekLast(_demand?: BlockDemand): Lookup {
    return this.#moveToLastOf(this.#index.lastLeaf());
  }

  seek(key: KeyBuffer, _demand?: BlockDemand): Lookup {
    const index = this.#index;
    const leaf = index.leafFor(key.i32, 0, key.length);
    if (leaf === 0) return this.#moveTo(0, 0);
    const slot = index.slotFor(leaf, key.i32, 0, key.length);
    return slot < index.countOf(leaf) ? this.#moveTo(leaf, slot) : this.#moveTo(index.nextLeaf(leaf), 0);
  }

  seekBefore(key: KeyBuffer, _demand?: BlockDemand): Lookup {
    const index = this.#index;
    const leaf = index.leafFor(key.i32, 0, key.length);
    if (leaf === 0) return this.#moveTo(0, 0);
    const slot = index.slotFor(leaf, key.i32, 0, key.length);
    return slot > 0 ? this.#moveTo(leaf, slot - 1) : this.#moveToLastOf(index.previousLeaf(leaf));
  }

  next(_demand?: BlockDemand): Lookup {
    if (!this.valid) return ABSENT;
    const slot = this.#slot + 1;
    if (slot < this.#index.countOf(this.#leaf)) return this.#moveTo(this.#leaf, slot);
    return this.#moveTo(this.#index.nextLeaf(this.#leaf), 0);
  }

  previous(_demand?: BlockDemand): Lookup {
    if (!this.valid) return ABSENT;
    if (this.#slot > 0) return this.#moveTo(this.#leaf, this.#slot - 1);
    return this.#moveToLastOf(this.#index.previousLeaf(this.#leaf));
  }

  locate(tsHi: number, tsLo: number, run: VersionRun, _demand?: BlockDemand): Lookup {
    if (!this.valid) return ABSENT;
    const chunks = this.#chunks;
    chunks.fill(run, this.#node, chunks.partAt(this.#node, tsHi, tsLo, HIGH_WORD_MAX, LOW_WORD_MAX));
    return FOUND;
  }

  firstRun(run: VersionRun, _demand?: BlockDemand): Lookup {
    if (!this.valid) return ABSENT;
    this.#chunks.fill(run, this.#node, 0);
    return FOUND;
  }

  nextRun(run: VersionRun, _demand?: BlockDemand): Lookup {
    return this.#chunks.fillNext(run);
  }

  previousRun(run: VersionRun, _demand?: BlockDemand): Lookup {
    return this.#chunks.fillPrevious(run);
  }

  close(): void {
    this.valid = false;
  }

  /** To a slot of a leaf; off the end where the leaf is 0. */
  #moveTo(leaf: number, slot: number): Lookup {
    if (leaf === 0) {
      this.valid = false;
      return ABSENT;
    }
    const node = this.#index.nodeAt(leaf, slot);
    this.#leaf = leaf;
    this.#slot = slot;
    this.#node = node;
    this.keyWord = node + NODE_KEY;
    this.keyLength = this.keyI32[node + NODE_KEY_LENGTH]!;
    this.valid = true;
    return FOUND;
  }

  #moveToLastOf(leaf: number): Lookup {
    return this.#moveTo(leaf, leaf === 0 ? 0 : this.#index.countOf(leaf) - 1);
  }
}
