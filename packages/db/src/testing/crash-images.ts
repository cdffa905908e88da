import { fail, ok } from "node:assert/strict";
import type { MemoryFileSystem } from "./memory-file-system.ts";
import { Model } from "./model.ts";
import type { ModelHorizons } from "./model-retention.ts";
import type { Random } from "./random.ts";
import { contentsDifference, modelContents } from "./store-contents.ts";
import { commitTo, type TestBatch, type TestStore } from "./test-store.ts";

/** What a crash left, and what has to be found in it. */
export interface CrashImage {
  readonly fileSystem: MemoryFileSystem;
  /** Everything submitted by then, in order. */
  readonly batches: readonly TestBatch[];
  /** So many of them at least have to be there. */
  readonly batchesMin: number;
  /** The horizons that were in force at least; left out where nothing is known of them. */
  readonly horizons?: ModelHorizons;
  /** Seq of the last write that was acknowledged: no later one may get it again. */
  readonly acknowledgedSeq: number;
  /** What was going on, for the report of a failure. */
  readonly moment: string;
}

/** Shares of unsynced bytes and names that reach the disk; with 1 only the process dies. */
export const CRASH_SHARES: readonly number[] = [0, 0.1, 0.5, 0.9, 1];

export interface CrashOptions {
  /** The store whose power is cut, and its disk. */
  readonly store: TestStore;
  readonly fileSystem: MemoryFileSystem;
  /** How much of what was not synced reaches the disk; with 1 only the process dies. */
  readonly share: number;
  /** So many batches at least are on disk for certain; where it is left out, all that are acknowledged. */
  readonly durableBatches?: number | undefined;
  readonly moment: string;
}

/** What a crash leaves at this very moment. */
export function crashImage(random: Random, options: CrashOptions): CrashImage {
  const { store, fileSystem, share, durableBatches = Number.POSITIVE_INFINITY, moment } = options;
  store.foretell();
  // A write that still waits at the gate has no seq yet, and left no trace.
  const written = store.batches.filter(({ state, lastSeq }) => state !== "refused" && lastSeq > 0);
  const acknowledged = written.findLastIndex(({ state }) => state === "acknowledged") + 1;
  return {
    fileSystem: fileSystem.crash(random.fork().coin(share)),
    batches: written.map((batch) => ({ ...batch })),
    batchesMin: Math.min(durableBatches, acknowledged),
    acknowledgedSeq: written[acknowledged - 1]?.lastSeq ?? 0,
    horizons: store.model.horizons,
    moment,
  };
}

/** Takes crash images of a store at work, at random calls to its file system. */
export class CrashCamera {
  readonly images: CrashImage[] = [];
  /** Calls seen. */
  calls = 0;
  readonly #random: Random;
  readonly #interval: number;
  #next: number;

  /** @param interval calls between two images, on average. */
  constructor(random: Random, interval: number) {
    this.#random = random.fork();
    this.#interval = interval;
    this.#next = this.#random.between(1, interval);
  }

  /** From now on, until `fileSystem.onCall` is taken away. */
  watch(fileSystem: MemoryFileSystem, store: TestStore, isBuffered: boolean): void {
    fileSystem.onCall = ({ kind, path }) => {
      if (++this.calls < this.#next) return;
      this.#next += this.#random.between(1, 2 * this.#interval - 1);
      const share = this.#random.pick(CRASH_SHARES);
      const moment = `call ${this.calls}, ${kind} ${path}, with ${share} of what was not synced`;
      const durableBatches = isBuffered && share < 1 ? 0 : undefined;
      this.images.push(crashImage(this.#random, { store, fileSystem, share, durableBatches, moment }));
    };
  }
}

/**
 * The batches whose effects, and nothing else, make up `found`: the first ones, none missing, none in part.
 * @param horizons by which history is cut there
 * @param found lines as `storeContents` gives them.
 * @param ranges how many deleted ranges the store has: one on keys that have no version shows in nothing else yet.
 */
export function survivingBatches(
  found: readonly string[],
  ranges: number,
  image: CrashImage,
  horizons?: ModelHorizons,
): TestBatch[] {
  const { batches, batchesMin, moment } = image;
  const seqs = found.map((line) => Number(/ #(\d+) /.exec(line)![1]));
  const lastSeq = Math.max(0, ...seqs);
  const first = Math.max(batchesMin, batches.findLastIndex((batch) => batch.lastSeq <= lastSeq) + 1);
  const model = new Model();
  let closest: string[] | undefined;
  for (let count = 0; count <= batches.length; count++) {
    if (count > 0) {
      commitTo(model, batches[count - 1]!);
    }
    if (count < first) continue;
    const difference = contentsDifference(found, modelContents(model, undefined, horizons));
    if (difference.length === 0 && model.ranges === ranges)
      return batches.slice(0, count).map((batch) => ({ ...batch, state: "acknowledged", error: undefined }));
    closest ??= [...difference, `${ranges} deleted ranges, where ${model.ranges} were expected`];
  }
  ok(closest !== undefined, "there is at least one prefix to compare with");
  return fail(`after ${moment}: ${batchesMin} of ${batches.length} batches were acknowledged\n${closest.join("\n")}`);
}
