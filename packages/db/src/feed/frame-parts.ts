import type { ResolvedRange } from "@kvts/common";
import { overlap } from "../marks/overlap.ts";
import type { Frame } from "../wal/frame.ts";
import { OperationCursor } from "../wal/operation-cursor.ts";
import {
  cursorSeq,
  deletedRangeAt,
  type FeedBatch,
  type FeedRecord,
  recordAt,
  recordBytes,
  restoredBatch,
} from "./feed-record.ts";
import type { RestoreMark } from "./restore-mark.ts";
import { holds } from "./topic-index.ts";

/** Operations looked at in one go. */
const OPERATIONS_PER_TURN = 1024;
/** Items of one part. */
const PART_ITEMS_MAX = 1000;

export interface PartLimits {
  /** Bytes of one part; a batch that has more comes in several. */
  readonly partBytesMax: number;
  /** Bytes after which reading stops until somebody has taken them. */
  readonly bytesMax: number;
}

/** Collects what lies in a range, frame by frame, until there is enough of it. */
export class FrameParts {
  readonly batches: FeedBatch[] = [];
  bytes = 0;
  readonly #range: ResolvedRange;
  readonly #limits: PartLimits;
  readonly #nextTurn: () => Promise<void>;
  #records: FeedRecord[] = [];
  #recordBytes = 0;

  constructor(range: ResolvedRange, limits: PartLimits, nextTurn: () => Promise<void>) {
    this.#range = range;
    this.#limits = limits;
    this.#nextTurn = nextTurn;
  }

  /**
   * Takes a frame's operations after `afterSeq`. Returns up to where it has come: the frame's last seq, unless there is
   * enough before.
   */
  async take(frame: Frame, afterSeq: number): Promise<number> {
    const cursor = new OperationCursor().open(frame);
    let seq = afterSeq;
    for (let seen = 1; cursor.next(); seen++) {
      if (seen % OPERATIONS_PER_TURN === 0) await this.#nextTurn();
      const next = cursorSeq(cursor);
      if (next > afterSeq) {
        if (this.#isInRange(cursor) && !this.#add(recordAt(cursor), seq)) return seq;
        seq = next;
      }
      if (cursor.endsBatch) this.#flush(next, false);
    }
    return seq;
  }

  /** Takes a restore that no log holds, which comes between two frames. */
  takeRestore(mark: RestoreMark, afterSeq: number): void {
    if (overlap(this.#range, mark.range) === undefined) return;
    const batch = restoredBatch(mark, afterSeq);
    this.batches.push(batch);
    this.bytes += batch.bytes;
  }

  #isInRange(cursor: OperationCursor): boolean {
    const deleted = deletedRangeAt(cursor);
    if (deleted !== undefined) return overlap(this.#range, deleted) !== undefined;
    const { u8, keyWord, keyLength } = cursor;
    return holds(this.#range, u8.subarray(keyWord * 4, keyWord * 4 + keyLength));
  }

  /** @param before the seq before this operation. False where there is enough, and it was not taken. */
  #add(record: FeedRecord, before: number): boolean {
    const bytes = recordBytes(record);
    const isFull = this.#recordBytes + bytes > this.#limits.partBytesMax || this.#records.length >= PART_ITEMS_MAX;
    if (isFull && this.#records.length > 0) {
      this.#flush(before, true);
      if (this.bytes >= this.#limits.bytesMax) return false;
    }
    this.#records.push(record);
    this.#recordBytes += bytes;
    return true;
  }

  #flush(seq: number, more: boolean): void {
    if (this.#records.length === 0) return;
    const bytes = this.#recordBytes;
    this.batches.push({ records: this.#records, seq, afterSeq: seq, more, bytes });
    this.bytes += bytes;
    this.#records = [];
    this.#recordBytes = 0;
  }
}
