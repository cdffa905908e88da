import type { Change, Entry, Key, ResolvedRange } from "@kvts/common";
import { compareKeys, KeyBuffer } from "../format/key-buffer.ts";
import { META_LENGTH_SHIFT } from "../format/version-record.ts";
import { type BlockDemand, FOUND, MISS } from "../format/version-run.ts";
import { Level } from "../manifest/level.ts";
import type { Version } from "../manifest/version.ts";
import { KeySpans } from "../marks/key-spans.ts";
import type { Memtable } from "../memtable/memtable.ts";
import type { Table } from "../table/table.ts";
import type { Batch } from "./batch.ts";
import { BestVersion } from "./best-version.ts";
import { Bounds } from "./bounds.ts";
import { makeChange } from "./change.ts";
import { entryAt, expiryAt, type Incomplete, isVisible, recordAt, timestampAt } from "./found-version.ts";
import { type KeyForm, keyAt } from "./key-decoder.ts";
import { KeyMerge } from "./key-merge.ts";
import { findPoint } from "./point-read.ts";
import { type ScanPause, successor } from "./scan.ts";
import type { View } from "./view.ts";

/** Keys looked at before a diff that finds little gives way to the event loop. */
const KEYS_PER_STRETCH_MAX = 1024;

const KEY = new KeyBuffer();
const START = new KeyBuffer();
const END = new KeyBuffer();
const BEFORE = new BestVersion();
const AFTER = new BestVersion();

/** What is unusual about a diff up to the newest versions. */
export interface DiffSettings {
  /** When expiry is judged of what is visible at the end: the clock, where that is the end of all time. Not before `from`. */
  readonly expiresBy?: number;
  /** Told of each timestamp after `from` that is a key's greatest up to `to`, tombstones included. */
  readonly sawNewer?: (timestamp: number) => void;
}

type Found<K extends Key> = Entry<K> | Incomplete<Entry<K>> | undefined;

/**
 * The keys of a range for which another version is visible at one moment than at an earlier one. Only layers are walked
 * that hold a timestamp or an expiry between the two, or keys on which a range mark from between them lies; what was visible before is then looked up in all of them. Like a
 * scan it proceeds in stretches, and between them it holds a key to go on from and nothing else.
 */
export class Diff<K extends Key> {
  readonly #range: ResolvedRange;
  readonly #from: number;
  readonly #to: number;
  readonly #before: Bounds;
  readonly #after: Bounds;
  readonly #form: KeyForm;
  #resume: Uint8Array;
  #ended: boolean;
  /** The tables that can matter, of the version that was looked at last. */
  #version: Version | undefined;
  #levels: Level[] = [];
  #expires = false;
  /** When expiry is judged of what is visible at `to`. */
  readonly #expiresBy: number;
  readonly #sawNewer: ((timestamp: number) => void) | undefined;
  /** The keys on which a range mark between the two moments lies: every layer that holds one of them can matter. */
  #marked: KeySpans | undefined;
  /** Keys done so far. */
  progress = 0;

  /** @param from microseconds; `to` likewise, no earlier */
  constructor(range: ResolvedRange, from: number, to: number, seq: number, form: KeyForm, options?: DiffSettings) {
    this.#range = range;
    this.#from = from;
    this.#to = to;
    this.#before = new Bounds(from, seq);
    this.#after = new Bounds(to, seq);
    this.#form = form;
    this.#expiresBy = options?.expiresBy ?? to;
    this.#sawNewer = options?.sawNewer;
    this.#resume = range.start;
    this.#ended = range.end?.length === 0 || from === to;
  }

  /** The first key still to come. */
  get resume(): Uint8Array {
    return this.#resume;
  }

  /** Adds changes to `batch` until it is full, a block is missing, or the stretch gets long. */
  fill(view: View, batch: Batch<Change<K>>, demand: BlockDemand<Table>): ScanPause {
    if (this.#ended) return "end";
    const merge = this.#open(view);
    try {
      return this.#fill(view, merge, batch, demand);
    } finally {
      merge.close();
      BEFORE.release();
      AFTER.release();
    }
  }

  #fill(view: View, merge: KeyMerge, batch: Batch<Change<K>>, demand: BlockDemand<Table>): ScanPause {
    START.setBytes(this.#resume);
    if (merge.seek(START.length === 0 ? undefined : START, demand) === MISS) return "miss";
    const { end } = this.#range;
    if (end !== undefined) END.setBytes(end);
    for (let keys = 0; keys < KEYS_PER_STRETCH_MAX; keys++) {
      if (!merge.gather(KEY) || (end !== undefined && isAtOrPast(KEY, END))) return this.#end();
      if (batch.full) return this.#pause("full", false);
      if (merge.resolve(KEY, this.#after, AFTER, demand) === MISS) return this.#pause("miss", false);
      if (this.#compare(view, batch, demand) === MISS) return this.#pause("miss", false);
      AFTER.release();
      this.progress++;
      if (merge.advance(demand) === MISS) return this.#pause("miss", true);
    }
    return merge.gather(KEY) ? this.#pause("long", false) : this.#end();
  }

  /** Adds what became of KEY, AFTER being the newest version that the layers looked at have of it; MISS to be repeated. */
  #compare(view: View, batch: Batch<Change<K>>, demand: BlockDemand<Table>): typeof MISS | undefined {
    // No other layer has a version between the two moments, so such a version is the one that is visible.
    const isNewer = AFTER.found && timestampAt(AFTER.run, AFTER.index) > this.#from;
    if (!isNewer && !this.#expires) return;
    if (isNewer) this.#sawNewer?.(timestampAt(AFTER.run, AFTER.index));
    const lookup = findPoint(view, KEY, this.#before, BEFORE, demand);
    if (lookup === MISS) return MISS;
    const wasThere = lookup === FOUND && isVisible(BEFORE.run, BEFORE.index, () => this.#from);
    const isThere = isNewer
      ? isVisible(AFTER.run, AFTER.index, () => this.#expiresBy)
      : wasThere && !(expiryAt(BEFORE.run, recordAt(BEFORE.run, BEFORE.index))! <= this.#expiresBy);
    if (isNewer ? wasThere || isThere : wasThere && !isThere) {
      this.#add(batch, wasThere ? this.#entry(BEFORE) : undefined, isThere ? this.#entry(AFTER) : undefined);
    }
    BEFORE.release();
  }

  #add(batch: Batch<Change<K>>, before: Found<K>, after: Found<K>): void {
    const bytes =
      (before === undefined ? 0 : BEFORE.meta >>> META_LENGTH_SHIFT) +
      (after === undefined ? 0 : AFTER.meta >>> META_LENGTH_SHIFT);
    batch.add(makeChange(keyAt(KEY.i32, 0, KEY.length, this.#form) as K, before, after), bytes);
  }

  #entry(best: BestVersion): Entry<K> | Incomplete<Entry<K>> {
    return entryAt(best.run, best.index, best.layer!, keyAt(KEY.i32, 0, KEY.length, this.#form) as K);
  }

  /** The layers that can matter, merged. */
  #open(view: View): KeyMerge {
    const { marks } = view;
    // Once: marks that come later have greater seqs.
    this.#marked ??= new KeySpans(
      marks === undefined ? [] : [...marks.within(this.#from + 1, this.#to, this.#after.seq)],
    );
    const marked = this.#marked;
    const memtables = view.memtables.filter(({ memtable }) => !marked.isEmpty || this.#matters(memtable));
    if (view.version !== this.#version) {
      this.#version = view.version;
      this.#levels = view.version.levels.map(
        ({ number, files }) =>
          new Level(
            number,
            files.filter(
              ({ meta }) =>
                this.#isBetween(meta.minTimestamp, meta.maxTimestamp) ||
                this.#expiresBetween(meta) ||
                marked.touches(meta.smallest, meta.largest),
            ),
          ),
      );
    }
    this.#expires =
      memtables.some(({ memtable }) => memtable.hasExpiries) ||
      this.#levels.some(({ files }) => files.some(({ meta }) => this.#expiresBetween(meta)));
    return new KeyMerge({ memtables, levels: this.#levels, marks, erasures: view.erasures }, false);
  }

  #matters(memtable: Memtable): boolean {
    return memtable.hasExpiries || this.#isBetween(memtable.minTimestamp, memtable.maxTimestamp);
  }

  #expiresBetween({ minExpiresAt, maxExpiresAt }: ExpiryExtremes): boolean {
    return minExpiresAt !== undefined && maxExpiresAt !== undefined && this.#isBetween(minExpiresAt, maxExpiresAt);
  }

  /** Whether any of `least` … `greatest` may lie after `from`, and not after `to`. */
  #isBetween(least: number, greatest: number): boolean {
    return least <= this.#to && greatest > this.#from;
  }

  #end(): ScanPause {
    this.#ended = true;
    this.#version = undefined;
    return "end";
  }

  /** Remembers where to go on: at the current key, or behind it where that is done. */
  #pause(reason: ScanPause, done: boolean): ScanPause {
    const key = KEY.toBytes();
    this.#resume = done ? successor(key) : key;
    return reason;
  }
}

interface ExpiryExtremes {
  readonly minExpiresAt: number | undefined;
  readonly maxExpiresAt: number | undefined;
}

function isAtOrPast(key: KeyBuffer, end: KeyBuffer): boolean {
  return compareKeys(key.i32, 0, key.length, end.i32, 0, end.length) >= 0;
}
