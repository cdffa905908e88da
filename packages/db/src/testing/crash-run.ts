import { ok } from "node:assert/strict";
import { isKvtsError } from "@kvts/common";
import { CrashCamera, type CrashImage, survivingBatches } from "./crash-images.ts";
import { type KeyPool, randomKeyPool } from "./key-pool.ts";
import { ManualClock } from "./manual-clock.ts";
import { MemoryFileSystem } from "./memory-file-system.ts";
import type { Random } from "./random.ts";
import { RandomOperations, randomTimestamps } from "./random-operations.ts";
import { expectLines } from "./store-checks.ts";
import { deletedRanges, modelContents, storeContents } from "./store-contents.ts";
import { type TestBatch, type TestOperation, TestStore } from "./test-store.ts";
import { type StoreSettings, tinySettings } from "./tiny-options.ts";

export interface CrashRunOptions {
  readonly boots: number;
  readonly stepsPerBoot: number;
  /** Calls to the file system between two crashes that are looked at, on average. */
  readonly interval: number;
}

/** Writes in flight beyond which the next one waits. */
const IN_FLIGHT_MAX = 8;

/**
 * A store whose power is cut again and again. While it opens, writes, flushes, merges and closes, images are taken of
 * what a crash would leave; each is then opened and held against what had been acknowledged, and the store goes on from
 * one of them.
 */
export class CrashRun {
  /** Images looked at. */
  checked = 0;
  readonly #random: Random;
  readonly #options: CrashRunOptions;
  readonly #settings: StoreSettings;
  readonly #clock: ManualClock = new ManualClock(1_000_000_000);
  readonly #pool: KeyPool;
  readonly #operations: RandomOperations;

  constructor(random: Random, options: CrashRunOptions) {
    this.#random = random;
    this.#options = options;
    this.#settings = tinySettings(random);
    this.#pool = randomKeyPool(random, false);
    this.#operations = new RandomOperations(random, {
      pool: this.#pool,
      timestamps: randomTimestamps(random),
      assignedShare: random.pick([0, 0.5]),
      valueBytesMax: random.pick([100, 8192, 20_000]),
      now: () => this.#clock.now(),
    });
  }

  async run(): Promise<void> {
    let fileSystem = new MemoryFileSystem();
    let batches: readonly TestBatch[] = [];
    for (let boot = 0; boot < this.#options.boots; boot++) {
      const store = this.#storeOn(fileSystem, batches);
      const images = await this.#boot(store, fileSystem);
      const survivors: (readonly TestBatch[])[] = [];
      for (const image of images) survivors.push(await this.#check(image));
      const next = this.#random.below(images.length);
      // Without an image it goes on after the orderly close.
      fileSystem = images[next]?.fileSystem.crash(() => true) ?? fileSystem;
      batches = survivors[next] ?? store.batches;
    }
  }

  /** One life of the store, from opening to closing. */
  async #boot(store: TestStore, fileSystem: MemoryFileSystem): Promise<CrashImage[]> {
    const camera = new CrashCamera(this.#random, this.#options.interval);
    camera.watch(fileSystem, store, this.#settings.durability === "buffered");
    await store.open();
    const maintenance: Promise<void>[] = [];
    for (let step = 0; step < this.#options.stepsPerBoot; step++) await this.#step(store, maintenance);
    await store.close();
    for (const result of await Promise.allSettled(maintenance)) {
      if (result.status === "rejected" && !isKvtsError(result.reason, "CLOSED")) throw result.reason;
    }
    fileSystem.onCall = undefined;
    return camera.images;
  }

  async #step(store: TestStore, maintenance: Promise<void>[]): Promise<void> {
    const random = this.#random;
    const kind = random.below(20);
    if (kind < 16) await this.#write(store);
    else if (kind < 17) maintenance.push(store.db.flush());
    else if (kind < 18) maintenance.push(store.db.compact());
    else await this.#passTime(store);
    if (random.chance(0.3)) await store.nextTurn();
  }

  /** A write that waits gets its timestamp when its turn comes, so the clock stands still until it has one. */
  async #passTime(store: TestStore): Promise<void> {
    while (store.batches.at(-1)?.state === "pending") await store.nextTurn();
    this.#clock.advance(this.#random.pick([1, 1000, 600_000]));
  }

  async #write(store: TestStore): Promise<void> {
    const random = this.#random;
    const written = store.submit(
      random.chance(0.02) ? this.#largeBatch() : this.#operations.batch(random.pick([3, 12])),
    );
    const inFlight = store.batches.filter(({ state }) => state === "pending").length;
    if (inFlight > IN_FLIGHT_MAX || random.chance(0.3)) await written;
  }

  /** More than a memtable holds, so that it is spread over two of them. */
  #largeBatch(): TestOperation[] {
    const random = this.#random;
    return Array.from({ length: 40 }, () => {
      return { op: "put", key: random.pick(this.#pool.keys), value: random.bytes(8000), timestamp: random.below(1000) };
    });
  }

  /** Opens an image, compares, and at times goes on with it, or has the recovery itself cut short. */
  async #check(image: CrashImage): Promise<readonly TestBatch[]> {
    this.checked++;
    const random = this.#random;
    // The image itself stays as it is.
    const fileSystem = image.fileSystem.crash(() => true);
    const store = this.#storeOn(fileSystem, []);
    const camera = new CrashCamera(random, 12);
    if (random.chance(0.3)) camera.watch(fileSystem, store, false);
    await store.open();
    fileSystem.onCall = undefined;
    const { seq } = await store.db.stats();
    ok(seq >= image.acknowledgedSeq, `after ${image.moment}: seq ${image.acknowledgedSeq} could be given out again`);
    const survivors = survivingBatches(await storeContents(store.db), await deletedRanges(store.db), image);
    await store.close();
    for (const { fileSystem: again, moment } of camera.images.slice(0, 2)) {
      await this.#check({
        ...image,
        fileSystem: again,
        moment: `${image.moment}, and in the recovery from it ${moment}`,
      });
    }
    if (random.chance(0.3)) await this.#goOn(fileSystem, survivors, image);
    return survivors;
  }

  /** New writes after a crash: they get new seqs, and are there after the next start with all that survived. */
  async #goOn(fileSystem: MemoryFileSystem, survivors: readonly TestBatch[], image: CrashImage): Promise<void> {
    const store = this.#storeOn(fileSystem, survivors);
    await store.open();
    for (let writes = 0; writes < 5; writes++) await store.submit(this.#operations.batch(3));
    const expected = modelContents(store.model);
    const text = () => `five writes after ${image.moment}`;
    expectLines(await storeContents(store.db), expected, text);
    await store.close();
    await store.open();
    expectLines(await storeContents(store.db), expected, () => `${text()}, reopened`);
    await store.close();
  }

  #storeOn(fileSystem: MemoryFileSystem, batches: readonly TestBatch[]): TestStore {
    return new TestStore({ settings: this.#settings, fileSystem, clock: this.#clock, batches });
  }
}
