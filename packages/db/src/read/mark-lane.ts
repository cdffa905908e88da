import type { KeyBuffer } from "../format/key-buffer.ts";
import { NUMBER_MAX, VERSION_WORDS, writeTombstone } from "../format/version-record.ts";
import { FOUND, type Lookup, VersionRun } from "../format/version-run.ts";
import type { RangeMarks } from "../marks/range-marks.ts";
import type { Lane } from "./history-lane.ts";

/**
 * The range marks on a key, as one more lane of its history: a tombstone for each of their timestamps, of the highest seq
 * that is readable. It looks for one after the other, so that a history of a few versions costs a few lookups.
 */
export class MarkLane implements Lane {
  readonly layer: undefined = undefined;
  readonly run: VersionRun = new VersionRun();
  readonly index = 0;
  open = true;
  timestamp = 0;
  seq = 0;
  readonly #marks: RangeMarks;
  readonly #key: KeyBuffer;
  readonly #seqBound: number;
  readonly #ascending: boolean;
  readonly #record: Int32Array = new Int32Array(VERSION_WORDS);

  /** @param key as long as the lane is used */
  constructor(marks: RangeMarks, key: KeyBuffer, seqBound: number, ascending: boolean) {
    this.#marks = marks;
    this.#key = key;
    this.#seqBound = seqBound;
    this.#ascending = ascending;
  }

  /** To the mark with the next timestamp from `timestamp` on, in the lane's direction. */
  start(timestamp: number): this {
    this.#find(timestamp);
    return this;
  }

  step(): Lookup {
    this.#find(this.timestamp + (this.#ascending ? 1 : -1));
    return FOUND;
  }

  close(): void {
    this.run.release();
  }

  #find(timestamp: number): void {
    const marks = this.#marks;
    const from = this.#ascending ? marks.nextTimestamp(this.#key, timestamp, this.#seqBound) : timestamp;
    this.open = from >= 0 && from <= NUMBER_MAX && marks.findNewest(this.#key, from, this.#seqBound);
    if (!this.open) return;
    this.timestamp = marks.timestamp;
    this.seq = marks.seq;
    this.run.setRecord(writeTombstone(this.#record, marks.timestamp, marks.seq));
  }
}
