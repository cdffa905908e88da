import { deepEqual, fail, ok } from "node:assert/strict";
import { isKvtsError } from "@kvts/common";
import type { FileCallKind } from "../file-call.ts";
import type { KeyPool } from "../key-pool.ts";
import type { ManualClock } from "../manual-clock.ts";
import type { Moment } from "../model-reader.ts";
import { OpenReads } from "../open-reads.ts";
import type { Random } from "../random.ts";
import { RandomAdmission } from "../random-admission.ts";
import type { RandomOperations } from "../random-operations.ts";
import { RandomRetention } from "../random-retention.ts";
import { StoreChecks } from "../store-checks.ts";
import type { TestReader } from "../store-contents.ts";
import type { TestBatch, TestOperation, TestStore } from "../test-store.ts";
import { expectTyped, isSystemError } from "../typed-errors.ts";
import type { NamedWrites } from "./named-writes.ts";
import { CHECKPOINTS, checkCheckpoint } from "./simulated-checkpoint.ts";
import type { SimulatedProcess } from "./simulated-process.ts";

export interface SimulatedClientOptions {
  readonly random: Random;
  readonly clock: ManualClock;
  readonly pool: KeyPool;
  readonly timestamps: readonly number[];
  readonly operations: RandomOperations;
  readonly named: NamedWrites;
  /** How the request ids of this process begin, other than those that are {@link named}. */
  readonly idsBegin: string;
  /** Which calls to the disk may fail; none, where it is empty. */
  readonly faultKinds: ReadonlySet<FileCallKind>;
  /** Told of each step. */
  readonly note: (step: string) => void;
}

interface HeldSnapshot {
  readonly reader: TestReader & { close(): Promise<void> };
  readonly moment: Moment;
}

/** Writes in flight beyond which the next one waits. */
const IN_FLIGHT_MAX = 8;
/** Seconds after which a sound disk has to be noticed. */
const HEALING_TRIES_MAX = 20;

/**
 * What is done to a store while it is open: writes that overtake reads, reads of every kind, snapshots and scans that
 * stay open, upkeep, a clock that jumps, a disk that fails and heals. Each answer is held against the model.
 */
export class SimulatedClient {
  readonly #random: Random;
  readonly #options: SimulatedClientOptions;
  readonly #process: SimulatedProcess;
  readonly #store: TestStore;
  readonly #checks: StoreChecks;
  readonly #reads: OpenReads;
  readonly #retention: RandomRetention;
  readonly #admission: RandomAdmission;
  #snapshots: HeldSnapshot[] = [];
  /** Whatever has been asked for and not been awaited. It never rejects. */
  #pending: Promise<void>[] = [];
  /** What went wrong in it. */
  #failure: { readonly error: unknown } | undefined;
  #isClosing = false;

  constructor(process: SimulatedProcess, options: SimulatedClientOptions) {
    const { random, clock, pool, timestamps, operations, idsBegin } = options;
    this.#random = random;
    this.#options = options;
    this.#process = process;
    this.#store = process.store;
    this.#reads = new OpenReads(random);
    const { model } = this.#store;
    const horizons = () => this.#store.horizons();
    this.#checks = new StoreChecks(random, { model, pool, timestamps, now: () => clock.now(), horizons });
    this.#admission = new RandomAdmission(random, this.#store, operations, pool, idsBegin);
    this.#retention = new RandomRetention(random, this.#store, pool, timestamps);
  }

  /** False once the store takes no more writes, and has to be opened again. */
  async step(): Promise<boolean> {
    const random = this.#random;
    const kind = random.below(100);
    if (kind < 38) await this.#write();
    else if (kind < 41) await this.#writeAgain();
    else if (kind < 43) await this.#admit();
    else if (kind < 44) this.#checkpoint();
    else if (kind < 45) await this.#erase();
    else if (kind < 49) await this.#writeMany();
    else if (kind < 64) await this.#read();
    else if (kind < 68) await this.#getLater();
    else if (kind < 73) this.#flush();
    else if (kind < 75) this.#later(this.#upkeep(this.#store.db.compact()));
    else if (kind < 76) await this.#retain();
    else if (kind < 79) await this.#takeSnapshot();
    else if (kind < 83) await this.#readSnapshot();
    else if (kind < 85) await this.#beginRead();
    else if (kind < 88) await this.#tolerant(this.#reads.goOn());
    else if (kind < 89) await this.#moveClock();
    else if (kind < 93) await this.#restore();
    else if (kind < 94) await this.#passTurns();
    else if (kind < 95) await (random.chance(0.5) ? this.#expectNoEmptyBatch() : this.#verify());
    else if (this.#options.faultKinds.size > 0) await this.#changeDisk();
    if (this.#failure !== undefined) throw this.#failure.error;
    return this.#store.db.stats().then(({ writable }) => writable === true);
  }

  /** Waits for all that was begun, and compares everything. */
  async finish(): Promise<void> {
    await Promise.all(this.#pending.splice(0));
    if (this.#failure !== undefined) throw this.#failure.error;
    await this.#quiet();
    await this.#tolerant(this.#checks.everything(this.#store.db));
    for (const { reader, moment } of this.#snapshots) await this.#tolerant(this.#checks.everything(reader, moment));
  }

  /** Closes the store in the midst of whatever goes on. */
  async close(): Promise<void> {
    this.#isClosing = true;
    const pending = this.#pending.splice(0);
    const closed = this.#store.close();
    try {
      await closed;
    } catch (error) {
      if (this.#process.faults === 0) throw error;
      expectTyped(error);
    }
    await Promise.all(pending);
    if (this.#failure !== undefined) throw this.#failure.error;
    for (const batch of this.#store.batches) this.#expectReason(batch);
  }

  async #write(): Promise<void> {
    const random = this.#random;
    const operations = random.chance(0.03)
      ? this.#largeBatch()
      : this.#options.operations.batch(random.pick([3, 3, 12]));
    this.#note(`write ${operations.length}`);
    const isNamed = random.chance(0.2);
    const written = isNamed ? this.#submitNamed(operations) : this.#submit(operations);
    const inFlight = this.#store.batches.filter(({ state }) => state === "pending").length;
    if (inFlight > IN_FLIGHT_MAX || random.chance(0.3)) await written;
    else this.#later(written);
  }

  async #writeMany(): Promise<void> {
    const count = this.#random.between(2, 12);
    this.#note(`write ${count} batches`);
    await Promise.all(Array.from({ length: count }, () => this.#submit(this.#options.operations.batch(3))));
  }

  /** More than a memtable holds, so that it is spread over two of them. */
  #largeBatch(): TestOperation[] {
    const random = this.#random;
    return Array.from({ length: 40 }, () => {
      const key = random.pick(this.#options.pool.keys);
      const timestamp = Math.max(random.below(1000), this.#store.horizonMax(key));
      return { op: "put", key, value: new Uint8Array(8000).fill(random.u32()), timestamp };
    });
  }

  async #submit(operations: readonly TestOperation[]): Promise<void> {
    this.#expectReason(await this.#store.submit(operations));
  }

  async #submitNamed(operations: readonly TestOperation[]): Promise<void> {
    this.#expectReason(await this.#options.named.begin(this.#store, operations));
  }

  /** As a caller does that has not heard of its write. */
  async #writeAgain(): Promise<void> {
    if (this.#process.faults > 0) return;
    await this.#quiet();
    this.#note("write again");
    try {
      const batch = await this.#options.named.again(this.#store);
      if (batch !== undefined) this.#expectReason(batch);
    } catch (error) {
      // The disk may have failed meanwhile; then it is not answered, whatever became of the first.
      if (this.#process.faults === 0) throw error;
      expectTyped(error);
    }
  }

  /** On a disk that works: what would be refused is not foretold otherwise. */
  async #admit(): Promise<void> {
    if (this.#options.faultKinds.size > 0) return;
    await this.#quiet();
    this.#note("a write with conditions or a request id");
    await this.#admission.any();
  }

  #checkpoint(): void {
    if (this.#options.faultKinds.size > 0) return;
    const directory = `${CHECKPOINTS}${this.#random.u32()}`;
    this.#note(directory);
    const { scheduler } = this.#process;
    this.#later(checkCheckpoint(this.#store, directory, scheduler, () => this.#quiet()));
  }

  /** Reads that have begun, and are not at their end, may show less from then on. */
  async #erase(): Promise<void> {
    if (this.#options.faultKinds.size > 0) return;
    const range = this.#random.chance(0.5) ? { prefix: this.#checks.key() } : this.#checks.range();
    this.#reads.forget();
    await Promise.all(this.#pending.splice(0));
    await this.#quiet();
    this.#note("erase");
    this.#expectReason(await this.#store.erase(range));
  }

  /** A write that was refused has a reason, and one that is not the store's fault. */
  #expectReason({ error }: TestBatch): void {
    if (error === undefined || (this.#isClosing && isKvtsError(error, "CLOSED"))) return;
    // Only writes with conditions conflict, and those are foretold.
    if (isKvtsError(error, "CONFLICT")) return;
    if (this.#process.faults === 0) throw new Error("a write was refused", { cause: error });
    expectTyped(error);
  }

  /** On a turn of its own, when the model has all that is published. While writes are in flight, what is read by one call alone, or from a snapshot, is known all the same. */
  async #read(): Promise<void> {
    await this.#store.nextTurn();
    const { db } = this.#store;
    const checks = this.#checks;
    switch (this.#random.below(6)) {
      case 0:
        return this.#tolerant(checks.getMany(db));
      case 1:
        return this.#tolerant(checks.scan(db));
      case 2:
        return this.#tolerant(checks.history(db, checks.key()));
      case 3:
        return this.#tolerant(checks.getLater(db));
      case 4:
        return this.#tolerant(checks.aggregate(db, checks.key()));
      default: {
        const snapshot = db.snapshot();
        await this.#tolerant(checks.any(snapshot, this.#momentOf(snapshot.seq)));
        return snapshot.close();
      }
    }
  }

  /** A get whose answer nobody waits for. */
  async #getLater(): Promise<void> {
    await this.#store.nextTurn();
    this.#later(this.#checks.getLater(this.#store.db));
  }

  /** On a disk that works: what becomes of a policy otherwise is not known. */
  async #retain(): Promise<void> {
    if (this.#options.faultKinds.size > 0) return;
    await this.#quiet();
    this.#note(await this.#retention.any());
  }

  #flush(): void {
    this.#note("flush");
    const process = this.#process;
    const written = this.#store.batches.filter(({ state }) => state !== "refused");
    const acknowledged = written.findLastIndex(({ state }) => state === "acknowledged") + 1;
    const flushed = this.#store.db.flush().then(() => {
      process.durableBatches = Math.max(process.durableBatches, acknowledged);
    });
    this.#later(this.#upkeep(flushed));
  }

  /** Upkeep fails with a reason, where something outside the store has gone wrong, or it closes. */
  async #upkeep(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (isKvtsError(error, "CLOSED")) return;
      if (this.#process.faults + this.#process.workerDeaths === 0) throw error;
      expectTyped(error);
    }
  }

  async #takeSnapshot(): Promise<void> {
    await this.#store.nextTurn();
    const { db, model } = this.#store;
    const seq = this.#random.chance(0.5) ? undefined : this.#random.below(model.seq + 1);
    try {
      const reader = db.snapshot({ seq });
      this.#note(`snapshot at ${reader.seq}`);
      this.#snapshots.push({ reader, moment: this.#momentOf(reader.seq) });
    } catch (error) {
      // Read afterwards: it may rise, never fall.
      const floor = Number((await db.stats()).seqFloor);
      if (!isKvtsError(error, "CURSOR_EXPIRED") || seq === undefined || seq >= floor) throw error;
    }
  }

  async #readSnapshot(): Promise<void> {
    const random = this.#random;
    if (this.#snapshots.length === 0) return;
    const at = random.below(this.#snapshots.length);
    const { reader, moment } = this.#snapshots[at]!;
    if (!random.chance(0.3)) return this.#tolerant(this.#checks.any(reader, moment));
    this.#note(`snapshot at ${moment.atSeq} closed`);
    this.#snapshots.splice(at, 1);
    await this.#tolerant(this.#checks.everything(reader, moment));
    await reader.close();
  }

  /** Begins a scan or history, which sees what there is now, and leaves it open. */
  async #beginRead(): Promise<void> {
    await this.#store.nextTurn();
    const { db } = this.#store;
    const checks = this.#checks;
    const read = this.#random.chance(0.7) ? checks.openScan(db) : checks.openHistory(db, checks.key());
    this.#note(`begun: ${read.text}`);
    await this.#tolerant(this.#reads.begin(read));
  }

  /** A write that waits gets its timestamp when its turn comes, so the clock stands still until it has one. */
  async #moveClock(): Promise<void> {
    await this.#quiet();
    const by = this.#random.pick([1, 1000, 10 ** 6, 600 * 10 ** 6, 10 ** 9, -1, -(10 ** 6), -600 * 10 ** 6]);
    this.#note(`clock by ${by} µs`);
    this.#options.clock.advance(by);
  }

  async #passTurns(): Promise<void> {
    const turns = this.#random.pick([1, 5, 50]);
    for (let turn = 0; turn < turns; turn++) await this.#store.nextTurn();
  }

  /** While all goes on, nothing in the store's files is wrong. */
  async #verify(): Promise<void> {
    if (this.#options.faultKinds.size > 0) return;
    this.#note("verify");
    const { problems } = await this.#store.db.verify();
    deepEqual(problems, [], "what verify finds");
  }

  async #expectNoEmptyBatch(): Promise<void> {
    try {
      await this.#store.db.write([]);
    } catch (error) {
      if (isKvtsError(error, "INVALID_ARGUMENT")) return;
      throw error;
    }
    fail("an empty batch was taken");
  }

  /** Breaks a sound disk, or lets it be sound, and sees to it that the store notices. */
  async #changeDisk(): Promise<void> {
    const random = this.#random;
    if (random.chance(0.6)) {
      const lasts = random.chance(0.4);
      const code = this.#failsReads ? "EIO" : random.pick(["EIO", "ENOSPC"] as const);
      const fault = { code, lasts, written: random.pick([0, 0.5, 1]) };
      this.#note(`disk fails: ${JSON.stringify(fault)}`);
      return this.#process.breakDisk(fault, random.between(1, 12));
    }
    this.#process.healDisk();
    if (this.#process.faults > 0) await this.#expectHealing();
  }

  /** Writes succeed again by themselves, unless a sync has failed. */
  async #expectHealing(): Promise<void> {
    this.#note("disk is sound");
    for (let tries = 0; tries < HEALING_TRIES_MAX; tries++) {
      const { writable } = await this.#store.db.stats();
      const { state, error } = await this.#store.submit(this.#options.operations.batch(3));
      if (writable !== true) ok(isKvtsError(error, "READ_ONLY"), `a store that takes no writes says: ${error}`);
      if (writable !== true || state === "acknowledged") return;
      expectTyped(error);
      await this.#process.scheduler.delay(1000);
    }
    fail("it takes no writes although the disk is sound");
  }

  /** While no write is in flight: what a restore writes is known beforehand only then. */
  async #restore(): Promise<void> {
    await this.#quiet();
    const [range, to] = [this.#checks.range(), this.#checks.timestamp()];
    this.#note(`restore to ${to}`);
    const batch = await this.#store.restore(range, to);
    if (batch !== undefined) this.#expectReason(batch);
  }

  /** Waits until no write is in flight. */
  async #quiet(): Promise<void> {
    while (this.#store.batches.some(({ state }) => state === "pending")) await this.#process.scheduler.delay(1);
  }

  /** Reads fail where the disk does not let them read, and in no other way. */
  async #tolerant(read: Promise<void>): Promise<void> {
    try {
      await read;
    } catch (error) {
      if (!this.#failsReads || this.#process.faults === 0 || !isSystemError(error)) throw error;
    }
  }

  #later(work: Promise<void>): void {
    const tolerated = this.#tolerant(work).catch((error: unknown) => {
      if (!isKvtsError(error, "CLOSED")) this.#failure ??= { error };
    });
    this.#pending.push(tolerated);
  }

  get #failsReads(): boolean {
    return this.#options.faultKinds.has("read");
  }

  #momentOf(seq: number): Moment {
    return { atSeq: seq, now: this.#options.clock.now(), horizons: this.#store.horizons() };
  }

  #note(step: string): void {
    this.#options.note(step);
  }
}
