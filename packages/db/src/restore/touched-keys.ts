import type { ResolvedRange } from "@kvts/common";
import { compareKeys, KeyBuffer } from "../format/key-buffer.ts";
import { KIND_DELETE_RANGE, KIND_MASK } from "../format/version-record.ts";
import { overlap } from "../marks/overlap.ts";
import type { Frame } from "../wal/frame.ts";
import { markAt } from "../wal/mark-at.ts";
import { OperationCursor } from "../wal/operation-cursor.ts";
import { keyName } from "./operation.ts";

export interface Touched {
  /** By name. */
  readonly keys: Map<string, Uint8Array>;
  /** Ranges that were deleted, as far as they are in that of the restore. */
  readonly ranges: readonly ResolvedRange[];
}

/**
 * Keys of a range that are written to while a restore is under way: what it has found out about them no longer holds.
 * Told of every group in the step in which that is published.
 */
export class TouchedKeys {
  readonly #range: ResolvedRange;
  readonly #start: KeyBuffer = new KeyBuffer();
  readonly #end: KeyBuffer | undefined;
  readonly #cursor: OperationCursor = new OperationCursor();
  #keys: Map<string, Uint8Array> = new Map();
  #ranges: ResolvedRange[] = [];

  constructor(range: ResolvedRange) {
    const { start, end } = range;
    this.#range = range;
    this.#start.setBytes(start);
    if (end === undefined) return;
    this.#end = new KeyBuffer();
    this.#end.setBytes(end);
  }

  /** Keys that were written to by themselves. */
  get count(): number {
    return this.#keys.size;
  }

  /** Whether ranges were deleted, which any number of keys may be in. */
  get hasRanges(): boolean {
    return this.#ranges.length > 0;
  }

  notice(frame: Frame): void {
    const cursor = this.#cursor.open(frame);
    while (cursor.next()) {
      if ((cursor.meta & KIND_MASK) === KIND_DELETE_RANGE) {
        const deleted = overlap(this.#range, markAt(cursor));
        if (deleted !== undefined) this.#ranges.push(deleted);
        continue;
      }
      const { i32, keyWord, keyLength } = cursor;
      if (!this.#isInRange(i32, keyWord, keyLength)) continue;
      const key = cursor.u8.slice(keyWord * 4, keyWord * 4 + keyLength);
      this.#keys.set(keyName(key), key);
    }
  }

  /** All of them so far; from here on it begins anew. */
  take(): Touched {
    const taken = { keys: this.#keys, ranges: this.#ranges };
    this.#keys = new Map();
    this.#ranges = [];
    return taken;
  }

  #isInRange(i32: Int32Array, word: number, length: number): boolean {
    const start = this.#start;
    if (compareKeys(i32, word, length, start.i32, 0, start.length) < 0) return false;
    const end = this.#end;
    return end === undefined || compareKeys(i32, word, length, end.i32, 0, end.length) < 0;
  }
}
