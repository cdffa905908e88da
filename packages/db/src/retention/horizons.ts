import { compareBytes, prefixEnd, type ResolvedRange } from "@kvts/common";
import { compareKeys } from "../format/key-buffer.ts";
import type { Horizon } from "./horizon.ts";
import { longestPrefix } from "./prefixes.ts";

/** Keys from `start` to the next stretch's, which all have one horizon. */
export interface HorizonStretch {
  readonly start: Uint8Array;
  /** Microseconds; 0 where all history is kept. */
  readonly timestamp: number;
}

/** A stretch's start as `compareKeys` takes it. */
interface StartWords {
  readonly i32: Int32Array;
  readonly length: number;
}

let generations = 0;

/**
 * The horizons that a read, a write or a merge goes by: every key has one. Immutable. They only ever move up, so that of
 * any two sets that one store has had, one is nowhere below the other.
 */
export class Horizons {
  readonly entries: readonly Horizon[];
  /** Over all keys, ascending from the empty key on. */
  readonly stretches: readonly HorizonStretch[];
  /** The greatest of all, microseconds. */
  readonly greatest: number;
  /** Counts up: of two in one process, that with the lower number is nowhere above the other. */
  readonly generation: number = ++generations;
  readonly #starts: readonly StartWords[];

  private constructor(entries: readonly Horizon[], stretches: readonly HorizonStretch[], greatest: number) {
    this.entries = entries;
    this.stretches = stretches;
    this.greatest = greatest;
    this.#starts = stretches.map(({ start }) => wordsOf(start));
  }

  /** Undefined where they hide nothing. */
  static of(entries: readonly Horizon[]): Horizons | undefined {
    const greatest = entries.reduce((most, { timestamp }) => Math.max(most, timestamp), 0);
    return greatest === 0 ? undefined : new Horizons(entries, stretchesOf(entries), greatest);
  }

  /** The horizon of an aligned, zero-padded key, in microseconds; 0 where its whole history is kept. */
  of(i32: Int32Array, word: number, length: number): number {
    const starts = this.#starts;
    let low = 1;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const start = starts[middle]!;
      if (compareKeys(start.i32, 0, start.length, i32, word, length) <= 0) low = middle + 1;
      else high = middle;
    }
    return this.stretches[low - 1]!.timestamp;
  }

  /** The greatest horizon that any key of a range has. */
  greatestIn({ start, end }: ResolvedRange): number {
    let greatest = 0;
    for (const [index, stretch] of this.stretches.entries()) {
      const next = this.stretches[index + 1];
      if (end !== undefined && compareBytes(stretch.start, end) >= 0) break;
      if (next !== undefined && compareBytes(next.start, start) <= 0) continue;
      greatest = Math.max(greatest, stretch.timestamp);
    }
    return greatest;
  }
}

/** Of several that one store has had, the latest. */
export function latestHorizons(lists: readonly (readonly Horizon[])[]): readonly Horizon[] {
  return lists.reduce((latest, list) => (isAbove(list, latest) ? list : latest), []);
}

function isAbove(list: readonly Horizon[], other: readonly Horizon[]): boolean {
  for (const bound of [...boundsOf(list), ...boundsOf(other)]) {
    const difference = horizonAt(list, bound) - horizonAt(other, bound);
    if (difference !== 0) return difference > 0;
  }
  return false;
}

/** The horizon of a key, or of a prefix as a whole as far as no longer one has its own. */
export function horizonAt(entries: readonly Horizon[], key: Uint8Array): number {
  return longestPrefix(entries, key)?.timestamp ?? 0;
}

function stretchesOf(entries: readonly Horizon[]): HorizonStretch[] {
  const stretches: HorizonStretch[] = [];
  for (const start of boundsOf(entries)) {
    const timestamp = horizonAt(entries, start);
    if (stretches.at(-1)?.timestamp !== timestamp) stretches.push({ start, timestamp });
  }
  return stretches;
}

/** Where the horizon may change from one key to the next: ascending, each once. */
function boundsOf(entries: readonly Horizon[]): Uint8Array[] {
  const bounds = [new Uint8Array(0), ...entries.flatMap(({ prefix }) => [prefix, prefixEnd(prefix) ?? prefix])];
  bounds.sort(compareBytes);
  return bounds.filter((bound, index) => index === 0 || compareBytes(bounds[index - 1]!, bound) !== 0);
}

function wordsOf(bytes: Uint8Array): StartWords {
  const i32 = new Int32Array((bytes.length + 3) >>> 2);
  new Uint8Array(i32.buffer).set(bytes);
  return { i32, length: bytes.length };
}
