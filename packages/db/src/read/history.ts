import type { Key, Version } from "@kvts/common";
import { CarriedVersion } from "../format/carried-version.ts";
import { KeyBuffer } from "../format/key-buffer.ts";
import { KIND_MASK, KIND_RETRACT, META, META_LENGTH_SHIFT, VERSION_WORDS } from "../format/version-record.ts";
import { type BlockDemand, FOUND, MISS, type VersionRun } from "../format/version-run.ts";
import type { Table } from "../table/table.ts";
import type { Batch } from "./batch.ts";
import { BestVersion } from "./best-version.ts";
import { Bounds } from "./bounds.ts";
import { isSpent } from "./floor.ts";
import { timestampAt, versionAt } from "./found-version.ts";
import { compareLanes, HistoryLane, type Lane } from "./history-lane.ts";
import { MarkLane } from "./mark-lane.ts";
import { findOwn, findPoint } from "./point-read.ts";
import type { ScanPause } from "./scan.ts";
import type { Layer, View } from "./view.ts";

/** Versions looked at before a history that shows little gives way to the event loop. */
const VERSIONS_PER_STRETCH_MAX = 16_384;

const KEY = new KeyBuffer();
const OWN = new BestVersion();
const BASE = new BestVersion();
const BASE_BOUNDS = new Bounds(undefined, 0);

export interface HistoryRange {
  /** Microseconds, both inclusive. */
  readonly from: number;
  readonly to: number;
}

/**
 * The versions of one key, newest first or oldest first. Where several seqs share a timestamp only the highest that is
 * readable counts; a retract leaves nothing there. Like a scan it proceeds in stretches, and between them it holds a
 * timestamp to go on from and nothing else.
 */
export class History<K extends Key> {
  readonly #key: Uint8Array;
  readonly #shownKey: () => K;
  readonly #seq: number;
  readonly #whole: Bounds;
  readonly #ascending: boolean;
  readonly #floor: number;
  #from: number;
  #to: number;
  /** Versions with a lower seq are erased; of the view that is looked at. */
  #seqMin = 0;
  /** Timestamps done so far. */
  progress = 0;

  /**
   * @param shownKey gives the key to put into each version; a new copy where copies matter.
   * @param floor the key's horizon, in microseconds: nothing older shows but the newest below it
   */
  constructor(key: Uint8Array, shownKey: () => K, range: HistoryRange, seq: number, ascending: boolean, floor = 0) {
    this.#key = key;
    this.#shownKey = shownKey;
    this.#seq = seq;
    this.#whole = new Bounds(undefined, seq);
    this.#ascending = ascending;
    this.#floor = floor;
    this.#from = range.from;
    this.#to = range.to;
  }

  get ended(): boolean {
    return this.#from > this.#to;
  }

  fill(view: View, batch: Batch<Version<K>>, demand: BlockDemand<Table>): ScanPause {
    if (this.ended) return "end";
    KEY.setBytes(this.#key);
    this.#seqMin = view.erasures?.seqMin(KEY.i32, 0, KEY.length) ?? 0;
    if (this.#from < this.#floor && !this.#raiseToFloor(view, demand)) return "miss";
    const lanes: Lane[] = [];
    try {
      if (!this.#openLanes(view, lanes, demand) || !this.#openMarks(view, lanes, demand)) return "miss";
      return this.#ascending ? this.#ascend(lanes, batch, demand) : this.#descend(lanes, batch, demand);
    } finally {
      for (const lane of lanes) lane.close();
      OWN.release();
    }
  }

  /** Begins with the newest version below the horizon, or where that says nothing, with the horizon. */
  #raiseToFloor(view: View, demand: BlockDemand<Table>): boolean {
    try {
      const lookup = findPoint(view, KEY, BASE_BOUNDS.set(this.#floor - 1, this.#seq), BASE, demand);
      if (lookup === MISS) return false;
      const shows = lookup === FOUND && !isSpent(BASE.run, BASE.index, this.#floor);
      this.#from = Math.max(this.#from, shows ? timestampAt(BASE.run, BASE.index) : this.#floor);
      return true;
    } finally {
      BASE.release();
    }
  }

  /** One lane for each layer that may hold versions in range; false where a block is missing. */
  #openLanes(view: View, lanes: Lane[], demand: BlockDemand<Table>): boolean {
    for (const { memtable } of view.memtables) {
      if (!this.#openLane(memtable, lanes, demand)) return false;
    }
    for (const level of view.version.levels) {
      if (level.maxTimestamp < this.#from || level.minTimestamp > this.#to) continue;
      const files = level.overlapping ? level.files : [level.find(KEY)];
      for (const file of files) {
        if (file === undefined || !file.table.mayContain(KEY.hash)) continue;
        if (!this.#openLane(file.table, lanes, demand)) return false;
      }
    }
    return true;
  }

  /** Range marks show in the history of a key that has a version of its own, whenever that is from. */
  #openMarks(view: View, lanes: Lane[], demand: BlockDemand<Table>): boolean {
    if (view.marks === undefined) return true;
    const lane = new MarkLane(view.marks, KEY, this.#seq, this.#ascending);
    lane.start(this.#ascending ? this.#from : this.#to);
    if (!lane.open || lane.timestamp < this.#from || lane.timestamp > this.#to) return true;
    if (findOwn(view, KEY, this.#whole, OWN, demand) === MISS) return false;
    if (OWN.found && !isSpent(OWN.run, OWN.index, this.#floor)) lanes.push(lane);
    return true;
  }

  #openLane(layer: Layer, lanes: Lane[], demand: BlockDemand<Table>): boolean {
    if (layer.maxTimestamp < this.#from || layer.minTimestamp > this.#to) return true;
    const lane = new HistoryLane(layer, this.#ascending);
    lanes.push(lane);
    return lane.start(KEY, this.#ascending ? this.#from : this.#to, demand) !== MISS;
  }

  /** Newest first: of equal timestamps the first readable seq that comes up is the highest. */
  #descend(lanes: readonly Lane[], batch: Batch<Version<K>>, demand: BlockDemand<Table>): ScanPause {
    let current = -1;
    for (let versions = 0; ; versions++) {
      const lane = leadingLane(lanes, false);
      if (lane === undefined || lane.timestamp < this.#from) return this.#end();
      const timestamp = lane.timestamp;
      if (timestamp !== current) {
        current = timestamp;
        const pause = this.#pauseBefore(timestamp, versions, batch);
        if (pause !== undefined) return pause;
      }
      // What has been shown lies above `#to`: the rest at its timestamp are lower seqs.
      if (timestamp <= this.#to && this.#isReadable(lane.seq)) {
        this.#show(lane.run, lane.index, lane.layer, timestamp, batch);
      }
      if (lane.step(demand) === MISS) return "miss";
    }
  }

  /** Oldest first: of equal timestamps the last readable seq counts, so it is held until the next timestamp comes up. */
  #ascend(lanes: readonly Lane[], batch: Batch<Version<K>>, demand: BlockDemand<Table>): ScanPause {
    let current = -1;
    let holds = false;
    for (let versions = 0; ; versions++) {
      const lane = leadingLane(lanes, true);
      if (lane === undefined || lane.timestamp !== current) {
        if (holds) this.#show(HELD.run, 0, HELD.owner, current, batch);
        holds = false;
        if (lane === undefined || lane.timestamp > this.#to) return this.#end();
        current = lane.timestamp;
        const pause = this.#pauseBefore(current, versions, batch);
        if (pause !== undefined) return pause;
      }
      if (this.#isReadable(lane.seq)) {
        HELD.take(lane.run, lane.index, lane.layer);
        holds = true;
      }
      if (lane.step(demand) === MISS) return "miss";
    }
  }

  /** Whether the stretch ends before the versions at `timestamp` are looked at; if so it goes on from there. */
  #pauseBefore(timestamp: number, versions: number, batch: Batch<Version<K>>): ScanPause | undefined {
    if (!batch.full && versions < VERSIONS_PER_STRETCH_MAX) return undefined;
    this.#resumeAt(timestamp);
    return batch.full ? "full" : "long";
  }

  /** Adds a version, unless a retract leaves nothing at its timestamp, and goes on behind that from now on. */
  #show(run: VersionRun, index: number, layer: Layer | undefined, timestamp: number, batch: Batch<Version<K>>): void {
    const meta = run.i32[run.first + index * VERSION_WORDS + META]!;
    if ((meta & KIND_MASK) !== KIND_RETRACT) {
      // Only the tombstone of a mark is in no layer, and for that none is needed.
      batch.add(versionAt(run, index, layer!, this.#shownKey()), meta >>> META_LENGTH_SHIFT);
    }
    this.#resumeAt(this.#ascending ? timestamp + 1 : timestamp - 1);
    this.progress++;
  }

  #isReadable(seq: number): boolean {
    return seq <= this.#seq && seq >= this.#seqMin;
  }

  #resumeAt(timestamp: number): void {
    if (this.#ascending) this.#from = timestamp;
    else this.#to = timestamp;
  }

  #end(): ScanPause {
    this.#from = 1;
    this.#to = 0;
    return "end";
  }
}

const HELD: CarriedVersion<Layer | undefined> = new CarriedVersion();

/** The lane whose next version comes first: greatest (timestamp, seq) going down, least going up. */
function leadingLane(lanes: readonly Lane[], ascending: boolean): Lane | undefined {
  let leading: Lane | undefined;
  for (const lane of lanes) {
    if (!lane.open) continue;
    if (leading === undefined || compareLanes(lane, leading) < 0 === ascending) leading = lane;
  }
  return leading;
}
