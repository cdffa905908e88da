import type { Key, ResolvedRange, Version } from "@kvts/common";
import { compareKeys, KeyBuffer } from "../format/key-buffer.ts";
import { META_LENGTH_SHIFT } from "../format/version-record.ts";
import { type BlockDemand, type Lookup, MISS } from "../format/version-run.ts";
import type { Horizons } from "../retention/horizons.ts";
import type { Table } from "../table/table.ts";
import type { Batch } from "./batch.ts";
import { BestVersion } from "./best-version.ts";
import { Bounds } from "./bounds.ts";
import { checkFloor, isSpent } from "./floor.ts";
import { isVisible, versionAt } from "./found-version.ts";
import { type KeyForm, keyAt } from "./key-decoder.ts";
import { KeyMerge } from "./key-merge.ts";
import type { View } from "./view.ts";

/** Keys looked at before a scan that finds little gives way to the event loop. */
const KEYS_PER_STRETCH_MAX = 4096;

const KEY = new KeyBuffer();
const LIMIT = new KeyBuffer();
const BEST = new BestVersion();
const OWN = new BestVersion();
const ZERO = new Uint8Array(1);

export interface ScanSettings {
  readonly reverse: boolean;
  /** Lists tombstones and expired values too, for keys whose visible version is one. */
  readonly includeDeleted: boolean;
  readonly horizons: Horizons | undefined;
}

/** Why a stretch of a scan ended. */
export type ScanPause = "full" | "end" | "miss" | "long";

/**
 * Each key's visible version over a range. It proceeds in synchronous stretches; between them it holds a key to go on
 * from and nothing else, so that no arena, block or file is pinned for long and the newest view serves each stretch.
 */
export class Scan<K extends Key> {
  readonly #range: ResolvedRange;
  readonly #bounds: Bounds;
  /** For whether a key has a version of its own at all: without one, range marks leave nothing to list. */
  readonly #own: Bounds;
  readonly #reverse: boolean;
  readonly #form: KeyForm;
  readonly #moment: () => number;
  readonly #includeDeleted: boolean;
  readonly #horizons: Horizons | undefined;
  /** Forward: the first key still to come. In reverse: a key above the next one. Undefined: from the very end. */
  #resume: Uint8Array | undefined;
  #ended = false;
  /** Keys done so far. */
  progress = 0;

  /**
   * @param moment when expiry is judged, in microseconds.
   * @throws HISTORY_TRIMMED
   */
  constructor(range: ResolvedRange, bounds: Bounds, form: KeyForm, moment: () => number, options: ScanSettings) {
    const reverse = options.reverse;
    this.#range = range;
    this.#bounds = bounds;
    this.#own = new Bounds(undefined, bounds.seq);
    this.#reverse = reverse;
    this.#form = form;
    this.#moment = moment;
    this.#includeDeleted = options.includeDeleted;
    this.#horizons = options.horizons;
    checkFloor(options.horizons, range, bounds.asOf);
    this.#resume = reverse ? range.end : range.start.length === 0 ? undefined : range.start;
    if (range.end !== undefined && range.end.length === 0) this.#ended = true;
  }

  get resume(): Uint8Array | undefined {
    return this.#resume;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Adds versions to `batch` until it is full, a block is missing, or the stretch gets long. */
  fill(view: View, batch: Batch<Version<K>>, demand: BlockDemand<Table>): ScanPause {
    if (this.#ended) return "end";
    const { memtables, version, marks, erasures } = view;
    const merge = new KeyMerge({ memtables, levels: version.levels, marks, erasures }, this.#reverse);
    try {
      return this.#fill(merge, batch, demand);
    } finally {
      merge.close();
      BEST.release();
      OWN.release();
    }
  }

  #fill(merge: KeyMerge, batch: Batch<Version<K>>, demand: BlockDemand<Table>): ScanPause {
    if (this.#seek(merge, demand) === MISS) return "miss";
    const bound = this.#reverse ? this.#range.start : this.#range.end;
    if (bound !== undefined) LIMIT.setBytes(bound);
    for (let keys = 0; keys < KEYS_PER_STRETCH_MAX; keys++) {
      if (!merge.gather(KEY) || (bound !== undefined && this.#isPast(LIMIT))) {
        this.#ended = true;
        return "end";
      }
      if (batch.full) return this.#pause("full", false);
      if (merge.resolve(KEY, this.#bounds, BEST, demand) === MISS) return this.#pause("miss", false);
      if (this.#includeDeleted && BEST.isMark) {
        if (merge.resolveOwn(KEY, this.#own, OWN, demand) === MISS) return this.#pause("miss", false);
        if (!OWN.found || this.#isSpent(OWN)) BEST.start(this.#bounds, 0);
        OWN.release();
      }
      if (BEST.found && this.#shows()) {
        const key = keyAt(KEY.i32, 0, KEY.length, this.#form) as K;
        batch.add(versionAt(BEST.run, BEST.index, BEST.layer!, key), BEST.meta >>> META_LENGTH_SHIFT);
      }
      BEST.release();
      this.progress++;
      if (merge.advance(demand) === MISS) return this.#pause("miss", true);
    }
    return merge.gather(KEY) ? this.#pause("long", false) : this.#end();
  }

  /** Whether the version in BEST, which is KEY's, is listed. */
  #shows(): boolean {
    if (!this.#includeDeleted && !isVisible(BEST.run, BEST.index, this.#moment)) return false;
    return !this.#isSpent(BEST);
  }

  /** Whether what was found of KEY lies below its horizon, and says nothing. */
  #isSpent({ run, index }: BestVersion): boolean {
    const horizons = this.#horizons;
    return horizons !== undefined && isSpent(run, index, horizons.of(KEY.i32, 0, KEY.length));
  }

  #end(): ScanPause {
    this.#ended = true;
    return "end";
  }

  #seek(merge: KeyMerge, demand: BlockDemand<Table>): Lookup {
    const from = this.#resume;
    if (from === undefined) return merge.seek(undefined, demand);
    KEY.setBytes(from);
    return merge.seek(KEY, demand);
  }

  #isPast(limit: KeyBuffer): boolean {
    const order = compareKeys(KEY.i32, 0, KEY.length, limit.i32, 0, limit.length);
    return this.#reverse ? order < 0 : order >= 0;
  }

  /** Remembers where to go on: at the current key, or behind it where that is done. */
  #pause(reason: ScanPause, done: boolean): ScanPause {
    const key = KEY.toBytes();
    // The least key above `key` is `key` and a zero byte; the seek in reverse excludes the key that it is given.
    this.#resume = done === this.#reverse ? key : successor(key);
    return reason;
  }
}

/** The least key above `key`. */
export function successor(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  next.set(ZERO, key.length);
  return next;
}
