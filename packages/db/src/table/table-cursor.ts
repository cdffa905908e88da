import { corruption } from "../format/corruption.ts";
import type { GroupCursor } from "../format/group-cursor.ts";
import type { KeyBuffer } from "../format/key-buffer.ts";
import { HIGH_WORD_MAX, LOW_WORD_MAX } from "../format/version-record.ts";
import { ABSENT, type BlockDemand, FOUND, type Lookup, MISS, type VersionRun } from "../format/version-run.ts";
import { BlockView } from "./block.ts";
import type { Fences } from "./fences.ts";
import type { Table } from "./table.ts";

/** The high word of a timestamp before all others: with it, a search leads to the block in which a group begins. */
const BEFORE_ALL = -1;

// One view serves every movement: nothing else runs in between.
const VIEW = new BlockView();

/**
 * Walks the distinct keys of a table. It pins the block it stands in. The middle of a long group is passed over by the
 * fences. After MISS it stands where it stood, so the same movement can be repeated.
 */
export class TableCursor implements GroupCursor<Table> {
  valid = false;
  keyI32: Int32Array;
  keyWord = 0;
  keyLength = 0;
  readonly #table: Table;
  readonly #view: BlockView = new BlockView();
  #block = 0;
  #slot = 0;

  constructor(table: Table) {
    this.#table = table;
    this.keyI32 = this.#view.i32;
  }

  seekFirst(demand: BlockDemand<Table>): Lookup {
    return this.#table.bringFences(demand) === undefined ? MISS : this.#enter(0, false, demand);
  }

  seekLast(demand: BlockDemand<Table>): Lookup {
    const fences = this.#table.bringFences(demand);
    return fences === undefined ? MISS : this.#enter(fences.blockCount - 1, true, demand);
  }

  seek(key: KeyBuffer, demand: BlockDemand<Table>): Lookup {
    const fences = this.#table.bringFences(demand);
    if (fences === undefined) return MISS;
    const block = fences.find(key.i32, key.u8, 0, key.length, BEFORE_ALL, 0);
    if (block < 0) return this.#enter(0, false, demand);
    if (!this.#table.bring(block, VIEW, demand)) return MISS;
    const slot = VIEW.lowerBound(key);
    // The next block begins with another key: were it inside a group, that group's key would be the fence below `key`.
    return slot < VIEW.keyCount ? this.#settle(VIEW, block, slot) : this.#enter(block + 1, false, demand);
  }

  seekBefore(key: KeyBuffer, demand: BlockDemand<Table>): Lookup {
    const fences = this.#table.bringFences(demand);
    if (fences === undefined) return MISS;
    const block = fences.find(key.i32, key.u8, 0, key.length, BEFORE_ALL, 0);
    if (block < 0) return this.#end();
    if (!this.#table.bring(block, VIEW, demand)) return MISS;
    const slot = VIEW.lowerBound(key) - 1;
    return slot >= 0 ? this.#settle(VIEW, block, slot) : this.#enter(block - 1, true, demand);
  }

  next(demand: BlockDemand<Table>): Lookup {
    if (!this.valid) return ABSENT;
    const view = this.#view;
    if (this.#slot + 1 < view.keyCount) return this.#stand(this.#slot + 1);
    if (!view.goesOn) return this.#enter(this.#block + 1, false, demand);
    const fences = this.#table.bringFences(demand);
    if (fences === undefined) return MISS;
    const last = this.#find(fences, HIGH_WORD_MAX, LOW_WORD_MAX);
    if (last <= this.#block) throw this.#contradiction();
    if (fences.isSingle(last)) return this.#enter(last + 1, false, demand);
    return this.#table.bring(last, VIEW, demand) ? this.#settle(VIEW, last, 1) : MISS;
  }

  previous(demand: BlockDemand<Table>): Lookup {
    if (!this.valid) return ABSENT;
    if (this.#slot > 0) return this.#stand(this.#slot - 1);
    if (!this.#view.continued) return this.#enter(this.#block - 1, true, demand);
    const fences = this.#table.bringFences(demand);
    if (fences === undefined) return MISS;
    const first = this.#find(fences, BEFORE_ALL, 0);
    if (first < 0 || first >= this.#block) throw this.#contradiction();
    if (fences.isSingle(first)) return this.#enter(first - 1, true, demand);
    // The group begins in the last slot there.
    return this.#table.bring(first, VIEW, demand) ? this.#settle(VIEW, first, VIEW.keyCount - 2) : MISS;
  }

  locate(tsHi: number, tsLo: number, run: VersionRun, demand: BlockDemand<Table>): Lookup {
    if (!this.valid) return ABSENT;
    const view = this.#view;
    const slot = this.#slot;
    const whole = !(slot === 0 && view.continued) && !(slot === view.keyCount - 1 && view.goesOn);
    if (whole) {
      this.#table.pinRun(view, this.#block, slot, run);
      return FOUND;
    }
    const fences = this.#table.bringFences(demand);
    if (fences === undefined) return MISS;
    const block = this.#find(fences, tsHi, tsLo);
    if (block === this.#block) {
      this.#table.pinRun(view, block, slot, run);
      return FOUND;
    }
    if (block < 0) throw this.#contradiction();
    if (!this.#table.bring(block, VIEW, demand)) return MISS;
    this.#table.pinRun(VIEW, block, VIEW.slotOfLongGroup(this.keyI32, this.keyWord, this.keyLength), run);
    return FOUND;
  }

  firstRun(run: VersionRun, demand: BlockDemand<Table>): Lookup {
    return this.locate(BEFORE_ALL, 0, run, demand);
  }

  nextRun(run: VersionRun, demand: BlockDemand<Table>): Lookup {
    return this.#table.nextRun(run, demand);
  }

  previousRun(run: VersionRun, demand: BlockDemand<Table>): Lookup {
    return this.#table.previousRun(run, demand);
  }

  close(): void {
    this.#end();
  }

  /** To the first key of a block, or its last; off the end where there is no such block. */
  #enter(block: number, atLast: boolean, demand: BlockDemand<Table>): Lookup {
    if (block < 0 || block >= this.#table.blockCount) return this.#end();
    if (!this.#table.bring(block, VIEW, demand)) return MISS;
    return this.#settle(VIEW, block, atLast ? VIEW.keyCount - 1 : 0);
  }

  /** Stands on a slot of another block, which it pins in place of its own. */
  #settle(view: BlockView, block: number, slot: number): Lookup {
    view.pin();
    this.#view.release();
    this.#view.set(view);
    this.#block = block;
    this.valid = true;
    return this.#stand(slot);
  }

  #stand(slot: number): Lookup {
    const view = this.#view;
    this.#slot = slot;
    this.keyI32 = view.i32;
    this.keyWord = view.keyWord(slot);
    this.keyLength = view.i32[this.keyWord - 1]!;
    return FOUND;
  }

  #end(): Lookup {
    this.#view.release();
    this.valid = false;
    return ABSENT;
  }

  #find(fences: Fences, tsHi: number, tsLo: number): number {
    return fences.find(this.keyI32, this.#view.u8, this.keyWord, this.keyLength, tsHi, tsLo);
  }

  #contradiction(): Error {
    const { path, fences } = this.#table;
    return corruption(path, fences.offset(this.#block), "a group of versions is not where the index has it");
  }
}
