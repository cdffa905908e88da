import { deepEqual, equal, fail, ok } from "node:assert/strict";
import { isKvtsError, utf8 } from "@kvts/common";
import { survivingBatches } from "./crash-images.ts";
import { type Fault, FaultFileSystem, type FaultOptions } from "./fault-file-system.ts";
import { ManualClock } from "./manual-clock.ts";
import { MemoryFileSystem } from "./memory-file-system.ts";
import { Random } from "./random.ts";
import { SimulatedScheduler } from "./simulated-scheduler.ts";
import { expectLines } from "./store-checks.ts";
import { deletedRanges, modelContents, storeContents } from "./store-contents.ts";
import { type TestBatch, type TestOperation, TestStore } from "./test-store.ts";
import type { StoreSettings } from "./tiny-options.ts";
import { expectTyped, isSystemError, typed } from "./typed-errors.ts";

export interface FaultRunOptions {
  readonly fault: Fault;
  readonly kinds?: FaultOptions["kinds"];
  readonly durability?: "sync" | "buffered";
  /** A store that was there before, and what was written to it. */
  readonly before?: StoppedStore;
}

/** A store whose process was killed. */
export interface StoppedStore {
  readonly fileSystem: MemoryFileSystem;
  readonly batches: readonly TestBatch[];
}

/** Small enough that a few dozen writes rotate logs, fill levels and roll the manifest over. */
const SETTINGS: StoreSettings = {
  keys: "bytes",
  compression: "none",
  memtableBytes: 256 * 1024,
  blockCacheBytes: 64 * 1024,
  stallTimeoutMs: 20_000,
  tuning: {
    logSegmentBytes: 4096,
    manifestBytesMax: 1000,
    tables: { tableBytesMax: 2000, compression: "none" },
    picker: { level0Tables: 2, level1BytesMax: 4000, levelFactor: 4, pickBytesMax: 1024 * 1024 },
  },
};

const STEPS = 9;
/** Seconds after which a sound disk has to be noticed. */
const HEALING_TRIES_MAX = 10;

/**
 * A short life of a store on a disk that fails at one call, or from that call on: open, write, flush, merge, close. What
 * is acknowledged stays, what is refused leaves no trace, every failure has a code, reads go on, and once the disk is
 * sound the store is too, by itself or when it is reopened.
 */
export class FaultRun {
  readonly #memory: MemoryFileSystem;
  readonly #faulty: FaultFileSystem;
  readonly #clock: ManualClock = new ManualClock(1_000_000_000);
  readonly #scheduler: SimulatedScheduler = new SimulatedScheduler();
  readonly #random: Random;
  readonly #store: TestStore;
  /** Reads may fail too. */
  readonly #hitsReads: boolean;

  constructor({ fault, kinds, durability = "sync", before }: FaultRunOptions) {
    this.#random = new Random(fault.at);
    this.#hitsReads = kinds?.has("read") === true;
    this.#memory = before?.fileSystem.crash(() => true) ?? new MemoryFileSystem();
    this.#faulty = new FaultFileSystem(this.#memory, {
      fault,
      ...(kinds === undefined ? {} : { kinds }),
      onFailedSync: (path) => this.#memory.loseUnsynced(path, this.#random.coin(0.5)),
    });
    this.#store = this.#storeOn(this.#faulty, before?.batches ?? [], durability);
  }

  /** A killed store with tables and a log that is to be replayed. */
  static async stopped(): Promise<StoppedStore> {
    const run = new FaultRun({ fault: { at: Number.POSITIVE_INFINITY, code: "EIO" } });
    await run.#store.open();
    await run.#live();
    const fileSystem = run.#memory.crash(() => true);
    await run.#store.close();
    return { fileSystem, batches: run.#store.batches };
  }

  /** False where the store lived on without reaching the call that was to fail. */
  async run(): Promise<boolean> {
    const store = this.#store;
    if (await this.#opens()) {
      await this.#live();
      await this.#readsOn();
      if (this.#random.chance(0.5)) await this.#heals();
      await typed(store.close());
    }
    deepEqual(this.#memory.openPaths, [], "files that were left open");
    const isHit = this.#faulty.hits > 0;
    this.#faulty.fault = undefined;
    await this.#checkAfterwards(this.#memory.crash(this.#random.coin(this.#random.pick([0, 0.5]))));
    await this.#checkAfterwards(this.#memory);
    return isHit;
  }

  /** False where it failed to open, with a reason: ours, or the system's. */
  async #opens(): Promise<boolean> {
    try {
      await this.#store.open();
      return true;
    } catch (error) {
      if (!isSystemError(error)) expectTyped(error);
      return false;
    }
  }

  async #live(): Promise<void> {
    const { db } = this.#store;
    const inFlight: Promise<unknown>[] = [];
    for (let step = 0; step < STEPS; step++) {
      const written = Array.from({ length: 3 }, (_, i) => this.#store.submit(this.#operations(step, i)));
      inFlight.push(...written);
      if (step % 3 !== 0) await Promise.all(written);
      if (step % 4 === 1) inFlight.push(typed(db.flush()));
      if (step % 6 === 5) inFlight.push(typed(db.compact()));
      await this.#store.nextTurn();
    }
    await Promise.all(inFlight);
    for (const { error } of this.#store.batches) if (error !== undefined) expectTyped(error);
  }

  #operations(step: number, i: number): TestOperation[] {
    const value = this.#random.bytes(i === 2 && step % 4 === 0 ? 9000 : 150);
    const put = (key: string): TestOperation => ({ op: "put", key: utf8(key), value, timestamp: step * 10 + i });
    const later: TestOperation = { op: "delete", key: utf8(`key ${i}`), timestamp: step * 10 + 5 };
    if (i === 2 && step % 3 === 1) {
      return [{ op: "deleteRange", start: utf8("key 2"), end: utf8(`key ${step}`), timestamp: step * 10 - 4 }];
    }
    return i === 1 ? [put(`key ${step}`), put("all"), later] : [put(i === 0 ? "all" : `key ${step % 3}`)];
  }

  /** The disk's failures keep nobody from reading, save those of reads themselves. */
  async #readsOn(): Promise<void> {
    try {
      await this.#expectAcknowledged();
    } catch (error) {
      if (!(this.#hitsReads && isSystemError(error))) throw error;
    }
  }

  /** While it is open: what was acknowledged is there, and nothing else. */
  async #expectAcknowledged(): Promise<void> {
    const { db, model } = this.#store;
    expectLines(await storeContents(db), modelContents(model), () => "while the disk fails");
  }

  /** Once the disk is sound, writes succeed again by themselves, unless a sync has failed. */
  async #heals(): Promise<void> {
    this.#faulty.fault = undefined;
    for (let tries = 0; tries < HEALING_TRIES_MAX; tries++) {
      const { writable } = await this.#store.db.stats();
      const { state, error } = await this.#store.submit(this.#operations(99, 0));
      if (writable !== true) ok(isKvtsError(error, "READ_ONLY"), String(error));
      if (writable !== true || state === "acknowledged") return this.#expectAcknowledged();
      // A flush that failed is tried again after some time, and whoever needs its room is told until then.
      expectTyped(error);
      await this.#scheduler.delay(1000);
    }
    fail("it takes no writes although the disk is sound");
  }

  async #checkAfterwards(fileSystem: MemoryFileSystem): Promise<void> {
    const { batches } = this.#store;
    const written = batches.filter(({ state }) => state !== "refused");
    const acknowledged = written.findLastIndex(({ state }) => state === "acknowledged") + 1;
    const after = this.#storeOn(fileSystem, [], "sync");
    await after.open();
    survivingBatches(await storeContents(after.db), await deletedRanges(after.db), {
      fileSystem,
      batches: written,
      batchesMin: acknowledged,
      acknowledgedSeq: 0,
      moment: "the failures",
    });
    equal((await after.submit(this.#operations(50, 1))).state, "acknowledged");
    await after.close();
  }

  #storeOn(
    fileSystem: FaultFileSystem | MemoryFileSystem,
    batches: readonly TestBatch[],
    durability: "sync" | "buffered",
  ): TestStore {
    return new TestStore({
      settings: { ...SETTINGS, durability },
      fileSystem,
      clock: this.#clock,
      scheduler: this.#scheduler,
      batches,
    });
  }
}
