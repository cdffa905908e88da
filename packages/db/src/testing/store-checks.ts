import { deepEqual, fail } from "node:assert/strict";
import { type Range, resolveRange, type Version } from "@kvts/common";
import type { LocalEntries } from "../read/local-entries.ts";
import type { KeyPool } from "./key-pool.ts";
import type { Model } from "./model.ts";
import type { Moment } from "./model-reader.ts";
import type { Random } from "./random.ts";
import {
  bytesText,
  contentsDifference,
  modelContents,
  modelText,
  storeContents,
  type TestReader,
  versionText,
} from "./store-contents.ts";

export interface CheckContext {
  readonly model: Model;
  readonly pool: KeyPool;
  readonly timestamps: readonly number[];
  readonly now: () => number;
}

/** A scan that has not begun, and what it will give. */
export interface OpenScan {
  readonly entries: LocalEntries<Version<Uint8Array>>;
  readonly expected: string[];
  /** What was asked, for the report of a failure. */
  readonly text: string;
}

/** Reads at random, and fails where the answer is not the model's. */
export class StoreChecks {
  readonly #random: Random;
  readonly #context: CheckContext;

  constructor(random: Random, context: CheckContext) {
    this.#random = random;
    this.#context = context;
  }

  /** One read of any kind, of the newest state or of a snapshot taken at `moment`. */
  async any(reader: TestReader, moment?: Moment): Promise<void> {
    const kind = this.#random.below(12);
    if (kind < 4) await this.get(reader, this.key(), moment);
    else if (kind < 5) await this.getMany(reader, moment);
    else if (kind < 8) await this.scan(reader, moment);
    else if (kind < 9) await this.diff(reader, moment);
    else if (kind < 10) await this.aggregate(reader, this.key(), moment);
    else await this.history(reader, this.key(), moment);
  }

  async get(reader: TestReader, key: Uint8Array, moment: Moment = this.#newest()): Promise<void> {
    const asOf = this.#asOf();
    const expected = modelText(this.#context.model.get(key, { ...moment, asOf }));
    const where = () => `get ${bytesText(key)} as of ${asOf}, at seq ${moment.atSeq}`;
    // The asynchronous way first: the synchronous one leaves the blocks in the cache.
    if (this.#random.chance(0.7)) expectSame(versionText(await reader.get(key, { asOf })), expected, where);
    if (this.#random.chance(0.7)) expectSame(versionText(reader.getSync(key, { asOf })), expected, where);
  }

  /** A get that has been called, whatever happens before it is answered. */
  async getLater(reader: TestReader): Promise<void> {
    const moment = this.#newest();
    const key = this.key();
    const asOf = this.#asOf();
    const expected = modelText(this.#context.model.get(key, { ...moment, asOf }));
    const found = versionText(await reader.get(key, { asOf }));
    expectSame(found, expected, () => `get ${bytesText(key)} as of ${asOf}, called at seq ${moment.atSeq}`);
  }

  async getMany(reader: TestReader, moment: Moment = this.#newest()): Promise<void> {
    const asOf = this.#asOf();
    const keys = Array.from({ length: this.#random.below(6) }, () => this.key());
    const expected = keys.map((key) => modelText(this.#context.model.get(key, { ...moment, asOf })));
    const found = (await reader.getMany(keys, { asOf })).map(versionText);
    deepEqual(found, expected, `getMany as of ${asOf}, at seq ${moment.atSeq}`);
  }

  async scan(reader: TestReader, moment: Moment = this.#newest()): Promise<void> {
    const { entries, expected, text } = this.openScan(reader, moment);
    expectLines(await this.#taken(entries), expected, () => text);
  }

  /** A scan, and what it gives if it begins now, whatever is written afterwards. */
  openScan(reader: TestReader, moment: Moment = this.#newest()): OpenScan {
    const random = this.#random;
    const range = this.#range();
    const options = {
      asOf: this.#asOf(),
      reverse: random.chance(0.5),
      includeDeleted: random.chance(0.3),
      limit: random.chance(0.3) ? random.between(1, 10) : undefined,
    };
    const expected = this.#context.model.scan(resolveRange(range), { ...moment, ...options }).map(modelText);
    const text = `scan ${rangeText(range)} ${JSON.stringify(options)}, at seq ${moment.atSeq}`;
    return { entries: reader.scan(range, options), expected, text };
  }

  async history(reader: TestReader, key: Uint8Array, moment: Moment = this.#newest()): Promise<void> {
    const { entries, expected, text } = this.openHistory(reader, key, moment);
    expectLines(await this.#taken(entries), expected, () => text);
  }

  /** A history, and what it lists if it begins now. */
  openHistory(reader: TestReader, key: Uint8Array, { atSeq }: Moment = this.#newest()): OpenScan {
    const random = this.#random;
    const options = {
      from: random.chance(0.5) ? this.#timestamp() : undefined,
      to: random.chance(0.5) ? this.#timestamp() : undefined,
      reverse: random.chance(0.5),
      limit: random.chance(0.3) ? random.between(1, 10) : undefined,
    };
    const expected = this.#context.model.history(key, { ...options, atSeq }).map(modelText);
    const text = `history of ${bytesText(key)} ${JSON.stringify(options)}, at seq ${atSeq}`;
    return { entries: reader.history(key, options), expected, text };
  }

  async aggregate(reader: TestReader, key: Uint8Array, { atSeq }: Moment = this.#newest()): Promise<void> {
    const random = this.#random;
    const options = {
      step: random.pick([1, 7, 1000, 2 ** 31 + 1, 2 ** 52]),
      from: random.chance(0.5) ? this.#timestamp() : undefined,
      to: random.chance(0.5) ? this.#timestamp() : undefined,
      limit: random.chance(0.3) ? random.between(1, 10) : undefined,
    };
    const entries = reader.aggregate(key, options);
    const expected = this.#context.model.aggregate(key, { ...options, atSeq });
    const buckets = random.chance(0.5) ? [...entries] : await entries.toArray();
    deepEqual(buckets, expected, `aggregate of ${bytesText(key)} ${JSON.stringify(options)}, at seq ${atSeq}`);
  }

  async diff(reader: TestReader, { atSeq }: Moment = this.#newest()): Promise<void> {
    const [from, to] = [this.#timestamp(), this.#timestamp()].sort((a, b) => a - b) as [number, number];
    const range = this.#range();
    const limit = this.#random.chance(0.3) ? this.#random.between(1, 10) : undefined;
    const expected = this.#context.model
      .diff(resolveRange(range), { from, to, limit, atSeq })
      .map(({ before, after }) => `${modelText(before)} → ${modelText(after)}`);
    const entries = reader.diff(range, { from, to, limit });
    const changes = this.#random.chance(0.5) ? [...entries] : await entries.toArray();
    const found = changes.map(({ before, after }) => `${versionText(before)} → ${versionText(after)}`);
    expectLines(
      found,
      expected,
      () => `diff ${rangeText(range)} from ${from} to ${to}, limit ${limit}, at seq ${atSeq}`,
    );
  }

  /** Everything there is, and each key's value at some moment. */
  async everything(reader: TestReader, moment: Moment = this.#newest()): Promise<void> {
    const { model, pool, timestamps } = this.#context;
    const { atSeq } = moment;
    expectLines(await storeContents(reader), modelContents(model, atSeq), () => `everything at seq ${atSeq}`);
    for (const reverse of [false, true]) {
      const expected = model.scan(resolveRange({}), { ...moment, reverse }).map(modelText);
      expectLines([...reader.scan({}, { reverse })].map(versionText), expected, () => `all keys at seq ${atSeq}`);
    }
    for (const key of [...pool.keys, ...pool.strangers]) {
      const asOf = this.#random.pick(timestamps);
      const expected = modelText(model.get(key, { ...moment, asOf }));
      expectSame(versionText(reader.getSync(key, { asOf })), expected, () => `get ${bytesText(key)} as of ${asOf}`);
    }
  }

  key(): Uint8Array {
    const { keys, strangers } = this.#context.pool;
    return strangers.length > 0 && this.#random.chance(0.1) ? this.#random.pick(strangers) : this.#random.pick(keys);
  }

  /** All items of a sequence, taken in any of the ways that there are. */
  async #taken(entries: LocalEntries<Version<Uint8Array>>): Promise<string[]> {
    const random = this.#random;
    if (random.chance(0.3)) return [...entries].map(versionText);
    if (random.chance(0.3)) return (await entries.toArray()).map(versionText);
    const lines: string[] = [];
    for (let part = await entries.nextv(random.between(1, 7)); part.length > 0; ) {
      lines.push(...part.map(versionText));
      part = await entries.nextv(random.between(1, 7));
    }
    return lines;
  }

  #newest(): Moment {
    return { atSeq: this.#context.model.seq, now: this.#context.now() };
  }

  #range(): Range {
    const random = this.#random;
    if (random.chance(0.3)) return {};
    const key = this.key();
    if (random.chance(0.3)) return { prefix: key.subarray(0, random.below(key.length + 1)) };
    return { start: random.chance(0.7) ? key : undefined, end: random.chance(0.7) ? this.key() : undefined };
  }

  #asOf(): number | undefined {
    return this.#random.chance(0.5) ? this.#timestamp() : undefined;
  }

  #timestamp(): number {
    const random = this.#random;
    const { timestamps, now } = this.#context;
    const near = random.chance(0.2) ? now() : random.pick(timestamps);
    return Math.min(Math.max(0, near + random.between(-1, 1)), Number.MAX_SAFE_INTEGER);
  }
}

export function expectLines(found: readonly string[], expected: readonly string[], where: () => string): void {
  if (found.length === expected.length && found.every((line, i) => line === expected[i])) return;
  const difference = contentsDifference(found, expected).slice(0, 20);
  fail(`${where()}:\n${(difference.length > 0 ? difference : ["in another order"]).join("\n")}`);
}

function expectSame(found: string, expected: string, where: () => string): void {
  if (found !== expected) fail(`${where()}: found ${found} instead of ${expected}`);
}

function rangeText({ prefix, start, end }: Range): string {
  const text = (bound: Range["start"] | Range["prefix"]) => (bound === undefined ? "" : bytesText(bound as Uint8Array));
  return prefix === undefined ? `from ${text(start)} to ${text(end)}` : `with prefix ${text(prefix)}`;
}
