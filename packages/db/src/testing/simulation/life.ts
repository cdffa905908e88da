import { deepEqual, ok } from "node:assert/strict";
import { isKvtsError } from "@kvts/common";
import { parseFileName } from "../../format/filenames.ts";
import { type RepairOptions, repair } from "../../repair.ts";
import { verify } from "../../verify.ts";
import { CRASH_SHARES, type CrashImage, crashImage, survivingBatches } from "../crash-images.ts";
import { CHANGING_CALLS, READING_CALLS } from "../fault-file-system.ts";
import type { FileCallKind } from "../file-call.ts";
import { type KeyPool, randomKeyPool } from "../key-pool.ts";
import { ManualClock } from "../manual-clock.ts";
import { MemoryFileSystem } from "../memory-file-system.ts";
import { NO_HORIZONS } from "../model-retention.ts";
import { Random } from "../random.ts";
import { RandomOperations, randomTimestamps } from "../random-operations.ts";
import { deletedRanges, storeContents } from "../store-contents.ts";
import type { TestBatch, TestStore } from "../test-store.ts";
import { type StoreSettings, tinySettings } from "../tiny-options.ts";
import { expectTyped, isSystemError } from "../typed-errors.ts";
import { ACTIVITIES, type Activity } from "./activity.ts";
import { FeedObserver, isToBeShown } from "./feed-observer.ts";
import { NamedWrites } from "./named-writes.ts";
import { SimulatedClient } from "./simulated-client.ts";
import { type CutPlan, SimulatedProcess } from "./simulated-process.ts";
import type { Trace } from "./trace.ts";

const DIRECTORY = "d";
const BOOTS = 3;
const STEPS_PER_BOOT = 22;
/** A clock this far behind what the store was written at is taken for a mistake: one hour, in microseconds. */
const CLOCK_BEHIND_MAX = 3_600_000_000;
/** Opens and repairs that may fail or be cut short, one after the other, before the disk is let be. */
const TRIES_MAX = 3;
/** Times ten milliseconds within which everything written is shown. */
const OBSERVER_TRIES_MAX = 10_000;
/** Steps that the report of a failure lists. */
const LOGGED_STEPS = 30;

/** A write that waits longer is turned away. */
const STALL_TIMEOUT_MS = 60_000;

/** A key a table, mostly; with less, jobs reserve so many file numbers that looking for what they left takes long. */
const TABLE_BYTES_MIN = 256;

/** What cuts aim at: rare calls more often. */
const AIMS: readonly Activity[] = [
  ...ACTIVITIES.filter((one) => one !== "repair"),
  "segment recycling",
  "segment recycling",
  "segment recycling",
  "checkpoint",
];

const NO_CALLS: ReadonlySet<FileCallKind> = new Set();
const FAULT_KINDS: readonly ReadonlySet<FileCallKind>[] = [
  CHANGING_CALLS,
  CHANGING_CALLS,
  READING_CALLS,
  new Set([...CHANGING_CALLS, ...READING_CALLS]),
];

/** What a life was like. */
export interface LifeReport {
  readonly steps: number;
  /** What the store was doing each time its power was cut or its process killed. */
  readonly cuts: readonly Activity[];
}

/** A life that has shown the store to be wrong. */
export class SimulationError extends Error {
  readonly seed: number;
  readonly step: number;

  constructor(seed: number, steps: readonly string[], cause: unknown) {
    const message = messageOf(cause);
    const last = steps
      .slice(-LOGGED_STEPS)
      .map((step, i) => `  ${Math.max(0, steps.length - LOGGED_STEPS) + i}: ${step}`);
    super(
      `seed ${seed} fails at step ${steps.length - 1}: ${message}\nafter\n${last.join("\n")}\nreplay: just sim ${seed}`,
      {
        cause,
      },
    );
    this.name = "SimulationError";
    this.seed = seed;
    this.step = steps.length - 1;
  }
}

/** With the reasons for it. */
function messageOf(error: unknown): string {
  const { message = String(error), cause } = error as Partial<Error>;
  return cause === undefined ? message : `${message}, because ${messageOf(cause)}`;
}

/**
 * The whole life of a store, as one seed decides it: settings, sizes, keys, what clients do, how long everything takes,
 * when disks fail and power goes. It is opened again and again, on what its last process has left, and may never have
 * lost what it acknowledged, nor hold what was not written, nor any write in part.
 */
export class Life {
  readonly #seed: number;
  readonly #random: Random;
  readonly #trace: Trace;
  readonly #steps: string[] = [];
  readonly #cuts: Activity[] = [];
  readonly #clock: ManualClock = new ManualClock(1_700_000_000_000_000);
  readonly #pool: KeyPool;
  readonly #timestamps: readonly number[];
  readonly #operations: RandomOperations;
  readonly #named: NamedWrites;
  readonly #observer: FeedObserver = new FeedObserver();
  /** Every process so far has kept the whole feed, and no repair has begun another. */
  #keepsFeed = true;
  #settings: StoreSettings;
  /** The last process wrote without syncing, and its power was cut. */
  #hasLostBuffered = false;
  /** Something was erased. The manifest alone tells of that, so a repair without one may bring back what was to go. */
  #hasErased = false;
  /** The store that is open. */
  #store: TestStore | undefined;
  /** What the last process has left, and what has to be found in it. */
  #left: CrashImage;

  constructor(seed: number, trace: Trace) {
    const random = new Random(seed);
    this.#seed = seed;
    this.#random = random;
    this.#trace = trace;
    this.#settings = settingsOf(random);
    this.#pool = randomKeyPool(random, false);
    this.#timestamps = randomTimestamps(random);
    this.#operations = new RandomOperations(random.fork(), {
      pool: this.#pool,
      timestamps: this.#timestamps,
      assignedShare: random.pick([0, 0.3, 0.9]),
      valueBytesMax: random.pick([100, 100, 8192, 20_000]),
      // Timestamps that the store assigns never go back, even where the clock does.
      now: () => this.#clock.latest,
      horizon: (key) => this.#store?.horizonMax(key) ?? 0,
      horizonOver: (range) => this.#store?.horizonMaxOver(range) ?? 0,
    });
    this.#named = new NamedWrites(random.fork(), this.#clock);
    this.#left = {
      fileSystem: new MemoryFileSystem(),
      batches: [],
      batchesMin: 0,
      acknowledgedSeq: 0,
      moment: "the beginning",
    };
  }

  /** @throws SimulationError */
  async run(): Promise<LifeReport> {
    try {
      for (let boot = 0; boot < BOOTS; boot++) {
        if (boot > 0) await this.#between();
        await this.#boot(boot < BOOTS - 1);
      }
      await this.#verify();
    } catch (error) {
      throw new SimulationError(this.#seed, this.#steps, error);
    }
    return { steps: this.#steps.length, cuts: this.#cuts };
  }

  /** What happens to a store that is not open. */
  async #between(): Promise<void> {
    const random = this.#random;
    if (random.chance(0.3)) this.#settings = settingsOf(random);
    if (random.chance(0.3)) {
      this.#passTime(
        random.pick([1, 10 ** 6, 10 ** 10, 10 ** 12, -(10 ** 6), -2 * 10 ** 9, -8 * 10 ** 9, -(10 ** 12)]),
      );
    }
    if (this.#isRepairable && random.chance(0.15)) await this.#loseManifest();
  }

  /**
   * Whether a repair without a manifest gives what an opening with it would have given. Where writes that were not synced
   * got lost, tables of a flush that was cut short may tell more of them than the log; a repair saves whatever is whole.
   */
  get #isRepairable(): boolean {
    const files = this.#left.fileSystem.list(DIRECTORY).map((name) => parseFileName(name)?.kind);
    const holdsSomething = files.includes("table") || files.includes("log");
    return holdsSomething && files.includes("current") && !this.#hasLostBuffered && !this.#hasErased;
  }

  #passTime(by: number): void {
    this.#note(`clock by ${by} µs`);
    this.#clock.advance(by);
  }

  /** One process: opens the store, uses it, and ends in one way or another. */
  async #boot(mayBeCut: boolean): Promise<void> {
    const random = this.#random;
    let acceptClock = false;
    for (let tries = 0; ; tries++) {
      const isRough = tries < TRIES_MAX;
      const cut = mayBeCut && isRough && random.chance(0.8) ? cutPlan(random) : undefined;
      const kinds = isRough && random.chance(0.4) ? random.pick(FAULT_KINDS) : NO_CALLS;
      const process = this.#process(cut, kinds, acceptClock);
      this.#note(`open, with ${cut === undefined ? "no cut" : JSON.stringify(cut)}`);
      const opened = await process.run(() => this.#open(process, kinds));
      if (opened === "refused for its clock") acceptClock = true;
      if (opened === "opened") {
        const survivors = await process.run(() => this.#adopt(process));
        if (survivors !== undefined) {
          process.durableBatches = survivors;
          await process.run(() => this.#use(process, kinds));
          return this.#goOn(process, process.cut?.image);
        }
      }
      // Nothing was written yet: what has to be found is what had to be found before.
      if (process.cut !== undefined) return this.#goOn(process, againCut(this.#left, process.cut.image));
    }
  }

  async #open(
    process: SimulatedProcess,
    kinds: ReadonlySet<FileCallKind>,
  ): Promise<"opened" | "failed" | "refused for its clock"> {
    if (kinds.size > 0 && this.#random.chance(0.4)) process.breakDisk({ code: "EIO" }, this.#random.between(1, 20));
    try {
      await process.store.open();
      // Kept log that the disk could not read is where the feed ends.
      if (process.faults > 0 && kinds.has("read")) this.#keepsFeed = false;
      process.watch.phase = "run";
      return "opened";
    } catch (error) {
      this.#note(`open fails: ${(error as Error).message}`);
      deepEqual(this.#left.fileSystem.openPaths, [], "files that a failed open left open");
      const { lastAssigned } = isKvtsError(error, "UNAVAILABLE") ? error.details : {};
      if (lastAssigned !== undefined) {
        ok(Number(lastAssigned) - this.#clock.now() > CLOCK_BEHIND_MAX, "a clock that is right was refused");
        return "refused for its clock";
      }
      if (process.faults === 0) throw error;
      if (kinds.has("read")) this.#keepsFeed = false;
      if (!isSystemError(error)) expectTyped(error);
      return "failed";
    }
  }

  /** Holds what was found against what had been written; returns how many batches there are. */
  async #adopt(process: SimulatedProcess): Promise<number> {
    const { store } = process;
    process.healDisk();
    const { seq } = await store.db.stats();
    const { acknowledgedSeq, moment } = this.#left;
    ok(seq >= acknowledgedSeq, `after ${moment}: seq ${acknowledgedSeq} could be given out again`);
    const { batches } = this.#left;
    const batchesMin = Math.max(this.#left.batchesMin, this.#observer.shownOf(batches));
    const horizons = store.adoptHorizons(this.#left.horizons ?? NO_HORIZONS);
    const image = { ...this.#left, batchesMin };
    const [contents, ranges] = [await storeContents(store.db), await deletedRanges(store.db)];
    const survivors: TestBatch[] = survivingBatches(contents, ranges, image, horizons);
    store.adopt(survivors);
    this.#named.adopt(survivors);
    this.#keepsFeed &&= keepsWholeFeed(this.#settings);
    this.#observer.begin(process, this.#keepsFeed);
    return survivors.length;
  }

  async #use(process: SimulatedProcess, faultKinds: ReadonlySet<FileCallKind>): Promise<void> {
    this.#store = process.store;
    const client = new SimulatedClient(process, {
      random: this.#random.fork(),
      clock: this.#clock,
      pool: this.#pool,
      timestamps: this.#timestamps,
      operations: this.#operations,
      named: this.#named,
      idsBegin: `boot ${this.#steps.length}`,
      faultKinds,
      note: (step) => this.#note(step),
    });
    for (let step = 0; step < STEPS_PER_BOOT; step++) if (!(await client.step())) break;
    if (this.#random.chance(0.5)) {
      process.healDisk();
      await client.finish();
      await this.#awaitObserver(process);
    }
    this.#observer.check();
    this.#note("close");
    process.watch.phase = "close";
    await client.close();
    deepEqual(this.#left.fileSystem.openPaths, [], "files that closing left open");
  }

  /** A store that takes writes shows all of them in the end. */
  async #awaitObserver({ store, scheduler, faults }: SimulatedProcess): Promise<void> {
    // A sync that the feed has asked for may have failed: what is not on disk is not shown, and nobody has noticed yet.
    if (faults > 0 && this.#settings.durability === "buffered") return;
    const { writable } = await store.db.stats();
    const last = store.batches.findLast(isToBeShown)?.lastSeq ?? 0;
    for (let tries = 0; writable === true && !this.#observer.hasSeen(last); tries++) {
      ok(tries < OBSERVER_TRIES_MAX, `seq ${last} was acknowledged, and is not shown`);
      await scheduler.delay(10);
    }
  }

  /** Makes what a process has left the beginning of the next; without an image it was closed, and perhaps then cut. */
  #goOn(process: SimulatedProcess, image: CrashImage | undefined): void {
    if (process.cut !== undefined) this.#cuts.push(process.cut.activity);
    const share = this.#random.pick(CRASH_SHARES);
    this.#left =
      image ??
      crashImage(this.#random, {
        store: process.store,
        fileSystem: this.#left.fileSystem,
        share,
        // What close could not put on disk is there as long as the power is.
        durableBatches:
          this.#settings.durability === "buffered" && process.faults > 0 ? process.durableBatches : undefined,
        moment: `an orderly close, with ${share} of what was not synced`,
      });
    this.#hasErased ||= this.#left.batches.some(({ erases }) => erases !== undefined);
    const isBuffered = this.#settings.durability === "buffered";
    const isLossy = isBuffered && (process.faults > 0 || (process.cut?.share ?? 1) < 1);
    // Where nothing was found out yet, what the process before has lost still counts.
    this.#hasLostBuffered = isLossy || (this.#hasLostBuffered && process.store.batches.length === 0);
    this.#note(this.#left.moment);
  }

  /** Somebody removes CURRENT, the manifest or both, and has the store repaired, with the power cut in between. */
  async #loseManifest(): Promise<void> {
    const random = this.#random;
    const { fileSystem } = this.#left;
    const kinds = random.pick([["current"], ["manifest"], ["current", "manifest"]]);
    const names = fileSystem.list(DIRECTORY).filter((name) => kinds.includes(parseFileName(name)?.kind ?? ""));
    this.#note(`lost: ${names.join(", ")}`);
    // Where nothing was cut yet, nobody knows any more that it was to be.
    this.#left = { ...this.#left, horizons: NO_HORIZONS };
    this.#keepsFeed = false;
    this.#observer.beginAnew();
    this.#named.forget();
    for (const name of names) await fileSystem.remove(`${DIRECTORY}/${name}`);
    await fileSystem.syncDirectory(DIRECTORY);
    for (let tries = 0; ; tries++) {
      const at = random.between(1, 40);
      const cut = tries < TRIES_MAX ? { activity: undefined, at, share: random.pick(CRASH_SHARES) } : undefined;
      const process = this.#process(cut, NO_CALLS, false);
      this.#note(`repair, with ${cut === undefined ? "no cut" : JSON.stringify(cut)}`);
      const isDone = await process.run(() => this.#repair(process));
      if (process.cut !== undefined) this.#goOn(process, againCut(this.#left, process.cut.image));
      if (isDone === true) break;
    }
    const after = this.#left.fileSystem.crash(random.fork().coin(random.pick(CRASH_SHARES)));
    this.#left = { ...this.#left, fileSystem: after, moment: `${this.#left.moment}, and a repair` };
  }

  /** Whatever it has been through, nothing in its files is wrong. */
  async #verify(): Promise<void> {
    this.#note("verify");
    const process = this.#process(undefined, NO_CALLS, false);
    const report = await process.run(() => verify(DIRECTORY, { components: process.components }));
    deepEqual(report!.problems, [], "what verify finds");
  }

  /** False where it came to nothing because its worker died. */
  async #repair(process: SimulatedProcess): Promise<boolean> {
    process.watch.phase = "repair";
    try {
      await repair(DIRECTORY, { ...repairSettings(this.#settings), components: process.components });
    } catch (error) {
      if (process.workerDeaths === 0) throw error;
      this.#note(`repair fails: ${(error as Error).message}`);
      return false;
    } finally {
      deepEqual(this.#left.fileSystem.openPaths, [], "files that repair left open");
    }
    return true;
  }

  #process(cut: CutPlan | undefined, faultKinds: ReadonlySet<FileCallKind>, acceptClock: boolean): SimulatedProcess {
    const random = this.#random;
    return new SimulatedProcess({
      random: random.fork(),
      disk: this.#left.fileSystem,
      clock: this.#clock,
      settings: { ...this.#settings, acceptClock },
      trace: this.#trace,
      cut,
      faultKinds,
      workerDeathShare: random.pick([0, 0, 0, 0.1]),
    });
  }

  #note(step: string): void {
    this.#steps.push(step);
  }
}

/** A power cut at any call, or at one of the calls of some activity, so that the rare ones are cut as often as others. */
function cutPlan(random: Random): CutPlan {
  const share = random.pick(CRASH_SHARES);
  if (random.chance(0.3)) return { activity: undefined, at: random.between(1, random.pick([30, 300])), share };
  const activity = random.pick(AIMS);
  // Logs are recycled a few times in a life at most.
  const atMax = activity === "segment recycling" ? 2 : random.pick([2, 5, 20]);
  return { activity, at: random.between(1, atMax), share };
}

/** What is left where the power was cut twice, with nothing written in between. */
function againCut(before: CrashImage, { fileSystem, moment }: CrashImage): CrashImage {
  return { ...before, fileSystem, moment: `${before.moment}, then ${moment}` };
}

function keepsWholeFeed({ feedBytes = 0, feedAgeMs = 0 }: StoreSettings): boolean {
  return feedBytes > 1024 ** 2 && feedAgeMs > 365 * 24 * 3_600_000;
}

function settingsOf(random: Random): StoreSettings {
  const settings = tinySettings(random);
  const { tables } = settings.tuning;
  const tableBytesMax = Math.max(TABLE_BYTES_MIN, tables!.tableBytesMax);
  return {
    ...settings,
    stallTimeoutMs: STALL_TIMEOUT_MS,
    tuning: { ...settings.tuning, tables: { ...tables!, tableBytesMax } },
  };
}

function repairSettings({ memtableBytes, compression, tuning }: StoreSettings): RepairOptions {
  return {
    tuning,
    ...(memtableBytes === undefined ? {} : { memtableBytes }),
    ...(compression === undefined ? {} : { compression }),
  };
}
