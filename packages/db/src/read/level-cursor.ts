import type { GroupCursor } from "../format/group-cursor.ts";
import type { KeyBuffer } from "../format/key-buffer.ts";
import { ABSENT, type BlockDemand, type Lookup, type VersionRun } from "../format/version-run.ts";
import type { Level } from "../manifest/level.ts";
import type { Table } from "../table/table.ts";

/** One cursor over a level whose tables ascend by key and do not overlap: it opens one table at a time. */
export class LevelCursor implements GroupCursor<Table> {
  readonly #level: Level;
  #file = -1;
  #cursor: GroupCursor<Table> | undefined;

  constructor(level: Level) {
    this.#level = level;
  }

  /** The table that the cursor stands in. */
  get table(): Table {
    return this.#level.files[this.#file]!.table;
  }

  get valid(): boolean {
    return this.#cursor?.valid ?? false;
  }

  get keyI32(): Int32Array {
    return this.#cursor!.keyI32;
  }

  get keyWord(): number {
    return this.#cursor!.keyWord;
  }

  get keyLength(): number {
    return this.#cursor!.keyLength;
  }

  seekFirst(demand: BlockDemand<Table>): Lookup {
    return this.#enter(0) ? this.#cursor!.seekFirst(demand) : ABSENT;
  }

  seekLast(demand: BlockDemand<Table>): Lookup {
    return this.#enter(this.#level.files.length - 1) ? this.#cursor!.seekLast(demand) : ABSENT;
  }

  seek(key: KeyBuffer, demand: BlockDemand<Table>): Lookup {
    if (!this.#enter(this.#level.firstReaching(key))) return ABSENT;
    const lookup = this.#cursor!.seek(key, demand);
    return lookup === ABSENT ? this.#enterNext(demand) : lookup;
  }

  seekBefore(key: KeyBuffer, demand: BlockDemand<Table>): Lookup {
    // Tables before the first one that reaches `key` lie wholly below it.
    const reaching = this.#level.firstReaching(key);
    if (reaching < this.#level.files.length && this.#enter(reaching)) {
      const lookup = this.#cursor!.seekBefore(key, demand);
      if (lookup !== ABSENT) return lookup;
    }
    return this.#enter(reaching - 1) ? this.#cursor!.seekLast(demand) : ABSENT;
  }

  next(demand: BlockDemand<Table>): Lookup {
    const lookup = this.#cursor!.next(demand);
    return lookup === ABSENT ? this.#enterNext(demand) : lookup;
  }

  previous(demand: BlockDemand<Table>): Lookup {
    const lookup = this.#cursor!.previous(demand);
    if (lookup !== ABSENT) return lookup;
    return this.#enter(this.#file - 1) ? this.#cursor!.seekLast(demand) : ABSENT;
  }

  locate(tsHi: number, tsLo: number, run: VersionRun, demand: BlockDemand<Table>): Lookup {
    return this.#cursor!.locate(tsHi, tsLo, run, demand);
  }

  firstRun(run: VersionRun, demand: BlockDemand<Table>): Lookup {
    return this.#cursor!.firstRun(run, demand);
  }

  nextRun(run: VersionRun, demand: BlockDemand<Table>): Lookup {
    return this.#cursor!.nextRun(run, demand);
  }

  previousRun(run: VersionRun, demand: BlockDemand<Table>): Lookup {
    return this.#cursor!.previousRun(run, demand);
  }

  close(): void {
    this.#cursor?.close();
    this.#cursor = undefined;
  }

  #enterNext(demand: BlockDemand<Table>): Lookup {
    return this.#enter(this.#file + 1) ? this.#cursor!.seekFirst(demand) : ABSENT;
  }

  #enter(file: number): boolean {
    if (file === this.#file && this.#cursor !== undefined) return true;
    this.#cursor?.close();
    this.#cursor = this.#level.files[file]?.table.cursor();
    this.#file = file;
    return this.#cursor !== undefined;
  }
}
