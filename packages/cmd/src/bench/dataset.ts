import { compareBytes, type Entry, textOf, utf8, type Version } from "@kvts/common";

/** What a benchmark stores: every key with the same number of versions. */
export interface DatasetOptions {
  readonly keys: number;
  readonly versions: number;
  readonly valueBytes: number;
}

/** A place times a stride is to stay an exact number. */
export const entriesMax = 100_000_000;

export const keyPrefix = "bench/";

/** 2023-01-01, and a minute from one version of a key to its next, in microseconds. */
const firstTimestamp = 1_672_531_200_000_000;
const stepMicros = 60_000_000;
const digits = 8;

/** Values are windows into this, so that making one costs a copy. Power of two. */
const poolBytes = 1 << 16;
const tagBytes = 8;

/**
 * Data that is a function of its place: what a store must answer is computed anew instead of remembered, and two runs
 * with the same options store the same.
 */
export class Dataset {
  readonly keys: number;
  readonly versions: number;
  readonly valueBytes: number;
  readonly #pool: Buffer;
  /** Steps of this length visit every entry once. */
  readonly #stride: number;

  /** @throws RangeError where there are more entries than places can be computed for exactly */
  constructor({ keys, versions, valueBytes }: DatasetOptions) {
    if (keys * versions > entriesMax) throw new RangeError(`a dataset has at most ${entriesMax} entries`);
    this.keys = keys;
    this.versions = versions;
    this.valueBytes = valueBytes;
    this.#pool = makePool(poolBytes + valueBytes);
    this.#stride = strideFor(keys * versions);
  }

  /** Number of versions of all keys together. */
  get entries(): number {
    return this.keys * this.versions;
  }

  key(index: number): string {
    return `${keyPrefix}user:${String(index).padStart(digits, "0")}`;
  }

  /** The key's versions begin at a moment of its own, and are a minute apart. */
  timestamp(index: number, version: number): number {
    return firstTimestamp + (mix(index) % stepMicros) + version * stepMicros;
  }

  /** A moment from a minute before the first version of any key to a minute after the last. */
  moment(random: number): number {
    return firstTimestamp - stepMicros + Math.floor(random * (this.versions + 3) * stepMicros);
  }

  /** The number of the version that holds at `moment`; negative before the first. */
  versionAt(index: number, moment: number): number {
    return Math.min(this.versions - 1, Math.floor((moment - this.timestamp(index, 0)) / stepMicros));
  }

  /** About half compressible. Its first bytes name its place, where there is room for them. */
  value(index: number, version: number): Uint8Array {
    const from = mix(index * 31 + version) & (poolBytes - 1);
    const value = Buffer.from(this.#pool.subarray(from, from + this.valueBytes));
    if (this.valueBytes >= tagBytes) {
      value.writeUInt32LE(index, 0);
      value.writeUInt32LE(version, 4);
    }
    return value;
  }

  /** The place in the order of loading → key and version: every one once, in an order that looks random. */
  shuffled(place: number): { readonly index: number; readonly version: number } {
    const entry = (place * this.#stride) % this.entries;
    return { index: entry % this.keys, version: Math.floor(entry / this.keys) };
  }

  /** Whether `found` is exactly this version; `undefined` asks for nothing below 0. */
  matches(found: Version<Uint8Array> | undefined, index: number, version: number): boolean {
    if (version < 0) return found === undefined;
    return found !== undefined && found.deleted !== true && this.#isVersion(found, index, version);
  }

  #isVersion(entry: Entry<Uint8Array>, index: number, version: number): boolean {
    return (
      entry.timestamp === this.timestamp(index, version) &&
      textOf(entry.key) === this.key(index) &&
      compareBytes(entry.value, this.value(index, version)) === 0
    );
  }
}

/** A number that looks random, the same for the same input: 0 … 2^32 − 1. */
export function mix(input: number): number {
  let hash = Math.imul(input ^ 0x9e3779b9, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Random letters, every second stretch of 16 bytes a repeated word. */
function makePool(length: number): Buffer {
  const pool = Buffer.alloc(length);
  const word = utf8("kvts-bench-value");
  for (let at = 0; at < length; at++) {
    pool[at] = (at & 16) === 0 ? word[at & 15]! : 32 + (mix(at) % 95);
  }
  return pool;
}

/** About the golden section of `entries`, and without a common divisor. */
function strideFor(entries: number): number {
  let stride = Math.max(1, Math.floor(entries * 0.618));
  while (greatestCommonDivisor(stride, entries) !== 1) stride++;
  return stride;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
