import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import {
  type EraseProgress,
  isKvtsError,
  limits,
  type Operation,
  type Range,
  type ResolvedRange,
  resolveRange,
  toHex,
  type WriteOptions,
  type WriteResult,
} from "@kvts/common";
import type { CompactionRunner } from "../compaction/job.ts";
import { InlineRunner } from "../compaction/runner.ts";
import { type Db, makeDb } from "../db.ts";
import { Engine } from "../engine.ts";
import type { FileSystem } from "../env/file-system.ts";
import type { Scheduler } from "../env/scheduler.ts";
import { resolveOptions } from "../options.ts";
import { recover } from "../recovery.ts";
import { ManualClock } from "./manual-clock.ts";
import { Model, type ModelOperation, type ModelRestored } from "./model.ts";
import {
  greatestHorizon,
  horizonOf,
  type ModelHorizons,
  type ModelPolicies,
  movedHorizons,
} from "./model-retention.ts";
import { SimulatedLoopDelay } from "./simulated-loop-delay.ts";
import { SimulatedScheduler } from "./simulated-scheduler.ts";
import type { StoreSettings } from "./tiny-options.ts";

/** One operation as a test hands it in; without a timestamp, one is to be assigned. */
export type TestOperation =
  | {
      readonly op: "put";
      readonly key: Uint8Array;
      readonly value: Uint8Array;
      readonly timestamp?: number;
      readonly expiresAt?: number;
    }
  | { readonly op: "delete"; readonly key: Uint8Array; readonly timestamp?: number }
  | { readonly op: "retract"; readonly key: Uint8Array; readonly timestamp: number }
  | { readonly op: "deleteRange"; readonly start?: Uint8Array; readonly end?: Uint8Array; readonly timestamp?: number };

/** A write and what became of it. `unknown`: it failed, and may be found after a restart. */
export interface TestBatch {
  operations: readonly ModelOperation[];
  lastSeq: number;
  /** It is a restore that was an ingest: all its operations have the one seq. */
  restored?: ModelRestored;
  /** It is an erasure of these keys, without operations. */
  erases?: ResolvedRange;
  state: "pending" | "acknowledged" | "refused" | "unknown";
  error: unknown;
}

interface WaitingBatch {
  readonly batch: TestBatch;
  readonly operations: readonly TestOperation[];
}

export interface TestStoreOptions {
  readonly settings: StoreSettings;
  readonly fileSystem: FileSystem;
  readonly directory?: string;
  readonly clock?: ManualClock;
  readonly scheduler?: Scheduler;
  /** Default: on the calling thread, over the store's file system. */
  readonly runner?: (fileSystem: FileSystem, scheduler: Scheduler) => CompactionRunner;
  /** 16 bytes for a new incarnation. Default: always the same. */
  readonly randomBytes?: () => Uint8Array;
  /** What was written before, where the directory holds a store already. */
  readonly batches?: readonly TestBatch[];
}

/**
 * An engine, and beside it a model of what it has acknowledged. The seq and assigned timestamp of every write that the
 * engine has taken are foretold, so that what a write that was cut short would look like is known too. The clock must
 * stand still while writes wait.
 */
export class TestStore {
  readonly clock: ManualClock;
  readonly directory: string;
  /** What has been acknowledged. */
  readonly model: Model = new Model();
  /** Everything submitted, in order. */
  readonly batches: TestBatch[] = [];
  readonly #options: TestStoreOptions;
  readonly #scheduler: Scheduler;
  #fileSystem: FileSystem;
  #engine: Engine | undefined;
  #db: Db<Uint8Array> | undefined;
  /** Batches before this one are in the model, or never will be. */
  #modelled = 0;
  /** Seq and assigned timestamp last given out, as foretold. */
  #lastSeq = 0;
  #lastAssigned = 0;
  /** Submitted, and waiting at the gate: they get their seqs when their turn comes, if it does. */
  readonly #waiting: WaitingBatch[] = [];
  #isReadOnly = false;
  /** A write whose outcome was not as foretold, for those who do not wait for their writes. */
  #mismatch: unknown;

  constructor(options: TestStoreOptions) {
    this.#options = options;
    this.clock = options.clock ?? new ManualClock(1_000_000_000);
    this.directory = options.directory ?? "d";
    this.#scheduler = options.scheduler ?? new SimulatedScheduler();
    this.#fileSystem = options.fileSystem;
    this.batches.push(...(options.batches ?? []));
    this.#updateModel();
  }

  get db(): Db<Uint8Array> {
    ok(this.#db !== undefined, "the store is open");
    return this.#db;
  }

  get settings(): StoreSettings {
    return this.#options.settings;
  }

  get fileSystem(): FileSystem {
    return this.#fileSystem;
  }

  /** Lets other work get on, for a turn of the event loop. */
  nextTurn(): Promise<void> {
    return this.#scheduler.nextTurn();
  }

  /** Opens it, on another file system where one is given. */
  async open(fileSystem: FileSystem = this.#fileSystem): Promise<void> {
    const { settings, runner = inlineRunner, randomBytes = sameBytes } = this.#options;
    const components = {
      fileSystem,
      clock: this.clock,
      scheduler: this.#scheduler,
      runner: runner(fileSystem, this.#scheduler),
      loopDelay: new SimulatedLoopDelay(),
      randomBytes,
    };
    this.#fileSystem = fileSystem;
    const engine = new Engine(await recover(this.directory, resolveOptions({ ...settings, components })));
    this.#engine = engine;
    this.#db = makeDb(engine, "bytes", true);
    this.#isReadOnly = false;
    this.#waiting.length = 0;
    const { seq, lastAssignedTimestamp } = engine.stats();
    const before = this.batches.at(-1)?.lastSeq ?? 0;
    ok(seq >= before, `seq ${seq} goes on above ${before}, the last one given out before`);
    const assigned = Number(lastAssignedTimestamp);
    ok(
      assigned >= this.#lastAssigned,
      `${assigned} is no earlier than the last assigned timestamp ${this.#lastAssigned}`,
    );
    this.#lastSeq = seq;
    this.#lastAssigned = assigned;
  }

  /** Takes over what was found in a store that holds something already, before anything is written to it. */
  adopt(batches: readonly TestBatch[]): void {
    ok(this.batches.length === 0, "batches are adopted first of all");
    const last = batches.at(-1)?.lastSeq ?? 0;
    ok(this.#lastSeq >= last, `seq ${this.#lastSeq} is no earlier than ${last}, the last one that was found`);
    this.batches.push(...batches);
    this.#updateModel();
  }

  async close(): Promise<void> {
    await this.#engine?.close();
    this.abandon();
    if (this.#mismatch !== undefined) throw this.#mismatch;
  }

  /** Takes the engine away from the store, as a power cut does; whoever takes it closes it. */
  abandon(): Engine {
    const engine = this.#engine!;
    this.#engine = undefined;
    this.#db = undefined;
    return engine;
  }

  /**
   * Writes the operations as one batch; one operation alone may also go by its own method. Rejects only where the outcome
   * is not as foretold. With conditions among the options, nothing else is submitted until it is settled: a refused one
   * takes no seqs.
   */
  submit(
    operations: readonly TestOperation[],
    alone: boolean = operations.length === 1,
    options?: WriteOptions,
  ): Promise<TestBatch> {
    this.foretell();
    const batch: TestBatch = { operations: [], lastSeq: 0, state: "pending", error: undefined };
    this.batches.push(batch);
    this.#waiting.push({ batch, operations });
    const wasReadOnly = this.#isReadOnly;
    const settled = this.#write(operations, alone, options).then(
      (result) => this.#acknowledged(batch, result),
      (error: unknown) => this.#failed(batch, error, wasReadOnly),
    );
    this.foretell();
    settled.catch((error: unknown) => {
      this.#mismatch ??= error;
    });
    return settled;
  }

  /** The policies in force, by prefix in hexadecimal. */
  policies(): ModelPolicies {
    const { policies } = this.#engine!.retention;
    return new Map(policies.map(({ prefix, keepFor }) => [toHex(prefix), keepFor]));
  }

  /**
   * The horizons in force, which the model goes by from now on. They may have moved by themselves, but neither back nor
   * further than their policies want.
   */
  horizons(): ModelHorizons {
    const before = this.model.horizons;
    const now = new Map(this.#engine?.retention.horizons.map(({ prefix, timestamp }) => [toHex(prefix), timestamp]));
    if (this.#engine === undefined) return before;
    const most = movedHorizons(this.policies(), before, this.clock.latest);
    for (const id of [...before.keys(), ...now.keys()]) {
      const horizon = horizonOf(now, id);
      ok(horizon >= horizonOf(before, id), `the horizon of ${id} goes back to ${horizon}`);
      ok(horizon <= horizonOf(most, id), `the horizon of ${id} is ${horizon}, where no policy wants it`);
    }
    this.model.horizons = now;
    return now;
  }

  /** Goes by the horizons of a store that has just been opened, which are nowhere below those that it had. */
  adoptHorizons(before: ModelHorizons): ModelHorizons {
    this.model.horizons = new Map(
      this.#engine!.retention.horizons.map(({ prefix, timestamp }) => [toHex(prefix), timestamp]),
    );
    for (const id of [...before.keys(), ...this.model.horizons.keys()]) {
      ok(horizonOf(this.model.horizons, id) >= horizonOf(before, id), `the horizon of ${id} was lost`);
    }
    return this.model.horizons;
  }

  /** How far the horizon of a key may move by itself while the clock stands. */
  horizonMax(key: Uint8Array): number {
    return horizonOf(movedHorizons(this.policies(), this.horizons(), this.clock.now()), toHex(key));
  }

  /** The same of a range: the greatest of any key that may be in it. */
  horizonMaxOver(range: Range): number {
    return greatestHorizon(movedHorizons(this.policies(), this.horizons(), this.clock.now()), resolveRange(range));
  }

  /**
   * Restores a range, while no write is under way. Undefined where there is nothing to write, or nothing can be newer than
   * what is there.
   * Rejects only where the outcome is not as foretold.
   */
  async restore(range: Range, to: number): Promise<TestBatch | undefined> {
    this.foretell();
    ok(this.#waiting.length === 0, "a restore is foretold while no write is under way");
    const engine = this.#engine!;
    if (to < greatestHorizon(this.horizons(), resolveRange(range))) {
      await rejects(this.db.restore(range, to), { code: "HISTORY_TRIMMED" });
      return undefined;
    }
    const { operations, newest } = this.model.restore(resolveRange(range), { to, now: this.clock.now() });
    if (operations.length === 0 || newest === limits.timestampMax) {
      return await this.#restoreNothing(range, to, operations.length === 0);
    }
    const assigned = Math.max(this.clock.now(), this.#lastAssigned + 1, ...this.horizons().values());
    const timestamp = Math.max(assigned, newest + 1);
    const { restoreOperationsMax = limits.batchOperationsMax } = this.#options.settings.tuning;
    const isIngest = operations.length > restoreOperationsMax;
    const lastSeq = this.#lastSeq + (isIngest ? 1 : operations.length);
    const timed = operations.map((operation) => ({ ...operation, timestamp }) as ModelOperation);
    const restored = isIngest ? { restored: { range: resolveRange(range), to } } : {};
    const batch: TestBatch = { operations: timed, lastSeq, ...restored, state: "pending", error: undefined };
    this.batches.push(batch);
    try {
      const { restored, deleted, ...result } = await this.db.restore(range, to);
      deepEqual([restored + deleted, result.timestamp, result.seq], [operations.length, timestamp, lastSeq]);
      batch.state = "acknowledged";
    } catch (error) {
      if (!isKvtsError(error)) throw error;
      const isDoubtful = error.code === "READ_ONLY" && engine.takenSeq > this.#lastSeq;
      if (isDoubtful) this.#isReadOnly = true;
      batch.state = isDoubtful ? "unknown" : "refused";
      // What was foretold of it may come to mean another write.
      if (!isDoubtful) batch.lastSeq = 0;
      batch.error = error;
    }
    if (timestamp === assigned && engine.takenSeq > this.#lastSeq) this.#lastAssigned = assigned;
    this.#lastSeq = engine.takenSeq;
    this.#updateModel();
    return batch;
  }

  /** Erases a range, while no write is under way. Rejects only where the outcome is not as foretold. */
  async erase(range: Range, onProgress?: (progress: EraseProgress) => void): Promise<TestBatch> {
    this.foretell();
    ok(this.#waiting.length === 0, "an erasure is foretold while no write is under way");
    const engine = this.#engine!;
    const lastSeq = this.#lastSeq + 1;
    const batch: TestBatch = {
      operations: [],
      erases: resolveRange(range),
      lastSeq,
      state: "pending",
      error: undefined,
    };
    this.batches.push(batch);
    try {
      const { seq } = await this.db.erase(range, { onProgress });
      equal(seq, lastSeq);
      batch.state = "acknowledged";
    } catch (error) {
      if (!isKvtsError(error)) throw error;
      const isTaken = engine.takenSeq > this.#lastSeq;
      if (error.code === "READ_ONLY" && isTaken) this.#isReadOnly = true;
      batch.state = isTaken ? "unknown" : "refused";
      if (!isTaken) batch.lastSeq = 0;
      batch.error = error;
    }
    // It takes a timestamp with its seq.
    if (engine.takenSeq > this.#lastSeq) this.#lastAssigned = Math.max(this.clock.now(), this.#lastAssigned + 1);
    this.#lastSeq = engine.takenSeq;
    this.#updateModel();
    return batch;
  }

  async #restoreNothing(range: Range, to: number, isDone: boolean): Promise<TestBatch | undefined> {
    try {
      equal((await this.db.restore(range, to)).seq, undefined, "a restore with nothing to do writes nothing");
      ok(isDone, "nothing can be newer than the greatest timestamp");
      return undefined;
    } catch (error) {
      if (!isDone && isKvtsError(error, "INVALID_ARGUMENT")) return undefined;
      if (!isKvtsError(error)) throw error;
      return { operations: [], lastSeq: 0, state: "refused", error };
    }
  }

  /** Finds out which writes the engine has taken up to now, and with that what they will look like. */
  foretell(): void {
    const taken = this.#engine?.takenSeq ?? 0;
    while (this.#lastSeq < taken && this.#waiting.length > 0) {
      const { batch, operations } = this.#waiting.shift()!;
      const greatest = Math.max(0, ...this.horizons().values());
      const assigned = Math.max(this.clock.now(), this.#lastAssigned + 1, greatest);
      if (operations.some(({ timestamp }) => timestamp === undefined)) this.#lastAssigned = assigned;
      this.#lastSeq += operations.length;
      batch.lastSeq = this.#lastSeq;
      batch.operations = operations.map((operation) => modelOperation(operation, assigned));
    }
  }

  async #write(
    operations: readonly TestOperation[],
    alone: boolean,
    options: WriteOptions | undefined,
  ): Promise<WriteResult> {
    const [first] = operations;
    if (!alone) return this.db.write(operations as readonly Operation[], options);
    if (first!.op === "retract") return this.db.retract(first!.key, first!.timestamp);
    const { timestamp } = first!;
    if (first!.op === "deleteRange") {
      const { start, end } = first!;
      return this.db.deleteRange({ start, end }, timestamp === undefined ? undefined : { timestamp });
    }
    if (first!.op === "delete") return this.db.delete(first!.key, timestamp === undefined ? undefined : { timestamp });
    const { key, value, expiresAt } = first!;
    if (timestamp === undefined && expiresAt === undefined) return this.db.put(key, value);
    return this.db.put(key, value, { timestamp, expiresAt });
  }

  #acknowledged(batch: TestBatch, { seq, timestamp }: WriteResult): TestBatch {
    this.foretell();
    ok(seq === batch.lastSeq, `a write has seq ${seq}, and ${batch.lastSeq} was to come`);
    const known = batch.operations.some((operation) => operation.timestamp === timestamp);
    ok(known, `a write has timestamp ${timestamp}, and ${batch.operations.at(-1)!.timestamp} was to come`);
    batch.state = "acknowledged";
    this.#updateModel();
    return batch;
  }

  #failed(batch: TestBatch, error: unknown, wasReadOnly: boolean): TestBatch {
    this.foretell();
    const waiting = this.#waiting.findIndex((one) => one.batch === batch);
    const isTaken = waiting < 0;
    if (!isTaken) this.#waiting.splice(waiting, 1);
    const isDoubtful = isKvtsError(error, "READ_ONLY");
    if (isDoubtful) this.#isReadOnly = true;
    batch.state = isDoubtful && isTaken && !wasReadOnly ? "unknown" : "refused";
    batch.error = error;
    this.#updateModel();
    return batch;
  }

  /** Takes over what has been acknowledged, in order: promises of one group may settle in any. */
  #updateModel(): void {
    for (let batch = this.batches[this.#modelled]; batch !== undefined; batch = this.batches[++this.#modelled]) {
      if (batch.state === "pending") return;
      if (batch.state === "acknowledged") {
        commitTo(this.model, batch);
      }
    }
  }
}

/** @param assigned the timestamp of an operation without one */
export function modelOperation(operation: TestOperation, assigned: number): ModelOperation {
  if (operation.op !== "deleteRange") return { timestamp: assigned, ...operation };
  const { op, start, end, timestamp = assigned } = operation;
  return { op, range: resolveRange({ start, end }), timestamp };
}

/** Has a model do what a batch did. */
export function commitTo(model: Model, { operations, lastSeq, restored, erases }: TestBatch): void {
  if (erases !== undefined) model.erase(erases, lastSeq);
  else model.commit(operations, lastSeq, restored);
}

function sameBytes(): Uint8Array {
  return new Uint8Array(16).fill(7);
}

function inlineRunner(fileSystem: FileSystem, scheduler: Scheduler): CompactionRunner {
  return new InlineRunner(fileSystem, scheduler);
}
