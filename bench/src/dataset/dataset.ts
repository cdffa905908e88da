import { hash, hashPair } from "./hash.ts";
import { Permutation } from "./permutation.ts";
import { fillValue } from "./value.ts";

/** What a benchmark stores: every key with the same number of versions. */
export interface DatasetOptions {
  readonly keys: number;
  readonly versions: number;
  readonly valueBytes: number;
  /**
   * `random`: every entry in any order. `time`: version after version, the keys shuffled within each. `late`: by time, but
   * every tenth entry comes at another one's place. `keys`: key after key, each with its versions in order.
   */
  readonly order: LoadOrder;
}

export const loadOrders = ["random", "time", "late", "keys"] as const;
export type LoadOrder = (typeof loadOrders)[number];

/** Key and version of an entry, both counted from 0. */
export interface Place {
  readonly index: number;
  readonly version: number;
}

/** 2023-01-01, and a minute from one version of a key to its next, in microseconds. */
const firstTimestamp = 1_672_531_200_000_000;
const stepMicros = 60_000_000;

const prefix = "user:";
const indexDigits = 8;
const tailBytesMin = 3;
const tailBytesMax = 11;
const letters = "abcdefghijklmnopqrstuvwxyz012345";

/** Seeds, so that one number of a run says nothing about another. */
const loadSeed = 1;
const tailSeed = 2;
const absentSeed = 3;
const lateSeed = 4;

/** Of so many entries, one comes late, or early. */
const lateEvery = 10;

/**
 * Data that is a function of its place: two runs with the same options store the same, and what a store must answer is
 * computed anew instead of remembered.
 */
export class Dataset {
  readonly keys: number;
  readonly versions: number;
  readonly valueBytes: number;
  readonly order: LoadOrder;
  readonly #places: Permutation;
  readonly #late: Permutation;
  readonly #keyBytes: Buffer = Buffer.alloc(prefix.length + indexDigits + tailBytesMax);

  constructor({ keys, versions, valueBytes, order }: DatasetOptions) {
    this.keys = keys;
    this.versions = versions;
    this.valueBytes = valueBytes;
    this.order = order;
    this.#places = new Permutation(order === "random" ? keys * versions : keys, loadSeed);
    this.#late = new Permutation(Math.max(1, Math.floor((keys * versions) / lateEvery)), lateSeed);
  }

  /** Number of versions of all keys together. */
  get entries(): number {
    return this.keys * this.versions;
  }

  /** 16 to 24 bytes, such as `user:00012345.k3f0aq`; keys of greater index are greater. */
  key(index: number): string {
    return this.#keyText(index, ".", hashPair(index, tailSeed));
  }

  /** A key of the same shape that is never stored, between its neighbours `index` and `index + 1`. */
  absentKey(index: number): string {
    return this.#keyText(index, "~", hashPair(index, absentSeed));
  }

  /** Microseconds. A key's versions begin at a moment of its own, and are a minute apart. */
  timestamp(index: number, version: number): number {
    return firstTimestamp + (hash(index) % stepMicros) + version * stepMicros;
  }

  /** A moment from the first version of any key to the last. `random` is 0 … 2^32 − 1. */
  moment(random: number): number {
    return firstTimestamp + Math.floor((random / 2 ** 32) * this.versions * stepMicros);
  }

  /** The number of the version that holds at `moment`; −1 before the first. */
  versionAt(index: number, moment: number): number {
    return Math.min(this.versions - 1, Math.floor((moment - this.timestamp(index, 0)) / stepMicros));
  }

  /** Half random bytes, half words: see {@link fillValue}. */
  value(index: number, version: number): Uint8Array {
    const value = Buffer.alloc(this.valueBytes);
    fillValue(value, index, version);
    return value;
  }

  /** The entry that is loaded at this place of the order. */
  loaded(place: number): Place {
    switch (this.order) {
      case "time":
        return this.#byTime(place);
      case "late":
        return this.#byTime(this.#exchanged(place));
      case "keys":
        return { index: Math.floor(place / this.versions), version: place % this.versions };
      case "random": {
        const entry = this.#places.at(place);
        return { index: entry % this.keys, version: Math.floor(entry / this.keys) };
      }
    }
  }

  #byTime(place: number): Place {
    return { index: this.#places.at(place % this.keys), version: Math.floor(place / this.keys) };
  }

  /** Every tenth place is exchanged with others of these. */
  #exchanged(place: number): number {
    const tenth = Math.floor(place / lateEvery);
    return place % lateEvery > 0 || tenth >= this.#late.size ? place : this.#late.at(tenth) * lateEvery;
  }

  /** Written through bytes, so that the string is flat as one from a request or a file would be. */
  #keyText(index: number, separator: string, random: number): string {
    const bytes = this.#keyBytes;
    let at = bytes.write(prefix, 0, "latin1");
    at += bytes.write(String(index).padStart(indexDigits, "0"), at, "latin1");
    const tailBytes = tailBytesMin + (random % (tailBytesMax - tailBytesMin + 1));
    bytes[at++] = separator.charCodeAt(0);
    for (let tail = 1; tail < tailBytes; tail++) {
      bytes[at++] = letters.charCodeAt(hashPair(random, tail) % letters.length);
    }
    return bytes.toString("latin1", 0, at);
  }
}
