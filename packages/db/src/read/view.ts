import { invariant } from "@kvts/common";
import type { Erasures } from "../erase/erasures.ts";
import type { Version } from "../manifest/version.ts";
import type { RangeMarks } from "../marks/range-marks.ts";
import type { Memtable } from "../memtable/memtable.ts";
import type { Table } from "../table/table.ts";

/** What holds versions. */
export type Layer = Memtable | Table;

/** A memtable that readers may still be looking at; its arena is free once nobody does. */
export interface SharedMemtable {
  readonly memtable: Memtable;
  acquire(): void;
  release(): void;
}

/**
 * What a read sees: the memtables, newest first, and a version of the tables. Immutable; replaced by its owner when a
 * memtable freezes, a flush lands or a compaction does. Synchronous reads use the current view as it stands; a read
 * that awaits acquires it first, so that no arena is reused and no file removed under it.
 */
export class View {
  readonly memtables: readonly SharedMemtable[];
  readonly version: Version;
  /** The store's range marks; undefined while it has none. They belong to no layer, and those to come mean nothing here. */
  readonly marks: RangeMarks | undefined;
  /** What is erased, though its bytes may still be there; undefined for nothing. */
  readonly erasures: Erasures | undefined;
  #references = 1;

  constructor(memtables: readonly SharedMemtable[], version: Version, marks?: RangeMarks, erasures?: Erasures) {
    this.memtables = memtables;
    this.version = version;
    this.marks = marks;
    this.erasures = erasures;
    for (const shared of memtables) shared.acquire();
    version.acquire();
  }

  acquire(): this {
    invariant(this.#references > 0, "V1: a view is acquired only while somebody holds it");
    this.#references++;
    return this;
  }

  release(): void {
    invariant(this.#references > 0, "V2: a view is released once by each holder");
    if (--this.#references > 0) return;
    for (const shared of this.memtables) shared.release();
    this.version.release();
  }
}
