import { compareBytes } from "@kvts/common";
import { compareKeys } from "../format/key-buffer.ts";
import type { Horizons } from "../retention/horizons.ts";
import type { KeySpan } from "./stretches.ts";

/** What a merge may drop of the keys from `start` on, up to the next floor's; plain data, so that it travels. */
export interface KeyFloor {
  readonly start: Uint8Array;
  /** Of the versions below, microseconds, the newest is kept; 0 where all are. */
  readonly timestamp: number;
  /** Nor is that one kept where it says no more than nothing would. */
  readonly dropsSpent: boolean;
}

/** What lies outside a merge and may hold versions of its keys: a table, a memtable, a log that may be replayed. */
export interface OutsideLayer {
  /** Undefined where it may hold any key. */
  readonly span: KeySpan | undefined;
  readonly minTimestamp: number;
  readonly maxSeq: number;
  readonly hasRetracts: boolean;
}

/** The keys and seqs of a merge's inputs. */
export interface MergedSpan extends KeySpan {
  readonly minSeq: number;
}

export const NO_FLOORS: readonly KeyFloor[] = [];

/**
 * How far a merge of keys in `span`, with seqs from `minSeq` on, may cut their histories; no write below the horizons is
 * to come.
 *
 * What is superseded may go unless what supersedes it is not certain: a retract outside could hide that, and the version
 * before it would count again. What says nothing keeps older versions hidden, so it may go only where there are none.
 */
export function planFloors(
  horizons: Horizons | undefined,
  inputs: MergedSpan | undefined,
  outside: readonly OutsideLayer[],
): readonly KeyFloor[] {
  if (horizons === undefined || inputs === undefined) return NO_FLOORS;
  const floors: KeyFloor[] = [];
  for (const [index, { start, timestamp }] of horizons.stretches.entries()) {
    const end = horizons.stretches[index + 1]?.start;
    const below = outside.filter((layer) => layer.minTimestamp < timestamp && mayHold(layer.span, inputs, start, end));
    const isCertain = !below.some(({ hasRetracts, maxSeq }) => hasRetracts && maxSeq > inputs.minSeq);
    floors.push({ start, timestamp: isCertain ? timestamp : 0, dropsSpent: below.length === 0 });
  }
  return floors;
}

/** Whether a merge may cut all that lies below the horizons. */
export function areCertain(floors: readonly KeyFloor[], horizons: Horizons | undefined): boolean {
  return floors.every(({ timestamp }, index) => timestamp === horizons?.stretches[index]?.timestamp);
}

/** Whether a layer may hold a key that is in `span`, at or above `start`, and below `end` where that is given. */
function mayHold(layer: KeySpan | undefined, span: KeySpan, start: Uint8Array, end: Uint8Array | undefined): boolean {
  const smallest = layer === undefined ? span.smallest : greater(layer.smallest, span.smallest);
  const largest = layer === undefined ? span.largest : lesser(layer.largest, span.largest);
  if (compareBytes(smallest, largest) > 0 || compareBytes(largest, start) < 0) return false;
  return end === undefined || compareBytes(smallest, end) < 0;
}

function greater(a: Uint8Array, b: Uint8Array): Uint8Array {
  return compareBytes(a, b) > 0 ? a : b;
}

function lesser(a: Uint8Array, b: Uint8Array): Uint8Array {
  return compareBytes(a, b) < 0 ? a : b;
}

/** Finds the floor of one key after the other, in ascending order. */
export class FloorCursor {
  readonly #floors: readonly KeyFloor[];
  readonly #starts: readonly { readonly i32: Int32Array; readonly length: number }[];
  #at = 0;

  constructor(floors: readonly KeyFloor[]) {
    this.#floors = floors;
    this.#starts = floors.map(({ start }) => {
      const i32 = new Int32Array((start.length + 3) >>> 2);
      new Uint8Array(i32.buffer).set(start);
      return { i32, length: start.length };
    });
  }

  /** Undefined where the key's whole history is kept. */
  seek(i32: Int32Array, word: number, length: number): KeyFloor | undefined {
    for (let next = this.#at + 1; next < this.#starts.length; next++) {
      const start = this.#starts[next]!;
      if (compareKeys(start.i32, 0, start.length, i32, word, length) > 0) break;
      this.#at = next;
    }
    const floor = this.#floors[this.#at];
    return floor === undefined || floor.timestamp === 0 ? undefined : floor;
  }
}
