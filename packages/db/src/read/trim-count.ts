import { type ResolvedRange, throwIfAborted } from "@kvts/common";
import { compareKeys, KeyBuffer } from "../format/key-buffer.ts";
import { META_LENGTH_SHIFT } from "../format/version-record.ts";
import { ABSENT, BlockDemand, FOUND, type Lookup, MISS } from "../format/version-run.ts";
import type { Horizons } from "../retention/horizons.ts";
import type { Table } from "../table/table.ts";
import { BestVersion } from "./best-version.ts";
import { Bounds } from "./bounds.ts";
import { isSpent } from "./floor.ts";
import { timestampAt } from "./found-version.ts";
import { KeyMerge } from "./key-merge.ts";
import type { ReadSource } from "./read-source.ts";
import { type ScanPause, successor } from "./scan.ts";
import type { View } from "./view.ts";

/** Keys and versions looked at before a count gives way to the event loop. */
const LOOKS_PER_STRETCH_MAX = 2048;

const KEY = new KeyBuffer();
const START = new KeyBuffer();
const END = new KeyBuffer();
const BEST = new BestVersion();
const BOUNDS = new Bounds(undefined, 0);

const ASYNC: BlockDemand<Table> = new BlockDemand<Table>(false);

/** In place of horizons: not even the newest version of a key stays. */
export const EVERYTHING = "everything";

/** Above every timestamp. */
const NO_TIMESTAMP = Number.MAX_SAFE_INTEGER + 1;

/** Versions, and the bytes of their keys and values. */
export interface Trimmed {
  readonly versions: number;
  readonly bytes: number;
}

/**
 * How many versions of a range show now, and would not by the horizons `then`, or if everything were gone. The event loop gets its turns meanwhile.
 * @throws CANCELLED
 */
export async function countTrimmed(
  source: ReadSource,
  range: ResolvedRange,
  then: Horizons | typeof EVERYTHING | undefined,
  signal: AbortSignal | undefined,
): Promise<Trimmed> {
  const horizons = source.horizons();
  const pin = source.pin(source.seq(), horizons);
  const count = new TrimCount(range, pin.seq, horizons, then);
  const loaded: { release(): void }[] = [];
  const letGo = (): void => {
    for (const block of loaded.splice(0)) block.release();
  };
  try {
    for (;;) {
      throwIfAborted(signal);
      const view = source.view().acquire();
      try {
        const before = count.progress;
        const pause = count.fill(view, ASYNC);
        const { table, block } = ASYNC;
        // Blocks stay until it gets further: with few frames they would otherwise push each other out for ever.
        if (count.progress > before) letGo();
        if (pause === "end") return { versions: count.versions, bytes: count.bytes };
        if (pause === "miss") loaded.push(await table!.load(block));
      } finally {
        view.release();
      }
      await source.nextTurn();
    }
  } finally {
    letGo();
    pin.release();
  }
}

/**
 * Counts the versions of keys that show by some horizons and would not by others; range marks, which stay, apart. Like a scan it proceeds in stretches, and between
 * them it holds a key and a timestamp to go on from and nothing else.
 */
class TrimCount {
  versions = 0;
  /** Of their keys and values. */
  bytes = 0;
  readonly #range: ResolvedRange;
  readonly #seq: number;
  readonly #now: Horizons | undefined;
  readonly #then: Horizons | undefined;
  readonly #goesWhole: boolean;
  #resume: Uint8Array;
  /** The greatest timestamp of the key `#resume` that is still to be looked at; undefined before its first. */
  #upTo: number | undefined;
  /** Versions of that key below its new horizon that have been seen. */
  #seen = 0;
  /** Keys and versions done so far. */
  progress = 0;

  /** @param now by which versions show; `then` likewise, nowhere below */
  constructor(
    range: ResolvedRange,
    seq: number,
    now: Horizons | undefined,
    then: Horizons | typeof EVERYTHING | undefined,
  ) {
    this.#range = range;
    this.#seq = seq;
    this.#now = now;
    this.#goesWhole = then === EVERYTHING;
    this.#then = then === EVERYTHING ? undefined : then;
    this.#resume = range.start;
  }

  fill(view: View, demand: BlockDemand<Table>): ScanPause {
    const { memtables, version, erasures } = view;
    const merge = new KeyMerge({ memtables, levels: version.levels, marks: undefined, erasures }, false);
    try {
      return this.#fill(merge, demand);
    } finally {
      merge.close();
      BEST.release();
    }
  }

  #fill(merge: KeyMerge, demand: BlockDemand<Table>): ScanPause {
    START.setBytes(this.#resume);
    if (merge.seek(START.length === 0 ? undefined : START, demand) === MISS) return "miss";
    const { end } = this.#range;
    if (end !== undefined) END.setBytes(end);
    for (let looks = 0; looks < LOOKS_PER_STRETCH_MAX; looks++) {
      if (!merge.gather(KEY)) return "end";
      if (end !== undefined && compareKeys(KEY.i32, 0, KEY.length, END.i32, 0, END.length) >= 0) return "end";
      const counted = this.#countOne(merge, demand);
      if (counted === MISS) return this.#pause("miss");
      this.progress++;
      if (counted === FOUND) continue;
      this.#upTo = undefined;
      this.#seen = 0;
      if (merge.advance(demand) === MISS) return this.#pause("miss", successor(KEY.toBytes()));
    }
    return merge.gather(KEY) ? this.#pause("long") : "end";
  }

  /** Looks at the next older version of KEY; FOUND where there may be another one. */
  #countOne(merge: KeyMerge, demand: BlockDemand<Table>): Lookup {
    const floor = this.#goesWhole ? NO_TIMESTAMP : this.#floor(this.#then);
    const floorNow = this.#floor(this.#now);
    const upTo = this.#upTo ?? floor - 1;
    if (floor <= floorNow || upTo < 0) return ABSENT;
    try {
      if (merge.resolve(KEY, BOUNDS.set(upTo, this.#seq), BEST, demand) === MISS) return MISS;
      if (!BEST.found) return ABSENT;
      const timestamp = timestampAt(BEST.run, BEST.index);
      const shows = timestamp >= floorNow || !isSpent(BEST.run, BEST.index, floorNow);
      const stays = !this.#goesWhole && this.#seen === 0 && !isSpent(BEST.run, BEST.index, floor);
      if (shows && !stays) {
        this.versions++;
        this.bytes += KEY.length + (BEST.meta >>> META_LENGTH_SHIFT);
      }
      this.#seen++;
      this.#upTo = timestamp - 1;
      return timestamp < floorNow ? ABSENT : FOUND;
    } finally {
      BEST.release();
    }
  }

  #floor(horizons: Horizons | undefined): number {
    return horizons === undefined ? 0 : horizons.of(KEY.i32, 0, KEY.length);
  }

  /** Remembers where to go on: at the current version of the current key, or at another key. */
  #pause(reason: ScanPause, key: Uint8Array = KEY.toBytes()): ScanPause {
    this.#resume = key;
    return reason;
  }
}
