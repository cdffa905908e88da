import { invariant } from "@kvts/common";
import type { Erasures } from "../erase/erasures.ts";
import { CarriedVersion } from "../format/carried-version.ts";
import type { GroupCursor } from "../format/group-cursor.ts";
import { compareKeys } from "../format/key-buffer.ts";
import {
  highWord,
  joinWords,
  KIND_MASK,
  KIND_RETRACT,
  lowWord,
  META,
  SEQ_HI,
  SEQ_LO,
  TS_LO,
  VERSION_WORDS,
} from "../format/version-record.ts";
import { BlockDemand, FOUND, VersionRun } from "../format/version-run.ts";
import { BelowHorizon, seqOf } from "./below-horizon.ts";
import type { FloorCursor, KeyFloor } from "./key-floors.ts";
import type { Retention } from "./retention.ts";

/** One layer that a merge reads, and whatever finds the extents that its records point at. */
export interface MergeInput<E> {
  readonly cursor: GroupCursor;
  readonly extents: E;
}

/** Where merged versions go: keys ascend, and within a key versions ascend by (timestamp, seq). */
export interface MergeSink<E> {
  startKey(i32: Int32Array, word: number, length: number): void;
  /** Records `from` … `to - 1` of `run`, lent for the call. */
  addVersions(run: VersionRun, from: number, to: number, extents: E): void;
  /** All versions of the key have been added. */
  endKey(): void;
}

/**
 * Merges layers key by key. Most keys' versions go through in bulk: a stretch of one input that lies below the others'
 * next version is handed on as it is. Only versions at the same timestamp, retracts, and the last record before a run
 * ends are taken one by one.
 */
export class Merge<E> {
  readonly #inputs: readonly Head<E>[];
  readonly #retention: Retention;
  readonly #floors: FloorCursor | undefined;
  readonly #below: BelowHorizon<E>;
  readonly #erasures: Erasures | undefined;
  /** Inputs that stand on the key being merged. */
  readonly #at: Head<E>[] = [];
  readonly #carried: CarriedVersion<E> = new CarriedVersion();
  #started = false;
  /** Whether a version that another one hides at the timestamp taken last is kept for a pin. */
  #keptHidden = false;

  /**
   * @param floors undefined where the whole history of every key is kept
   * @param erasures what they hide is as if it were not there
   */
  constructor(inputs: readonly MergeInput<E>[], retention: Retention, floors?: FloorCursor, erasures?: Erasures) {
    this.#inputs = inputs.map((input) => new Head(input));
    this.#erasures = erasures;
    this.#retention = retention;
    this.#floors = floors;
    this.#below = new BelowHorizon(retention);
  }

  /** Merges whole keys until about `versions` versions have been looked at; false when everything is merged. */
  step(sink: MergeSink<E>, versions: number): boolean {
    if (!this.#started) {
      this.#started = true;
      for (const head of this.#inputs) head.cursor.seekFirst(SYNC);
    }
    let budget = versions;
    while (budget > 0) {
      if (!this.#gatherKey()) return false;
      budget -= this.#mergeKey(sink);
    }
    return true;
  }

  /** Versions that were left out because they are erased. */
  get erased(): number {
    return this.#inputs.reduce((sum, head) => sum + head.erased, 0);
  }

  close(): void {
    for (const head of this.#inputs) head.cursor.close();
  }

  /** Collects the inputs that stand on the smallest key. */
  #gatherKey(): boolean {
    const at = this.#at;
    at.length = 0;
    for (const head of this.#inputs) {
      const cursor = head.cursor;
      if (!cursor.valid) continue;
      const least = at[0]?.cursor;
      const order =
        least === undefined
          ? -1
          : compareKeys(cursor.keyI32, cursor.keyWord, cursor.keyLength, least.keyI32, least.keyWord, least.keyLength);
      if (order < 0) at.length = 0;
      if (order <= 0) at.push(head);
    }
    return at.length > 0;
  }

  #mergeKey(sink: MergeSink<E>): number {
    const first = this.#at[0]!.cursor;
    const output = new KeyOutput(sink, first);
    let versions = 0;
    const seqMin = this.#erasures?.seqMin(first.keyI32, first.keyWord, first.keyLength) ?? 0;
    for (const head of this.#at) head.openGroup(seqMin);
    const floor = this.#floors?.seek(first.keyI32, first.keyWord, first.keyLength);
    if (floor !== undefined) versions += this.#mergeBelow(floor, output);
    for (;;) {
      const least = this.#leastHead();
      if (least === undefined) break;
      const clean = this.#cleanStretch(least);
      if (clean > 0) {
        output.add(least.run, least.index, least.index + clean, least.extents);
        least.advance(clean);
        versions += clean;
      } else {
        versions += this.#mergeTimestamp(least, output);
      }
    }
    if (output.started) sink.endKey();
    for (const head of this.#at) head.cursor.next(SYNC);
    return versions + 1;
  }

  /** Takes every version below the horizon. */
  #mergeBelow(floor: KeyFloor, output: KeyOutput<E>): number {
    const below = this.#below;
    const hi = highWord(floor.timestamp);
    const lo = lowWord(floor.timestamp);
    let versions = 0;
    below.start(floor);
    for (;;) {
      const least = this.#leastHead();
      if (least === undefined || compareTime(least.tsHi, least.tsLo, hi, lo) >= 0) break;
      versions += this.#takeTimestamp(least, below);
      const seq = seqOf(this.#carried);
      if (!this.#carried.isRetract) below.offer(this.#carried, seq, output);
      else if (!this.#retention.dropRetract(seq, this.#keptHidden)) below.keep(this.#carried);
    }
    below.finish(output);
    return versions;
  }

  /** The input whose next version is the smallest by (timestamp, seq). */
  #leastHead(): Head<E> | undefined {
    let least: Head<E> | undefined;
    for (const head of this.#at) {
      if (head.open && (least === undefined || head.compare(least) < 0)) least = head;
    }
    return least;
  }

  /**
   * How many records from the head's position can go through untouched: their timestamps are all different, none is a
   * retract, none stands in another input, and each has its successor in the same run.
   */
  #cleanStretch(head: Head<E>): number {
    const { i32, first, count } = head.run;
    const other = this.#leastOther(head);
    let index = head.index;
    for (; index < count - 1 || (index < count && !head.run.hasNext); index++) {
      const at = first + index * VERSION_WORDS;
      if ((i32[at + META]! & KIND_MASK) === KIND_RETRACT || head.isErased(at)) break;
      const hi = i32[at]!;
      const lo = i32[at + TS_LO]!;
      if (other !== undefined && compareTime(hi, lo, other.tsHi, other.tsLo) >= 0) break;
      if (index < count - 1 && i32[at + VERSION_WORDS] === hi && i32[at + VERSION_WORDS + TS_LO] === lo) break;
    }
    return index - head.index;
  }

  #leastOther(head: Head<E>): Head<E> | undefined {
    let least: Head<E> | undefined;
    for (const other of this.#at) {
      if (other !== head && other.open && (least === undefined || other.compare(least) < 0)) least = other;
    }
    return least;
  }

  /** Takes every version at the least timestamp, in seq order, and keeps what retention keeps. */
  #mergeTimestamp(start: Head<E>, output: KeyOutput<E>): number {
    const taken = this.#takeTimestamp(start, output);
    const carried = this.#carried;
    const drops = carried.isRetract && this.#retention.dropRetract(seqOf(carried), this.#keptHidden);
    if (!drops) output.addOne(carried);
    return taken;
  }

  /** Takes every version at the least timestamp; the last, which counts, is left in `#carried`, hidden ones are handed on. */
  #takeTimestamp(start: Head<E>, hidden: HiddenVersions<E>): number {
    const retention = this.#retention;
    const tsHi = start.tsHi;
    const tsLo = start.tsLo;
    let taken = 0;
    this.#keptHidden = false;
    let held = false;
    let heldSeq = 0;
    for (let head: Head<E> | undefined = start; head !== undefined; head = this.#leastHead()) {
      if (head.tsHi !== tsHi || head.tsLo !== tsLo) break;
      const seq = head.seq;
      if (held && !retention.dropHidden(heldSeq, seq)) {
        hidden.keep(this.#carried);
        this.#keptHidden = true;
      }
      this.#carried.take(head.run, head.index, head.extents);
      held = true;
      heldSeq = seq;
      head.advance(1);
      taken++;
    }
    invariant(held, "M1: a merge step takes at least one version");
    return taken;
  }
}

/** Takes versions that another one hides at their timestamp, and that are kept for a pin. */
interface HiddenVersions<E> {
  keep(version: CarriedVersion<E>): void;
}

/** Starts the key in the sink with its first version, so that a key that loses all of them is never begun. */
class KeyOutput<E> {
  started = false;
  readonly #sink: MergeSink<E>;
  readonly #cursor: GroupCursor;

  constructor(sink: MergeSink<E>, cursor: GroupCursor) {
    this.#sink = sink;
    this.#cursor = cursor;
  }

  add(run: VersionRun, from: number, to: number, extents: E): void {
    if (!this.started) {
      this.started = true;
      this.#sink.startKey(this.#cursor.keyI32, this.#cursor.keyWord, this.#cursor.keyLength);
    }
    this.#sink.addVersions(run, from, to, extents);
  }

  addOne(version: CarriedVersion<E>): void {
    this.add(version.run, 0, 1, version.owner as E);
  }

  keep(version: CarriedVersion<E>): void {
    this.addOne(version);
  }
}

/** One input's position within the key being merged. */
class Head<E> {
  readonly cursor: GroupCursor;
  readonly extents: E;
  readonly run: VersionRun = new VersionRun();
  index = 0;
  /** Whether a version is left. */
  open = false;
  /** Versions that it has passed over. */
  erased = 0;
  /** Lower seqs of the key are erased. */
  #seqMin = 0;

  constructor(input: MergeInput<E>) {
    this.cursor = input.cursor;
    this.extents = input.extents;
  }

  openGroup(seqMin: number): void {
    this.index = 0;
    this.open = this.cursor.firstRun(this.run, SYNC) === FOUND && this.run.count > 0;
    this.#seqMin = seqMin;
    if (seqMin > 0) this.#passErased();
  }

  /** Whether the record at a word of the run is erased. */
  isErased(at: number): boolean {
    if (this.#seqMin === 0) return false;
    return joinWords(this.run.i32[at + SEQ_HI]!, this.run.i32[at + SEQ_LO]!) < this.#seqMin;
  }

  get tsHi(): number {
    return this.run.i32[this.run.first + this.index * VERSION_WORDS]!;
  }

  get tsLo(): number {
    return this.run.i32[this.run.first + this.index * VERSION_WORDS + TS_LO]!;
  }

  get seq(): number {
    const at = this.run.first + this.index * VERSION_WORDS;
    return joinWords(this.run.i32[at + SEQ_HI]!, this.run.i32[at + SEQ_LO]!);
  }

  advance(versions: number): void {
    this.#step(versions);
    if (this.#seqMin > 0) this.#passErased();
  }

  #passErased(): void {
    while (this.open && this.isErased(this.run.first + this.index * VERSION_WORDS)) {
      this.erased++;
      this.#step(1);
    }
  }

  #step(versions: number): void {
    this.index += versions;
    if (this.index < this.run.count) return;
    this.index = 0;
    this.open = this.run.hasNext && this.cursor.nextRun(this.run, SYNC) === FOUND;
  }

  /** Order by (timestamp, seq). */
  compare(other: Head<E>): number {
    const a = this.run.i32;
    const at = this.run.first + this.index * VERSION_WORDS;
    const b = other.run.i32;
    const bt = other.run.first + other.index * VERSION_WORDS;
    return (
      compareTime(a[at]!, a[at + TS_LO]!, b[bt]!, b[bt + TS_LO]!) ||
      compareTime(a[at + SEQ_HI]!, a[at + SEQ_LO]!, b[bt + SEQ_HI]!, b[bt + SEQ_LO]!)
    );
  }
}

function compareTime(aHi: number, aLo: number, bHi: number, bLo: number): number {
  return aHi !== bHi ? aHi - bHi : aLo === bLo ? 0 : aLo < bLo ? -1 : 1;
}

const SYNC: BlockDemand = new BlockDemand(true);
