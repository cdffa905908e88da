import { compareBytes, concatBytes, type Range, utf8 } from "@kvts/common";
import type { KeyPool } from "./key-pool.ts";
import type { Random } from "./random.ts";
import type { TestOperation } from "./test-store.ts";

/** Timestamps at which a high or a low word changes, and the ends of the axis. */
const SPECIAL_TIMESTAMPS: readonly number[] = [
  0,
  1,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 32 + 1,
  2 ** 53 - 2,
  2 ** 53 - 1,
];

export interface OperationMix {
  readonly pool: KeyPool;
  /** Timestamps to choose from: few, so that equal ones are common. */
  readonly timestamps: readonly number[];
  /** How often a timestamp is left to the store. */
  readonly assignedShare: number;
  /** Bytes of the longest values. */
  readonly valueBytesMax: number;
  readonly now: () => number;
  /** Below which nothing may be written to a key, microseconds; by default there is no such bound. */
  readonly horizon?: (key: Uint8Array) => number;
  /** The same of a range: the greatest of any key that may be in it. */
  readonly horizonOver?: (range: Range) => number;
}

export function randomTimestamps(random: Random): number[] {
  const few = Array.from({ length: random.pick([1, 3, 10]) }, () => random.below(50));
  // Above what looks like milliseconds.
  const many = Array.from({ length: random.pick([0, 100]) }, () => 2 ** 45 + random.u32() * random.below(2 ** 18));
  const special = random.chance(0.5) ? SPECIAL_TIMESTAMPS : [];
  return [...new Set([...few, ...many, ...special])];
}

/** Writes as callers make them, all at odds with each other. */
export class RandomOperations {
  readonly #random: Random;
  readonly #mix: OperationMix;
  #count = 0;

  constructor(random: Random, mix: OperationMix) {
    this.#random = random;
    this.#mix = mix;
  }

  /** The operations of one write: mostly one. */
  batch(operationsMax: number): TestOperation[] {
    const random = this.#random;
    if (random.chance(0.05)) return [this.retract()];
    const operations = Array.from({ length: random.chance(0.6) ? 1 : random.between(1, operationsMax) }, () =>
      this.one(),
    );
    // The same key at the same timestamp twice: the later one counts.
    if (random.chance(0.2)) operations.push(this.#rival(random.pick(operations)));
    return operations;
  }

  one(): TestOperation {
    const random = this.#random;
    const { pool, timestamps, assignedShare, now } = this.#mix;
    if (random.chance(0.08)) return this.retract();
    if (random.chance(0.05)) return this.deleteRange();
    const key = random.pick(pool.keys);
    const given = random.chance(assignedShare) ? {} : { timestamp: this.#timestamp(key, random.pick(timestamps)) };
    if (random.chance(0.2)) return { op: "delete", key, ...given };
    const value = this.#value();
    const timestamp = given.timestamp ?? now();
    if (timestamp > 2 ** 52 || !random.chance(0.15)) return { op: "put", key, value, ...given };
    // Assigned timestamps may run ahead of the clock by some seconds.
    const expiresAt = Math.max(timestamp, random.chance(0.5) ? now() : 0) + random.pick([30, 10 ** 8, 10 ** 10]);
    return {
      op: "put",
      key,
      value,
      ...given,
      expiresAt: given.timestamp === undefined ? expiresAt + 10 ** 8 : expiresAt,
    };
  }

  retract(): TestOperation {
    const { pool, timestamps } = this.#mix;
    const key = this.#random.pick(pool.keys);
    return { op: "retract", key, timestamp: this.#timestamp(key, this.#random.pick(timestamps)) };
  }

  /** Not below the key's horizon; mostly just above where it would be. */
  #timestamp(key: Uint8Array, timestamp: number): number {
    const horizon = this.#mix.horizon?.(key) ?? 0;
    return timestamp < horizon ? horizon + this.#random.pick([0, 0, 1, 5]) : timestamp;
  }

  /** Of some keys mostly, now and then of none or of all. */
  deleteRange(rivalOf?: number): TestOperation {
    const random = this.#random;
    const { timestamps, assignedShare, horizonOver } = this.#mix;
    const range = this.#range();
    if (rivalOf === undefined && random.chance(assignedShare)) return { op: "deleteRange", ...range };
    const timestamp = Math.max(rivalOf ?? random.pick(timestamps), horizonOver?.(range) ?? 0);
    return { op: "deleteRange", ...range, timestamp };
  }

  #range(): { readonly start?: Uint8Array; readonly end?: Uint8Array } {
    const random = this.#random;
    const { pool } = this.#mix;
    const [a, b] = [random.pick(pool.keys), random.pick(pool.keys)];
    if (random.chance(0.2)) return { start: a };
    if (random.chance(0.1)) return { end: b };
    if (random.chance(0.02)) return {};
    if (random.chance(0.2)) return { start: a, end: concatBytes([a, new Uint8Array(1)]) };
    const ascend = compareBytes(a, b) < 0 || random.chance(0.1);
    return ascend ? { start: a, end: b } : { start: b, end: a };
  }

  /** Another write to the same key at the same timestamp. */
  #rival(operation: TestOperation): TestOperation {
    const key = operation.op === "deleteRange" ? this.#random.pick(this.#mix.pool.keys) : operation.key;
    if (this.#random.chance(0.1)) return this.deleteRange(operation.timestamp);
    const timestamp = operation.timestamp === undefined ? undefined : this.#timestamp(key, operation.timestamp);
    const moment = timestamp === undefined ? { key } : { key, timestamp };
    if (timestamp !== undefined && this.#random.chance(0.3)) return { op: "retract", key, timestamp };
    return this.#random.chance(0.3) ? { op: "delete", ...moment } : { op: "put", value: this.#value(), ...moment };
  }

  /** Is, or begins with, a number of its own, so that no two values are the same. */
  #value(): Uint8Array {
    const random = this.#random;
    const { valueBytesMax } = this.#mix;
    if (random.chance(0.15)) return utf8(String(++this.#count));
    const lengths = [0, 8, 30, 300, 4096, 8191, 8192, 8193, 20_000, 70_000].filter((length) => length <= valueBytesMax);
    const length = random.chance(0.7) ? random.between(0, 60) : random.pick(lengths);
    const value = random.chance(0.5) ? random.bytes(length) : new Uint8Array(length).fill(random.u32());
    if (length >= 4) new DataView(value.buffer).setUint32(0, ++this.#count);
    return value;
  }
}
