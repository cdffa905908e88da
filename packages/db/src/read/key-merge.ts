import type { Erasures } from "../erase/erasures.ts";
import type { GroupCursor } from "../format/group-cursor.ts";
import { compareKeys, type KeyBuffer } from "../format/key-buffer.ts";
import { type BlockDemand, FOUND, type Lookup, MISS } from "../format/version-run.ts";
import type { Level } from "../manifest/level.ts";
import type { RangeMarks } from "../marks/range-marks.ts";
import type { Table } from "../table/table.ts";
import type { BestVersion } from "./best-version.ts";
import type { Bounds } from "./bounds.ts";
import { LevelCursor } from "./level-cursor.ts";
import type { Layer, SharedMemtable } from "./view.ts";

/** The layers of a view, or those of them that matter. */
export interface MergedLayers {
  readonly memtables: readonly SharedMemtable[];
  readonly levels: readonly Level[];
  readonly marks: RangeMarks | undefined;
  readonly erasures: Erasures | undefined;
}

/** One layer's cursor in a merge by key. */
interface Lane {
  readonly cursor: GroupCursor<Table>;
  /** The layer that the cursor stands in: fixed, or the table of a level that it has reached. */
  readonly layer: Layer | undefined;
}

/**
 * Walks the distinct keys of a view, all layers together, in either direction. Lent for one synchronous stretch: its
 * cursors do not outlive inserts, and its view may change at the next `await`.
 */
export class KeyMerge {
  readonly #lanes: Lane[] = [];
  readonly #marks: RangeMarks | undefined;
  readonly #erasures: Erasures | undefined;
  readonly #reverse: boolean;
  /** The lanes that stand on the current key. */
  readonly #at: Lane[] = [];

  constructor({ memtables, levels, marks, erasures }: MergedLayers, reverse: boolean) {
    this.#marks = marks;
    this.#erasures = erasures;
    this.#reverse = reverse;
    for (const { memtable } of memtables) {
      if (memtable.entryCount > 0) this.#lanes.push({ cursor: memtable.cursor(), layer: memtable });
    }
    for (const level of levels) {
      if (level.overlapping) {
        for (const { table } of level.files) this.#lanes.push({ cursor: table.cursor(), layer: table });
      } else if (level.files.length > 0) {
        this.#lanes.push({ cursor: new LevelCursor(level), layer: undefined });
      }
    }
  }

  /** To the first key ≥ `key` (in reverse: the last key < `key`); without one, to the first (last) of all. */
  seek(key: KeyBuffer | undefined, demand: BlockDemand<Table>): Lookup {
    for (const { cursor } of this.#lanes) {
      if (seekLane(cursor, key, this.#reverse, demand) === MISS) return MISS;
    }
    return FOUND;
  }

  /** Copies the next key, in order, into `key`; false at the end. The lanes that hold it stand on it. */
  gather(key: KeyBuffer): boolean {
    const at = this.#at;
    at.length = 0;
    for (const lane of this.#lanes) {
      const cursor = lane.cursor;
      if (!cursor.valid) continue;
      const first = at[0]?.cursor;
      let order = -1;
      if (first !== undefined) {
        order = compareKeys(
          cursor.keyI32,
          cursor.keyWord,
          cursor.keyLength,
          first.keyI32,
          first.keyWord,
          first.keyLength,
        );
        if (this.#reverse) order = -order;
      }
      if (order < 0) at.length = 0;
      if (order <= 0) at.push(lane);
    }
    const cursor = at[0]?.cursor;
    if (cursor === undefined) return false;
    key.setWords(cursor.keyI32, cursor.keyWord, cursor.keyLength);
    return true;
  }

  /** The visible version of the gathered key, which is in `key`, as `findPoint`'s answer. */
  resolve(key: KeyBuffer, bounds: Bounds, best: BestVersion, demand: BlockDemand<Table>): Lookup {
    return this.#resolve(this.#marks, key, bounds, best, demand);
  }

  /** The same as `findOwn`'s. */
  resolveOwn(key: KeyBuffer, bounds: Bounds, best: BestVersion, demand: BlockDemand<Table>): Lookup {
    return this.#resolve(undefined, key, bounds, best, demand);
  }

  #resolve(
    marks: RangeMarks | undefined,
    key: KeyBuffer,
    bounds: Bounds,
    best: BestVersion,
    demand: BlockDemand<Table>,
  ): Lookup {
    best.start(bounds, this.#erasures?.seqMin(key.i32, 0, key.length) ?? 0);
    do {
      for (const lane of this.#at) {
        const layer = lane.layer ?? (lane.cursor as LevelCursor).table;
        if (!best.couldImprove(layer.minTimestamp, layer.maxTimestamp, layer.maxSeq)) continue;
        const lookup = lane.cursor.locate(best.boundHi, best.boundLo, best.candidate, demand);
        if (lookup === MISS) return MISS;
        if (lookup === FOUND && best.offer(lane.cursor, layer, demand) === MISS) return MISS;
      }
    } while (!best.settle(marks, key));
    return FOUND;
  }

  /** Moves the lanes on from the gathered key. */
  advance(demand: BlockDemand<Table>): Lookup {
    for (const { cursor } of this.#at) {
      const lookup = this.#reverse ? cursor.previous(demand) : cursor.next(demand);
      if (lookup === MISS) return MISS;
    }
    return FOUND;
  }

  close(): void {
    for (const { cursor } of this.#lanes) cursor.close();
  }
}

function seekLane(
  cursor: GroupCursor<Table>,
  key: KeyBuffer | undefined,
  reverse: boolean,
  demand: BlockDemand<Table>,
): Lookup {
  if (key === undefined) return reverse ? cursor.seekLast(demand) : cursor.seekFirst(demand);
  return reverse ? cursor.seekBefore(key, demand) : cursor.seek(key, demand);
}
