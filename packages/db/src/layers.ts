import { invariant } from "@kvts/common";
import type { Erasures } from "./erase/erasures.ts";
import type { Version } from "./manifest/version.ts";
import { type RangeMark, withoutErased } from "./marks/range-mark.ts";
import { RangeMarks } from "./marks/range-marks.ts";
import type { ArenaPool } from "./memtable/arena-pool.ts";
import type { Memtable } from "./memtable/memtable.ts";
import { type SharedMemtable, View } from "./read/view.ts";

/** A memtable in the store's care: the log it began in, and who still looks at it. */
export class LiveMemtable implements SharedMemtable {
  readonly memtable: Memtable;
  /** The oldest log segment that holds, or may come to hold, any of its entries. */
  logNumber: number;
  /** Seq of the last range mark that came while it was the active one; 0 for none. */
  lastMarkSeq = 0;
  /**
   * The least timestamp of what stood in the logs from {@link logNumber} on before its first entry: after a crash that is
   * replayed with it, though it has long been in tables. Infinite where nothing did.
   */
  replayedMinTimestamp: number;
  readonly #free: () => void;
  #references = 0;

  constructor(memtable: Memtable, logNumber: number, replayedMinTimestamp: number, free: () => void) {
    this.memtable = memtable;
    this.logNumber = logNumber;
    this.replayedMinTimestamp = replayedMinTimestamp;
    this.#free = free;
  }

  /** The greatest seq that came while it was the active one; −1 where nothing did. */
  get maxSeq(): number {
    return this.lastMarkSeq === 0 ? this.memtable.maxSeq : Math.max(this.memtable.maxSeq, this.lastMarkSeq);
  }

  acquire(): void {
    this.#references++;
  }

  release(): void {
    invariant(this.#references > 0, "L1: a memtable is released once by each holder");
    if (--this.#references === 0) this.#free();
  }
}

/**
 * Owns what reads look at: the active memtable, the frozen ones that wait for their flush, the tables' version, and the
 * range marks, which lie in none of these.
 * Every change makes a new view in one synchronous step, so that a read sees an entry in exactly one place or, while a
 * replayed log and a table both hold it, as one version.
 */
export class Layers {
  /** Operations put into memory since the store was opened, replayed ones included; bytes of keys, values and timestamps. */
  readonly taken: { operations: number; bytes: number } = { operations: 0, bytes: 0 };
  readonly #arenas: ArenaPool;
  #active: LiveMemtable;
  #marks: RangeMarks;
  /** Oldest first. */
  #frozen: LiveMemtable[] = [];
  #erasures: Erasures | undefined;
  #view: View;

  constructor(
    arenas: ArenaPool,
    version: Version,
    logNumber: number,
    marks: RangeMarks = new RangeMarks(),
    erasures?: Erasures,
  ) {
    this.#arenas = arenas;
    this.#marks = marks.without(erasures?.list ?? []);
    this.#erasures = erasures;
    this.#active = this.#create(logNumber, Number.POSITIVE_INFINITY);
    this.#view = new View([this.#active], version, this.#marks.orNone, erasures);
  }

  get view(): View {
    return this.#view;
  }

  get active(): Memtable {
    return this.#active.memtable;
  }

  /** Nothing has come since the last memtable froze. */
  get isActiveEmpty(): boolean {
    return this.#active.maxSeq < 0;
  }

  /** All range marks that there are, in memory and in files, without what is erased of them. */
  get marks(): RangeMarks {
    return this.#marks;
  }

  /** Takes up a range mark, whose log segment stays until it is in a file. One that is replayed may be erased in part. */
  addMark(mark: RangeMark): void {
    const isFirst = this.#marks.count === 0;
    const left = withoutErased(mark, this.#erasures?.list ?? []);
    if (left !== undefined) this.#marks.add(left);
    this.#active.lastMarkSeq = mark.seq;
    if (isFirst) this.#show(this.#view.version);
  }

  /** Frozen memtables, oldest first. */
  get frozen(): readonly LiveMemtable[] {
    return this.#frozen;
  }

  /**
   * Whether a group surely fits into the active memtable, its long values, which lie outside the arena, counted like the
   * others. An empty one counts: no other has more room.
   */
  hasRoomFor(operations: number, bytes: number): boolean {
    const active = this.active;
    if (active.entryCount === 0) return true;
    return active.hasRoomFor(operations, bytes) && active.bytesUsed + bytes <= this.#arenas.arenaBytes;
  }

  /** How full the active memtable is, 0 to 1. */
  get activeFill(): number {
    return Math.min(1, this.active.bytesUsed / this.#arenas.arenaBytes);
  }

  /** Log segments from this number on hold entries that are in no table yet. */
  oldestLog(): number {
    return this.#oldestLog([...this.#frozen, this.#active]);
  }

  /** The same once `flushed` is in a table. */
  oldestLogWithout(flushed: LiveMemtable): number {
    return this.#oldestLog([...this.#frozen, this.#active].filter((live) => live !== flushed));
  }

  /** Freezes the active memtable and starts another, whose entries will be found in logs from `logNumber` on. */
  freeze(logNumber: number): void {
    const before = this.#active;
    this.#frozen.push(before);
    const sharesLog = logNumber <= before.logNumber;
    const replayed = Math.min(before.memtable.minTimestamp, before.replayedMinTimestamp);
    this.#active = this.#create(logNumber, sharesLog ? replayed : Number.POSITIVE_INFINITY);
    this.#show(this.#view.version);
  }

  /** While memory is empty: what comes will be found in logs from `logNumber` on. */
  beginLog(logNumber: number): void {
    invariant(this.isActiveEmpty && this.#frozen.length === 0, "L3: an old log is given up with memory empty");
    this.#active.logNumber = logNumber;
    this.#active.replayedMinTimestamp = Number.POSITIVE_INFINITY;
  }

  /** Those in force; undefined for none. */
  get erasures(): Erasures | undefined {
    return this.#erasures;
  }

  /** From now on reads, and jobs that begin, go by these. The manifest says so already. */
  erase(erasures: Erasures | undefined): void {
    this.#erasures = erasures;
    this.#marks = this.#marks.without(erasures?.list ?? []);
    this.#show(this.#view.version);
  }

  /** What comes will be found in logs from `logNumber` on, where nothing has come yet since the last memtable froze. */
  movedLog(logNumber: number): void {
    if (!this.isActiveEmpty) return;
    this.#active.logNumber = logNumber;
    this.#active.replayedMinTimestamp = Number.POSITIVE_INFINITY;
  }

  /** Everything in memory. */
  get live(): readonly LiveMemtable[] {
    return [...this.#frozen, this.#active];
  }

  /** Puts a new version of the tables in place, and lets go of a memtable that it now holds. */
  install(version: Version, flushed?: LiveMemtable): void {
    if (flushed !== undefined) {
      invariant(this.#frozen[0] === flushed, "L2: memtables are flushed oldest first");
      this.#frozen = this.#frozen.slice(1);
    }
    this.#show(version);
  }

  close(): void {
    this.#view.release();
  }

  #show(version: Version): void {
    const before = this.#view;
    const memtables = [this.#active, ...this.#frozen.toReversed()];
    this.#view = new View(memtables, version, this.#marks.orNone, this.#erasures);
    before.release();
  }

  #create(logNumber: number, replayedMinTimestamp: number): LiveMemtable {
    const memtable = this.#arenas.take();
    return new LiveMemtable(memtable, logNumber, replayedMinTimestamp, () => this.#arenas.give(memtable));
  }

  #oldestLog(memtables: readonly LiveMemtable[]): number {
    return memtables.reduce((oldest, live) => Math.min(oldest, live.logNumber), Number.POSITIVE_INFINITY);
  }
}
