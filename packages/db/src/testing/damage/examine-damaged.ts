import { deepEqual, equal, fail, ok } from "node:assert/strict";
import { isKvtsError, type KvtsError, resolveRange, utf8 } from "@kvts/common";
import { InlineRunner } from "../../compaction/runner.ts";
import type { Db } from "../../db.ts";
import { open } from "../../open.ts";
import type { OpenOptions } from "../../options.ts";
import type { RepairReport } from "../../repair/report.ts";
import { repair } from "../../repair.ts";
import type { MemoryFileSystem } from "../memory-file-system.ts";
import { type ModelVersion, writesTo } from "../model.ts";
import type { Random } from "../random.ts";
import { SimulatedScheduler } from "../simulated-scheduler.ts";
import { contentsDifference, modelContents, modelText, storeContents, versionText } from "../store-contents.ts";
import type { StoreImage } from "./store-image.ts";

/** What came of a damaged store. */
export interface Examination {
  /** It was refused when it was opened, or one of the reads was. */
  readonly refused: boolean;
  /** The batches that were given up as torn off. */
  readonly tornBatches: number;
  readonly repaired: RepairReport | undefined;
}

export interface DamageRules {
  /** How many of the last batches may be gone without a word: those that no other frame vouches for. */
  readonly tornBatchesMax: number;
  /** Checksums are right, so that what was falsified may also pass for what a newer version wrote, or for data. */
  readonly isForged: boolean;
}

/** Codes beyond CORRUPTION by which a store with forged contents may be refused: a newer format, a clock far ahead. */
const FORGED_CODES: readonly string[] = ["UNIMPLEMENTED", "UNAVAILABLE"];

/** Stores that are merged whole once they have been read, and those that are repaired once more. */
const MERGED_SHARE = 0.15;
const REPAIRED_AGAIN_SHARE = 0.2;

const UNMERGED = { level0Tables: 1_000_000, level1BytesMax: 2 ** 40, levelFactor: 10, pickBytesMax: 2 ** 40 };

/**
 * Opens a damaged store and reads it in every way; repairs it, and does so again. Fails where an answer is wrong, where
 * an error is anything but CORRUPTION with file and offset, and where a repair keeps quiet about what is lost.
 */
export async function examineDamaged(
  image: StoreImage,
  damaged: MemoryFileSystem,
  rules: DamageRules,
  random: Random,
): Promise<Examination> {
  const examiner = new Examiner(image, rules, random);
  const { refused, tornBatches } = await examiner.readDamaged(damaged.crash(() => true));
  const repaired = await examiner.repairDamaged(
    damaged.crash(() => true),
    refused,
  );
  return { refused, tornBatches, repaired };
}

class Examiner {
  readonly #image: StoreImage;
  readonly #rules: DamageRules;
  readonly #random: Random;

  constructor(image: StoreImage, rules: DamageRules, random: Random) {
    this.#image = image;
    this.#rules = rules;
    this.#random = random;
  }

  async readDamaged(fileSystem: MemoryFileSystem): Promise<{ refused: boolean; tornBatches: number }> {
    const db = await this.#unlessRefused(() => this.#open(fileSystem));
    if (db === undefined) {
      deepEqual(fileSystem.openPaths, [], "a store that was refused leaves no file open");
      return { refused: true, tornBatches: 0 };
    }
    try {
      const before = await this.#readAll(db);
      if (this.#random.chance(MERGED_SHARE)) await this.#merge(db, before);
      return before;
    } finally {
      await db.close();
      deepEqual(fileSystem.openPaths, [], "a store that was closed leaves no file open");
    }
  }

  async repairDamaged(fileSystem: MemoryFileSystem, wasRefused: boolean): Promise<RepairReport | undefined> {
    let report: RepairReport;
    try {
      report = await repair(this.#image.directory, this.#options(fileSystem));
    } catch (error) {
      if (this.#rules.isForged && isKvtsError(error, "UNIMPLEMENTED")) return undefined;
      throw error;
    }
    if (wasRefused && !this.#rules.isForged) equal(report.sound, false, "a store that cannot be read is not sound");
    deepEqual(fileSystem.openPaths, [], "a repair leaves no file open");
    await this.#expectRepaired(fileSystem, report);
    if (this.#random.chance(REPAIRED_AGAIN_SHARE)) {
      const again = await repair(this.#image.directory, this.#options(fileSystem));
      equal(again.sound, true, `a repaired store is sound: ${JSON.stringify(again)}`);
    }
    return report;
  }

  /** A repaired store opens, has nothing that was never written, and lacks nothing without saying so. */
  async #expectRepaired(fileSystem: MemoryFileSystem, report: RepairReport): Promise<void> {
    const db = await this.#open(fileSystem);
    try {
      const found = await storeContents(db);
      if (this.#rules.isForged) return;
      if (report.lost) {
        const written = this.#image.answers.remembered(
          "every",
          () => new Set(everyVersion(this.#image).map(modelText)),
        );
        deepEqual(
          found.filter((line) => !written.has(line)),
          [],
          "what is there after a repair was written",
        );
      } else
        ok(this.#tornBatches(found) !== undefined, this.#differenceText(found, "a repair said that nothing is lost"));
    } finally {
      await db.close();
    }
  }

  /** A merge takes nothing away: it is refused where something is damaged, and everything else is there as before. */
  async #merge(db: Db<Uint8Array>, before: { refused: boolean; tornBatches: number }): Promise<void> {
    await this.#unlessRefused(() => db.compact());
    if (!this.#rules.isForged) deepEqual(await this.#readAll(db), before, "after a merge");
  }

  async #readAll(db: Db<Uint8Array>): Promise<{ refused: boolean; tornBatches: number }> {
    const found = await this.#unlessRefused(() => storeContents(db));
    const tornBatches = found === undefined ? 0 : this.#tornBatches(found);
    if (tornBatches === undefined) {
      if (!this.#rules.isForged) fail(this.#differenceText(found!, "the store opened"));
      return { refused: false, tornBatches: 0 };
    }
    const { batches } = this.#image;
    const atSeq = batches[batches.length - 1 - tornBatches]!.lastSeq;
    let refusals = 0;
    for (const read of this.#reads(db, atSeq)) {
      const answer = await this.#unlessRefused(read.ask);
      if (answer === undefined) refusals++;
      else if (!this.#rules.isForged) {
        const expected = this.#image.answers.remembered(`${read.text} at ${atSeq}`, read.expected);
        deepEqual(answer, expected, read.text);
      }
    }
    if (found === undefined) return { refused: true, tornBatches };
    if (!this.#rules.isForged) equal(refusals, 0, "what was read once can be read again");
    return { refused: refusals > 0, tornBatches };
  }

  /** How many of the last batches are missing; undefined where it is not that, or more than may be. */
  #tornBatches(found: readonly string[]): number | undefined {
    const { batches, model } = this.#image;
    for (let torn = 0; torn <= this.#rules.tornBatchesMax; torn++) {
      const atSeq = batches[batches.length - 1 - torn]!.lastSeq;
      const expected = this.#image.answers.remembered(`all at ${atSeq}`, () => modelContents(model, atSeq));
      if (contentsDifference(found, expected).length === 0) return torn;
    }
    return undefined;
  }

  #differenceText(found: readonly string[], when: string): string {
    const difference = contentsDifference(found, modelContents(this.#image.model));
    return [`${when}, and ${difference.length} lines differ:`, ...difference.slice(0, 10)].join("\n");
  }

  /** Reads of every kind: the newest and as of some moment, of keys that are there and others, both ways. */
  *#reads(db: Db<Uint8Array>, atSeq: number): Iterable<Read> {
    const { model, clock, keys } = this.#image;
    const now = clock.now();
    const random = this.#random;
    for (const asOf of [undefined, random.pick([130, 250, now - 1, now + 40])]) {
      const at = asOf === undefined ? {} : { asOf };
      const view = { now, atSeq, ...at };
      const options = { reverse: random.chance(0.5), includeDeleted: random.chance(0.5) };
      yield {
        text: `scan ${JSON.stringify({ ...at, ...options })}`,
        ask: async () => (await db.scan({}, { ...at, ...options }).toArray()).map(versionText),
        expected: () => model.scan(resolveRange({}), { ...view, ...options }).map(modelText),
      };
      const some = [random.pick(keys), random.pick(keys), random.pick(keys), utf8("key-9999"), utf8("a")];
      for (const key of some) {
        const sync = random.chance(0.5);
        yield {
          text: `get of ${Buffer.from(key).toString()} ${JSON.stringify(at)}`,
          ask: async () => versionText(sync ? db.getSync(key, at) : await db.get(key, at)),
          expected: () => modelText(model.get(key, view)),
        };
      }
    }
    const key = random.chance(0.3) ? utf8("group") : random.pick(keys);
    const reverse = random.chance(0.5);
    yield {
      text: `history of ${Buffer.from(key).toString()}, reverse ${reverse}`,
      ask: async () => (await db.history(key, { reverse }).toArray()).map(versionText),
      expected: () => model.history(key, { reverse, atSeq }).map(modelText),
    };
  }

  /** What `read` gives; undefined where it is refused as it should be. Fails on any other error. */
  async #unlessRefused<T>(read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read();
    } catch (error) {
      if (this.#isRefusal(error)) return undefined;
      throw error;
    }
  }

  #isRefusal(error: unknown): boolean {
    if (!isKvtsError(error)) return false;
    if (this.#rules.isForged && FORGED_CODES.includes(error.code)) return true;
    return error.code === "CORRUPTION" && this.#namesFileAndOffset(error);
  }

  #namesFileAndOffset({ details }: KvtsError): boolean {
    const { file, offset } = details;
    return String(file).startsWith(`${this.#image.directory}/`) && Number.isSafeInteger(offset) && Number(offset) >= 0;
  }

  #open(fileSystem: MemoryFileSystem): Promise<Db<Uint8Array>> {
    return open(this.#image.directory, this.#options(fileSystem));
  }

  #options(fileSystem: MemoryFileSystem): OpenOptions<"bytes"> {
    const scheduler = new SimulatedScheduler();
    return {
      keys: "bytes",
      memtableBytes: 256 * 1024,
      blockCacheBytes: 64 * 1024,
      compression: "none",
      tuning: { logSegmentBytes: 4096, picker: UNMERGED },
      components: {
        fileSystem,
        clock: this.#image.clock,
        scheduler,
        runner: new InlineRunner(fileSystem, scheduler),
        randomBytes: () => new Uint8Array(16).fill(9),
      },
    };
  }
}

interface Read {
  readonly text: string;
  readonly ask: () => Promise<unknown>;
  readonly expected: () => unknown;
}

/** Every version that was there at any time. */
function everyVersion({ batches, keys }: StoreImage): ModelVersion[] {
  return batches.flatMap(({ operations, lastSeq, restored }) =>
    operations.flatMap((operation, index) => {
      const seq = restored !== undefined ? lastSeq : lastSeq - operations.length + 1 + index;
      if (operation.op === "retract") return [];
      if (operation.op !== "deleteRange") return [{ ...operation, seq } as ModelVersion];
      const { timestamp } = operation;
      return keys
        .filter((key) => writesTo(operation, key))
        .map((key) => ({ op: "delete", key, timestamp, seq }) as const);
    }),
  );
}
